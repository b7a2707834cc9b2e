"""A journal in numbers: how many passings there are, by what became of them, and by session."""

from __future__ import annotations

from typing import Any

import msgspec

from startline_host.device.port_session import PortSession
from startline_host.formats.flash_dump import partition_reader
from startline_host.race.journal_source import JournalSource, check_serial
from startline_host.race.running_reader import RunningRace, RunningReader
from startline_host.race.selection import Wanted
from startline_host.race.stored_race import StoredRace, read_race


def summarize_race(source: JournalSource, race: StoredRace) -> dict[str, Any]:
    """Return what `race status` tells of a whole journal, under the names of its result."""
    return {
        "serial": source.serial,
        "entire": True,
        "stored": race.before - 1,
        "sent": race.cursor - 1 - race.count("aside"),
        "waiting": race.waiting,
        "unsure": race.count("unsure"),
        "aside": race.count("aside"),
        "first": race.first,
        "last": race.before - 1,
        "full": race.full,
        "others": race.others,
        "sessions": race.session_rows(),
        "damage": msgspec.to_builtins(race.damage),
    }


def summarize_running(line: PortSession, serial: str = "") -> tuple[RunningRace, dict[str, Any]]:
    """Ask a reader beside its program how its race stands; return its words, and the same numbers.

    Raises DeviceSilent where the program does not answer, WrongDevice for another `serial`.
    """
    reader = RunningReader(line.port())
    before = reader.state()
    check_serial(before.serial, serial)
    found = reader.journal(Wanted(begin=str(before.number)))  # the newest sector
    told = found.race
    state = told.state
    return told, {
        "serial": told.serial,
        "entire": False,
        "stored": state.stored,
        "sent": told.number - 1 - state.waiting - state.aside,
        "waiting": state.waiting,
        "unsure": state.unsure,
        "aside": state.aside,
        "first": told.first,
        "last": told.number - 1,
        "full": state.full,
        "others": 0,
        "sessions": read_race(partition_reader(found.data)).session_rows(reckon=True),
        "damage": [],
    }
