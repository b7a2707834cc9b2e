"""`startline panel` before a virtual reader: it looks without disturbing, and does what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from startline_host.device.port import open_port
from startline_host.device.repl import Repl
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.operator.cloud_target import CloudTarget
from startline_host.mock_cloud import MockCloud
from startline_host.panel import PanelServer
from startline_host.secrets import Secret
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, at_its_prompt
from tests.panel.visiting import Visitor, options

Start = Callable[..., VirtualEsp32]
Load = Callable[..., None]

_APP = """
import time

def main(device):
    race = device.race()
    race.set_time(1795000000000, 2)
    race.open("10 km")
    for number in range(30):
        race.passing("E280116060000205%08X" % number, bib=str(number))
    while True:
        race.send(20)
        time.sleep_ms(20)
"""


def give_app(chip: VirtualEsp32, source: str) -> None:
    """Put a program onto a reader and start it."""
    with open_port(chip.url) as port:
        repl = Repl(port)
        repl.enter(10.0)
        repl.run(f"with open('/app.py', 'w') as file: file.write({source!r})")
        repl.restart()


def test_a_reader_is_looked_at_asked_and_changed(
    start: Start, load_flash: Load, provision: Provision, cloud: MockCloud, tmp_path: Path
) -> None:
    """Bound, timing, asked and set on one page, which never stops it by itself and shows no secret."""
    load_flash(provision.image())
    chip = start()
    cloud.wait_for_request("POST", timeout=60)
    assert at_its_prompt(chip)
    deviceid = cloud.devices()[0]["deviceid"]
    target = CloudTarget(cloud.base_url, (cloud.ca_der,))
    given = options(chip.url, control=True, find_cloud=lambda: target)
    with PanelServer(given) as panel, Visitor(panel) as page:
        page.until(lambda told: told["port"]["state"] == "open")
        before = chip.counts()
        for _ in range(20):
            page.http.get("/")
            page.state()
        assert chip.counts().received == before.received
        # Nobody has said a word: only who is asked tells more.
        refused = page.order("status")
        assert (refused.status_code, "may be timing" in refused.text) == (403, True)
        assert page.done("status", interrupt=True)["sentences"] == [f"{SERIAL} is bound."]
        told = page.until_says(f"{SERIAL} is bound")
        assert told["headline"]["next"] == "Nothing to do."
        assert told["reader"]["deviceid"] == f"{deviceid[:8]}…{deviceid[-4:]}"

        job = page.done("inspect", interrupt=True)
        assert job["sentences"] == [f"{SERIAL} is bound. Nothing to do."]
        found = page.state()["inspection"]
        assert found["missing"] == []
        assert [row[0] for row in found["partitions"]][-3:] == ["race", "bind", "fctry"]

        job = page.done("set", interrupt=True, look_pause=77)
        assert job["sentences"] == ["Written: set.look_pause.", f"{SERIAL} is bound."]
        page.done("inspect", interrupt=True)
        assert ["set.look_pause", "77"] in page.state()["inspection"]["settings"]
        assert page.done("set", interrupt=True, ssid="bench", password="bench-wifi",
                         only_try=True)["state"] == "done"  # fmt: skip
        assert page.done("retry", interrupt=True)["sentences"] == [f"{SERIAL} is bound."]

        # The READ key is asked for on the page, as it would be in a terminal.
        assert page.order("reconcile", interrupt=True).status_code == 202
        question = page.until(lambda told: told["job"]["question"])["job"]["question"]
        assert (question["label"], question["secret"]) == ("READ key", True)
        answered = page.post("/_panel/answers", {"question": question["number"],
                                                 "typed": cloud.keys["READ"]})  # fmt: skip
        assert answered.status_code == 200
        assert page.ended()["sentences"] == [f"{SERIAL} is bound."]
        shown = page.http.get("/_panel/state").text
        for secret in (*cloud.keys.values(), "bench-wifi", deviceid):
            assert secret not in shown
        times_a_race(page, chip)
        assert [one.method for one in cloud.requests].count("POST") == 1
        chip.stop()
        told = page.until(lambda told: told["port"]["state"] == "gone")
        assert "goes on by itself" in told["headline"]["next"]
        assert page.done("status", interrupt=True)["exit_code"] == 10


def times_a_race(page: Visitor, chip: VirtualEsp32) -> None:
    """See a race by what its reader reports, and then by the journal, for which it is stopped."""
    page.post("/_panel/port", {"release": True})
    page.until_says("free for another program")
    give_app(chip, _APP)
    page.post("/_panel/port", {"release": False})
    told = page.until(lambda told: (told["race"] or {}).get("stored") == 30)
    assert "is timing 10 km: 30 stored, 0 sent, 30 waiting" in told["headline"]["words"]
    told = page.until(lambda told: "run.key is missing" in told["headline"]["next"])
    assert told["race"]["clock"] != "not known"
    boots = str(page.state()["console"]).count("agent 0.2")
    assert page.done("race status")["sentences"] == [
        "30 passings stored, 30 of them not sent yet."
    ]
    assert page.state()["headline"]["words"].startswith(f"{SERIAL} is timing 10 km")
    assert str(page.state()["console"]).count("agent 0.2") == boots  # nobody stopped it for that
    page.done("race status", interrupt=True)
    journal = page.state()["journal"]
    assert (journal["stored"], journal["sessions"][0]["alias"]) == (30, "10 km")
    assert page.done("doctor")["state"] == "done"
    texts = [one["text"] for one in page.state()["doctor"]["findings"]]
    assert f"{chip.url} can be opened, and nobody else has it." in texts


def test_a_page_that_only_looks_changes_nothing(
    start: Start, load_flash: Load, provision: Provision, cloud: MockCloud, flash: Path
) -> None:
    """Unbound for want of Wi-Fi: the reason and the way out are said; without control all else is 403."""
    load_flash(provision.image())
    chip = start({"access_points": {}})
    given = options(chip.url, read_key=Secret(cloud.keys["READ"]))
    with PanelServer(given) as panel, Visitor(panel) as page:
        told = page.until_says(f"{SERIAL} is unbound")
        assert "startline retry" in told["headline"]["next"]
        before = flash.read_bytes()
        for verb in ("set", "retry", "reconcile"):
            answer = page.order(verb, interrupt=True)
            assert (answer.status_code, "--control" in answer.text) == (403, True), verb
        assert page.state()["job"] is None
        assert flash.read_bytes() == before
