"""The panel answers to its own page alone, and listens whatever becomes of the port."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from startline_host.device.port_lock import PortLock
from startline_host.flows.operator.change_plan import FACTORY
from startline_host.panel import PanelServer
from startline_host.panel.panel_verbs import PANEL_VERBS
from tests.json_lines import checked
from tests.panel.visiting import TalkingReader, Visitor, options

COMMAND = [sys.executable, "-m", "startline_host", "panel"]
BOOT = '{"ev":"boot","n":0,"ms":12,"version":"0.2.0"'
IDENTITY = ('{"ev":"identity","n":1,"ms":13,"serial":"R-17","model":"X1","mac":"24:6f:28:00:00:01",'
            '"cloud":"rufus","base_url":"https://localhost/v0"')  # fmt: skip
TOKEN = "65A1B7E0C6BC3D32" * 4
READY = (
    f'{{"ev":"ready","n":2,"ms":20,"state":"bound","reason":"","token":"{TOKEN}","serial":"R-17"'
)
RACE = ('{"ev":"race","n":3,"ms":99,"session":"10 km","sending":"open","stored":9,"sent":4,'
        '"waiting":5,"unsure":0,"aside":0,"clock":"ntp","error_ms":3,"full":1,"reason":"idle"')  # fmt: skip


@pytest.fixture
def reader() -> Iterator[TalkingReader]:
    """Have a reader that says what it is told to."""
    talking = TalkingReader()
    yield talking
    talking.unplug()


@pytest.fixture
def page(reader: TalkingReader) -> Iterator[Visitor]:
    """Open the page of a panel that may change its reader."""
    with PanelServer(options(reader.url, control=True)) as panel, Visitor(panel) as visitor:
        yield visitor


def test_only_the_pages_own_requests_are_answered(page: Visitor, reader: TalkingReader) -> None:
    """Foreign hosts get 421, foreign pages and a missing or wrong token 403, a GET changes nothing."""
    order = {"verb": "status", "order": {"interrupt": True}}
    for host in ("evil.example", "localhost.evil.example:8481", "", "a@localhost"):
        for path in ("/", "/_panel/state", "/_panel/events"):
            assert page.http.get(path, headers={"Host": host}).status_code == 421
    for headers in (
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
        {"X-Startline-Token": ""}, {"X-Startline-Token": "x" * 32}, {"X-Startline-Token": "é"},
    ):  # fmt: skip
        given = {"X-Startline-Token": page.token, **headers}
        sent = [(name.encode(), value.encode()) for name, value in given.items()]
        for path, body in (("/_panel/jobs", order), ("/_panel/port", {"release": True}),
                           ("/_panel/answers", {"question": 1, "typed": "yes"})):  # fmt: skip
            answer = page.http.post(path, json=body, headers=sent)
            assert answer.status_code == 403, (headers, path)
    for path in ("/_panel/jobs", "/_panel/port", "/_panel/answers"):
        assert page.http.get(path, params={"verb": "retry"}).status_code == 405
        form = {"Content-Type": "text/plain", "X-Startline-Token": page.token}
        assert page.http.post(path, content=json.dumps(order), headers=form).status_code == 400
        assert page.post(path, [1]).status_code == 400
    assert page.post("/_panel/answers", {"question": 1, "typed": "yes"}).status_code == 409
    own = page.post("/_panel/port", {"release": False}, Origin=page.panel.page_url.rstrip("/"))
    assert own.status_code == 200
    assert page.state()["job"] is None
    assert reader.got == b""


def test_the_page_runs_nothing_but_its_own_parts(page: Visitor) -> None:
    """It names no other address, its policy has the hashes of its parts, nobody may frame or keep it."""
    answer = page.http.get("/")
    assert re.findall(r"https?://|//[a-z]+\.|@import|url\(|src=", answer.text) == []
    policy = answer.headers["content-security-policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'none'", "sha256-"):
        assert rule in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert page.http.get("/_panel/state").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("verb", "order", "words"),
    [
        ("set", {}, "No setting is given."),
        ("set", {"ssid": "Arena"}, "The Wi-Fi password is needed."),
        ("set", {"ssid": "Arena", "password": "short"}, "password"),
        (
            "set",
            {"ssid": "Arena", "password": "long enough", "open": True},
            "An open Wi-Fi has no",
        ),
        ("set", {"boot_limit": 1}, "boot_limit"),
        ("set", {"boot_limit": "9"}, "That is not an action of this verb"),
        ("set", {"factory": ["key"]}, "There is no setting 'key' to restore."),
        ("set", {"factory": [], "only_try": True}, "either a try or"),
        ("set", {"key": "x"}, "That is not an action of this verb"),
        ("retry", {"timeout": 0}, "1 second or more"),
        ("reconcile", {"known_serials": ["\u202ereversed"]}, "U+202E"),
        ("unbind", {}, "has no verb 'unbind'"),
    ],
)
def test_a_bad_order_never_reaches_the_reader(
    page: Visitor, reader: TalkingReader, verb: str, order: dict[str, object], words: str
) -> None:
    """What the command line refuses is refused before anything is sent, in one sentence."""
    answer = page.order(verb, interrupt=True, **order)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["problem"]
    assert page.state()["job"] is None
    assert reader.got == b""


def test_what_changes_a_reader_is_what_control_is_for() -> None:
    """Every verb that writes is one that --control opens; those that only look are the others."""
    assert {name for name, one in PANEL_VERBS.items() if one.changes} == {
        "set",
        "retry",
        "reconcile",
    }
    assert {name for name, one in PANEL_VERBS.items() if not one.interrupts} == {
        "doctor", "race status",
    }  # fmt: skip


def test_a_life_is_followed_in_words(page: Visitor, reader: TalkingReader) -> None:
    """Quiet, bound, timing, reset, another's name, gone and back: the first sentence says each."""
    assert page.state()["about"]["factory"] == sorted(FACTORY)
    page.until_says("has printed nothing")
    reader.say(BOOT, IDENTITY, READY, f"deviceid {TOKEN}\n".encode())
    told = page.until(lambda told: "deviceid" in str(told["console"]))
    assert told["headline"]["words"] == "R-17 is bound."
    assert TOKEN not in json.dumps(told)
    reader.say(RACE)
    told = page.until_says("R-17 is timing 10 km: 9 stored, 4 sent, 5 waiting")
    assert told["race"]["clock"] == "ntp, within 3 ms"
    assert told["race"]["sending"] == "5 passings on the way"
    reader.say(RACE.replace('"sent":4,"waiting":5', '"sent":9,"waiting":0'))
    page.until(lambda told: told["race"]["sending"] == "all that is stored is sent")
    reader.say(RACE.replace("idle", "no_key").replace('"aside":0', '"aside":2'))
    told = page.until(lambda told: "startline race resend" in told["headline"]["next"])
    assert told["headline"]["kind"] == "odd"
    reader.say(b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\n", BOOT)
    told = page.until(lambda told: told["race"] is None)
    assert told["headline"]["words"] == "R-17 is bound."  # who it is does not change by a reset
    reader.say(b"rst:0xc\n", b"rst:0xc\n")
    page.until_says("keeps restarting: 3 times")
    reader.say(IDENTITY, READY.replace("R-17", "R-18"))
    page.until_says("its serial number is R-18, and it should be R-17")
    reader.say(b"rst:0xc\n", b"Brownout detector was triggered\n")
    page.until_says("supply gives way")
    reader.unplug()
    told = page.until_says("has gone")
    assert "goes on by itself" in told["headline"]["next"]
    reader.plug_in()
    page.until(lambda told: told["port"]["state"] == "open")
    reader.say(BOOT, IDENTITY.replace("R-17", "R-18"), READY.replace("R-17", "R-18"))
    page.until_says("R-18 is bound.")
    assert reader.got == b""


def test_a_busy_port_is_waited_for(reader: TalkingReader) -> None:
    """Whoever has the port is named, and it is taken as soon as it is free; a released one is left alone."""
    with PortLock(reader.url), PanelServer(options(reader.url)) as panel, Visitor(panel) as page:
        told = page.until(lambda told: told["port"]["state"] == "busy")
        assert f"process {os.getpid()}" in told["headline"]["words"]
    with PanelServer(options(reader.url)) as panel, Visitor(panel) as page:
        page.until(lambda told: told["port"]["state"] == "open")
        page.post("/_panel/port", {"release": True})
        page.until_says("free for another program")
        with PortLock(reader.url):
            assert "given up the port" in page.order("status", interrupt=True).text
    with PanelServer(options("/dev/no-such-port")) as panel, Visitor(panel) as page:
        page.until_says("There is no port /dev/no-such-port.")


@contextmanager
def served(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the verb until the block ends; give the process and its first line."""
    with subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def test_the_verb_serves_until_it_is_told_to_stop(reader: TalkingReader) -> None:
    """`startline panel --json` tells where its page is, and Ctrl-C ends it with 0 and a last line."""
    with served("-p", reader.url, "--http-port", "0", "--json") as (process, first):
        url = json.loads(first)["fields"]["page_url"]
        state = httpx.get(f"{url}_panel/state", trust_env=False).json()
        assert state["about"]["control"] is False
        number = url.rsplit(":", 1)[1].strip("/")
        taken = run("-p", reader.url, "--http-port", number)
        assert (taken.returncode, "is in use" in taken.stderr) == (20, True)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        last = checked(first + process.stdout.read())[-1]
        assert process.wait(60) == 0
    assert (last["kind"], last["verb"]) == ("result", "panel")
    assert run("-p", "tcp://x").returncode == 60


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the verb to its end."""
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, check=False, timeout=60
    )
