"""A reader with `link = "usb"` that races: asked beside its program, and carried to its cloud."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from startline_host.device.console import ConsoleParser, Event
from startline_host.device.port import open_port
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.usb_link import linked
from startline_host.formats.factory_partition import (
    NetSettings,
    OptionSettings,
    RacingSettings,
    RunSettings,
)
from startline_host.formats.flash_plan import merged_image
from startline_host.mock_cloud import MockCloud
from startline_host.secrets import Secret
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline
from tests.end_to_end.test_usb_link_verbs import BOOT, NOTHING_AROUND
from tests.json_lines import checked

COUNT = 12
APP = b"""\
import time

def main(device):
    race = device.race()
    if not race.state["stored"]:
        race.open("10 km")
    for number in range(12 - race.state["stored"]):
        race.passing("E280116060000205%08X" % number, bib=str(number))
    while True:
        race.send(20)
        time.sleep_ms(2)
"""


def carried(chip: VirtualEsp32, base_url: str, **wanted: object) -> None:
    """Carry a reader's connections, as `startline monitor` does, until its race is so far."""
    deadline = Deadline(120)
    parser = ConsoleParser()
    told: dict[str, object] = {}
    with open_port(chip.url) as raw, linked(raw, base_url) as port:
        while any(told.get(name) != value for name, value in wanted.items()):
            assert not deadline.expired, told
            for item in parser.feed(port.read(0.2)):
                if isinstance(item, Event) and item.name == "race":
                    told = dict(item.fields)


def test_a_reader_on_a_cable_answers_beside_its_program(
    startline: Startline,
    start: Callable[..., VirtualEsp32],
    bundle: FirmwareBundle,
    provision: Provision,
    flash: Path,
    cloud: MockCloud,
    settings_file: Path,
) -> None:
    """While nobody carries it to its cloud it tells all of its race; resend carries it itself."""
    settings = msgspec.structs.replace(
        provision.settings,
        net=NetSettings(link="usb"),
        set=OptionSettings(boot_limit=BOOT),
        run=RunSettings(key=Secret("same")),
        race=RacingSettings(),
    )
    ours = msgspec.structs.replace(bundle, own={"/app.py": APP})
    image = Provision(provision.unit, settings).image()
    flash.write_bytes(merged_image(ours.plan(vfs=True, fctry=image)))
    chip = start(NOTHING_AROUND)
    named = settings_file.rename(settings_file.with_name("named.toml"))
    cloud.faults.turn_on("status:400@POST@/v0/passings")
    carried(chip, cloud.base_url, stored=COUNT, waiting=0, aside=COUNT)
    cloud.faults.clear()
    port = ("-p", chip.url, "--serial", SERIAL)
    told = checked(startline("race", "status", *port, "--json").out)[-1]
    assert (told["stored"], told["aside"]) == (COUNT, COUNT)
    listed = checked(startline("race", "list", *port, "--json").out)[-1]["passings"]
    assert [one["bib"] for one in listed] == [str(number) for number in range(COUNT)]
    out = flash.with_name("out.csv")
    assert startline("race", "export", *port, "--out", str(out)).code == 0
    assert len(out.read_text().splitlines()) == COUNT + 1
    done = startline("race", "resend", *port)
    assert (done.code, "No cloud was named" in done.err) == (60, True)
    done = startline("race", "resend", *port, "--settings", str(named), "--json")
    assert done.code == 0, done.err
    assert (checked(done.out)[-1]["count"], checked(done.out)[-1]["aside"]) == (COUNT, 0)
    done = startline("race", "audit", *port, "--settings", str(named))
    assert done.code == 0, done.err
    assert f"{COUNT} passings compared" in done.out
    there = cloud.store.rows("SELECT num_passing FROM passings ORDER BY num_passing")
    assert [one["num_passing"] for one in there] == list(range(1, COUNT + 1))
