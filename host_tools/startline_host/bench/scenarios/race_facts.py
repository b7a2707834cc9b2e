"""What came of a race: what its readers have stored, held against what the cloud has of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from startline_host.bench.scenarios.race_driver import RaceDriver
from startline_host.bench.scenarios.race_model import NOBODY, CloudSession, as_numbers

#: What the agent puts behind a session's name, to find it again where an answer was lost.
_MARK = re.compile(r" sl\.[0-9a-f]{8}$")


class CloudTime(msgspec.Struct, frozen=True):
    """What the cloud says of a passing's time: by how many seconds at least and at most it is off."""

    number: int
    least: float
    most: float


class RaceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Passings by their numbers on the device, each reader's or identity's after the other's.

    `there` counts those that were stored and are at the cloud, `invented` are chips there that
    nobody has seen, and `backwards` numbers whose time there lies before that of one that was
    stored before in the same life. `waiting` is what the journal says, None where none could be
    read; `events` are all that the reader has said.
    """

    stored: int
    there: int
    sessions: tuple[CloudSession, ...]
    lacking: str
    doubled: str
    invented: tuple[str, ...]
    backwards: str
    times: tuple[CloudTime, ...]
    waiting: int | None
    events: tuple[tuple[str, Mapping[str, Any]], ...]
    refused: tuple[str, ...]

    @property
    def outcome(self) -> str:
        """How many of the passings that were stored are at the cloud."""
        return f"{self.there} of {self.stored} there"

    def short(self) -> dict[str, object]:
        """Return what a report shows of it."""
        names = ("stored", "there", "lacking", "doubled", "waiting")
        told = {name: getattr(self, name) for name in names}
        return {**told, "sessions": [msgspec.to_builtins(one) for one in self.sessions]}


def gather_race(
    drivers: Sequence[RaceDriver],
    sessions: Iterable[Mapping[str, Any]],
    *,
    waiting: int | None,
) -> RaceFacts:
    """Collect what is known now; the events are those of the last driver's reader."""
    told = list(sessions)
    rows = [row for session in told for row in session["passings"]]
    times = Counter(str(row["chip"]) for row in rows)
    lacking, doubled, backwards = [], [], []
    for driver in drivers:
        driver.collect()
        stored = Counter(one.chip for one in driver.stored)
        last = {one.chip: one.number for one in driver.stored}
        lacking.append(sorted(last[chip] for chip in stored if times[chip] < stored[chip]))
        doubled.append(sorted(last[chip] for chip in stored if times[chip] > stored[chip]))
        backwards.append(_backwards(driver, told))
    return RaceFacts(
        stored=sum(len(driver.stored) for driver in drivers),
        there=sum(len(driver.stored) for driver in drivers) - sum(map(len, lacking)),
        sessions=tuple(_session(one) for one in told),
        lacking=_each(lacking),
        doubled=_each(doubled),
        invented=tuple(sorted(chip for chip in times if not _was_seen(chip, drivers))),
        backwards=_each(backwards),
        times=tuple(_times(drivers, rows)),
        waiting=waiting,
        events=tuple(
            (event.name, event.fields)
            for cycle in (drivers[-1].reader.lives if drivers else ())
            for event in cycle.events
        ),
        refused=tuple(words for driver in drivers for words in driver.refused),
    )


def _each(numbers: Sequence[list[int]]) -> str:
    """Write the numbers of each driver; "" for none at all."""
    if not any(numbers):
        return ""
    return " / ".join(as_numbers(one) or NOBODY for one in numbers)


def _session(told: Mapping[str, Any]) -> CloudSession:
    numbers = as_numbers([int(row["num_passing"]) for row in told["passings"]])
    return CloudSession(
        alias=_MARK.sub("", str(told["alias"])), numbers=numbers, active=bool(told["active"])
    )


def _was_seen(chip: str, drivers: Sequence[RaceDriver]) -> bool:
    """Tell whether a chip was seen, or may have been just before the power went."""
    for driver in drivers:
        if any(one.chip == chip for one in driver.stored):
            return True
        number = chip.removeprefix(driver.prefix)
        if number != chip and int(number, 16) <= driver.most:
            return True
    return False


def _times(
    drivers: Sequence[RaceDriver], rows: Iterable[Mapping[str, Any]]
) -> Iterable[CloudTime]:
    by_chip = {one.chip: one for driver in drivers for one in driver.stored}
    for row in rows:
        one = by_chip.get(str(row["chip"]))
        if one is not None and not one.dated:
            at = _unix(row)
            yield CloudTime(one.number, at - one.before, at - one.after)


def _backwards(driver: RaceDriver, sessions: Iterable[Mapping[str, Any]]) -> list[int]:
    by_chip = {one.chip: one for one in driver.stored if not one.dated}
    found: list[int] = []
    latest: dict[int, float] = {}  # by life
    held = [
        (by_chip[row["chip"]], _unix(row))
        for session in sessions
        for row in session["passings"]
        if row["chip"] in by_chip
    ]
    for one, at in sorted(held, key=lambda pair: pair[0].number):
        if at < latest.get(one.life, at):
            found.append(one.number)
        latest[one.life] = max(at, latest.get(one.life, at))
    return found


def _unix(row: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(str(row["timestamp"])).timestamp()
