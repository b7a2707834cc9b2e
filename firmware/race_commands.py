"""What an operator may have a device that races do. A host sends this over the REPL; it is never stored.

The reader's program is stopped meanwhile. Each command acts on the race that the program had, or
begins one, and returns how the race stands.
"""

import startline_race
from startline.binding import Binding
from startline.device import Device
from startline.hal import Hal
from startline.net import StepFailed
from startline.record.rules import load_record
from startline_console.resend import check, check_aside, resend_steps

if False:  # for mypy; a device has none of these
    from collections.abc import Generator
    from typing import Any

    from agent_types import AnyChip, Race

_USB = 2  # what the clock calls this source, in every version of it
_LIMIT_MS = 180000  # a resend may have to look twice


def set_time(utc_ms: int, error_ms: int, hal: "AnyChip | None" = None) -> "dict[str, Any]":
    """Tell the race what Unix time it is, and how far off that may be. Raises ValueError."""
    race = _race(hal)
    race.set_time(utc_ms, error_ms, _USB)
    return race.state


def release(first: int, last: int, hal: "AnyChip | None" = None) -> "dict[str, Any]":
    """Let go of passings that were set aside: they stay unsent, and their sectors may be reused."""
    race = _race(hal)
    check_aside(race, first, last)
    race.progress.release(first, last)
    return race.state


def resend(
    first: int, last: int, boot_utc_ms: int = 0, hal: "AnyChip | None" = None
) -> "dict[str, Any]":
    """Send passings that were set aside once more, as `resend_steps` says, and raise as it does."""
    race = _race(hal)
    check(race, first, last)
    race.sender().restart()  # its reading of the journal was interrupted, and is not gone on with
    _drive(race, resend_steps(race, first, last, boot_utc_ms))
    return race.state


def erase(lose: bool, hal: "AnyChip | None" = None) -> None:
    """Erase the journal, from its oldest sector on: what a power cut leaves is the newest of it.

    So a passing that is at the cloud is never taken for one that is not. Raises ValueError while
    any is not at the cloud, unless it is to be lost; OSError for flash that is worn.
    """
    race = _race(hal)
    state = race.state
    unsent = state["waiting"] + state["aside"]
    if unsent and not lose:
        raise ValueError("%d passings are not at the cloud" % unsent)
    journal = race.journal
    startline_race.races[:] = []
    for distance in range(1, journal.sectors + 1):
        sector = (journal.head + distance) % journal.sectors
        journal.flash.erase(sector * (journal.flash.size // journal.sectors))


def _drive(race: "Race", steps: "Generator[int, None, Any]") -> "Any":
    """Run a generator of the sender's to its end; return its value. Raises OSError."""
    chip = race.chip
    start = chip.ms()
    try:
        while chip.since(start) < _LIMIT_MS:
            chip.sleep(next(steps))
    except StopIteration as end:
        return end.value
    except StepFailed as failed:
        raise OSError("%s %s" % failed.args[:2])
    raise OSError("it took too long")


def _race(hal: "AnyChip | None") -> "Race":
    """Return the race that runs, or begin one."""
    if startline_race.races and not hal:
        return startline_race.races[0]
    device = Device(hal or Hal())
    device.identify()
    binding = Binding(device)
    if not device.identity.missing:
        load_record(binding)
    del binding  # its TLS context is large, and the race has its own
    return device.race()
