"""`startline race` on a port: the journal of a virtual reader is read at its prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from startline_host.boards import data_folder
from startline_host.device.port import open_port
from startline_host.device.repl import Repl
from startline_host.errors import NoSuchPort
from startline_host.flows.firmware_bundle import Provision
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline, at_its_prompt
from tests.json_lines import checked

Start = Callable[..., VirtualEsp32]
Load = Callable[..., None]

_COMMANDS = (data_folder("firmware") / "race_commands.py").read_text()
_RACE = """
race = _race(None)
race.set_time(1795000000000, 2)
race.open("10 km")
for number in range(50):
    race.passing("E280116060000205%08X" % number, bib=str(number))
"""
#: So many passings a reader is ahead at most of who hears of them: what is on its way when the port
#: goes is lost, and how much that is would be the computer's speed.
_AHEAD = 10
_RACE_ON = f"""
import sys
race = _race(None)
race.set_time(1795000000000, 2)
race.open("10 km")
for number in range(1, 2000):
    race.passing("E280116060000205%08X" % number, bib=str(number))
    print("stored", number)
    if number % {_AHEAD} == 0:
        print("heard?")
        sys.stdin.read(1)
"""


def race_on(chip: VirtualEsp32) -> None:
    """Have a reader store 50 passings of one session."""
    with open_port(chip.url) as port:
        repl = Repl(port)
        repl.enter(10.0)
        repl.run(_COMMANDS + _RACE, 60.0)
        repl.leave()


def test_the_journal_of_a_reader_is_that_of_its_dump(
    startline: Startline, start: Start, load_flash: Load, provision: Provision, flash: Path
) -> None:
    """At the prompt and out of a dump of the whole chip come the same passings; nothing is written."""
    load_flash(provision.image())
    chip = start({"access_points": {}})
    assert at_its_prompt(chip)
    code = startline("race", "status", "-p", chip.url, "--interrupt").code
    assert code == 60  # nothing was ever stored
    race_on(chip)
    before = flash.read_bytes()
    done = startline("race", "list", "-p", chip.url, "--interrupt", "--json")
    assert done.code == 0, done.err
    told = checked(done.out)[-1]
    assert told["serial"] == SERIAL
    assert [one["bib"] for one in told["passings"]] == [str(number) for number in range(50)]
    assert {one["state"] for one in told["passings"]} == {"waiting"}
    assert told["passings"][0]["utc"].startswith("2026-11-18T")
    assert flash.read_bytes() == before
    dump = flash.with_name("dump.bin")
    dump.write_bytes(before)
    same = startline("race", "list", "--dump", str(dump), "--serial", SERIAL, "--json")
    assert checked(same.out)[-1]["passings"] == told["passings"]
    other = startline("race", "list", "--dump", str(dump), "--serial", "DEVICE-124")
    assert other.code == 11
    assert SERIAL in other.err


def test_a_journal_is_erased_on_a_typed_word(
    startline: Startline, start: Start, load_flash: Load, provision: Provision, flash: Path
) -> None:
    """Nothing goes while passings are not sent; with --lose and the serial number all of it does."""
    load_flash(provision.image())
    chip = start({"access_points": {}})
    assert at_its_prompt(chip)
    race_on(chip)
    before = flash.read_bytes()
    erase = ("race", "erase", "-p", chip.url, "--confirm", SERIAL)
    done = startline(*erase)
    assert (done.code, "--interrupt" in done.err) == (60, True)
    done = startline(*erase, "--interrupt")
    assert done.code == 60
    assert "50 passings are not at the cloud" in done.err
    done = startline(*erase[:-1], "yes", "--interrupt", "--lose")
    assert done.code == 60
    assert "not confirmed" in done.err
    assert flash.read_bytes() == before
    done = startline(*erase, "--interrupt", "--lose", "--json")
    assert done.code == 0, done.err
    told = checked(done.out)[-1]
    assert (told["erased"], told["lost"]) == (50, 50)
    chip.stop()
    after = flash.read_bytes()
    assert after[0x2FA000:0x3FA000].strip(b"\xff") == b""
    assert after[0x3FA000:] == before[0x3FA000:]


def test_a_dump_of_a_reader_that_was_cut_exports_what_was_stored(
    startline: Startline, load_flash: Load, provision: Provision, flash: Path
) -> None:
    """Power goes in the middle of a flash operation: all that passing() promised is there, as it was.

    The last passings may be whole in flash without anybody having heard of it.
    """
    load_flash(provision.image())
    world = flash.with_name("world.json")
    world.write_text('{"access_points": {}}')
    heard: list[bytes] = []
    with VirtualEsp32(flash, world=world, cut_after=700) as chip:
        assert at_its_prompt(chip)
        with open_port(chip.url) as port:

            def hear(data: bytes) -> None:
                heard.append(data)
                if b"?" in data:
                    port.write(b".")

            repl = Repl(port)
            repl.enter(10.0)
            with pytest.raises(NoSuchPort):  # it goes with the power
                repl.follow(_COMMANDS + _RACE_ON, hear, 60.0)
    told = [int(number) for number in re.findall(rb"stored (\d+)\r?\n", b"".join(heard))]
    assert told == list(range(1, len(told) + 1))
    assert len(told) > 100
    out = flash.with_name("out.jsonl")
    done = startline("race", "export", "--dump", str(flash), "--serial", SERIAL,
                     "--format", "jsonl", "--out", str(out))  # fmt: skip
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(told) <= len(rows) <= len(told) + _AHEAD
    for number, row in enumerate(rows, 1):
        assert (row["number"], row["num_passing"], row["bib"]) == (number, number, str(number))
        assert row["chip"] == f"E280116060000205{number:08X}"
        assert row["state"] == "waiting"
