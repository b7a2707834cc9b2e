"""What came of a race day: every sighting held against journals and cloud.

A passing is lost if the cloud lacks it although its reader had promised it (`passing()` had
returned, as the console tells), or must have: a UART keeps its order, so what was shown before
something that was stored was read as well, and where the power was not cut everything was.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec

from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, find_cloud, kind_of
from startline_host.flows.operator.cloud_target import CloudTarget
from startline_host.formats.flash_dump import partition_reader
from startline_host.formats.partitions import PartitionRow
from startline_host.mock_cloud import MockCloud
from startline_host.race.audit import audit
from startline_host.race.day_reader import DayReader, Shown
from startline_host.race.day_script import DayOptions, DayOutage, DayPowerCut, DayScript
from startline_host.race.stored_race import StoredRace, read_race
from startline_host.secrets import Secret


class DayPassing(msgspec.Struct, frozen=True):
    """A passing at the cloud: Unix times when the antenna saw it, what it was dated, when it came."""

    number: int
    chip: str
    seen: float
    dated: float
    received: float


class ReaderDay(msgspec.Struct, frozen=True, kw_only=True):
    """One reader's day, whose crystal is `ppm` off if that is known.

    Lists are of chips: `lost`, `doubled` and `invented` should be empty. `shown` chips crossed while it listened, `dark` ones while it had no power or was starting (at
    `dark_at`, Unix time), and `in_flight` were on the wire when the power went. `promised` are passings that it has told of,
    `stored` those in its journal; `repeated` chips stand there more than once, as a crossing can
    that a power cut fell into: the dead time is not kept over it. `aside` are stored and wait for an operator's word: the
    boot that saw them never had the time. `back` counts times that go back within one boot, `missing`
    numbers that the journal lacks, `findings` what the audit found.
    """

    name: str
    ppm: float | None
    power_cuts: int
    shown: int
    dark: list[str]
    dark_at: list[float]
    in_flight: list[str]
    promised: int
    stored: int
    at_cloud: int
    aside: list[str]
    lost: list[str]
    doubled: list[str]
    repeated: list[str]
    invented: list[str]
    back: int
    missing: int
    findings: list[dict[str, Any]]
    sessions: list[str]
    passings: list[DayPassing]


class DayResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole day, and what happened when, in seconds after the gun (`gun` is Unix time)."""

    options: DayOptions
    began: str
    gun: float
    race_seconds: float
    seconds: float
    outages: list[DayOutage]
    cuts: list[DayPowerCut]
    closings: list[tuple[float, int]]
    readers: list[ReaderDay]

    @property
    def passings(self) -> list[DayPassing]:
        """All passings at the cloud."""
        return [one for reader in self.readers for one in reader.passings]

    def count(self, field: str) -> int:
        """Add up a field of all readers, be it a number or a list."""
        values = [getattr(reader, field) for reader in self.readers]
        return sum(one if isinstance(one, int) else len(one) for one in values)

    @property
    def bad(self) -> dict[str, int]:
        """What must not be, by its name: all 0 on a good day."""
        names = ("lost", "doubled", "invented", "back", "missing", "findings")
        return {name: self.count(name) for name in names}

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled, invented or out of order."""
        return not any(self.bad.values())

    def delays(self) -> list[float]:
        """Return from sighting to arrival at the cloud, in seconds, the shortest first."""
        return sorted(one.received - one.seen for one in self.passings)

    def errors_ms(self) -> list[float]:
        """Return by how much the times are off from the sightings, in milliseconds, least first."""
        return sorted((one.dated - one.seen) * 1000 for one in self.passings)

    @property
    def worst_error_ms(self) -> float:
        """The error that is furthest off either way, in milliseconds; 0 without any."""
        return max(self.errors_ms(), key=math.fabs, default=0.0)


def share(values: Sequence[float], part: float) -> float:
    """Return the value that a share of the sorted values does not exceed; 0 for none."""
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def judge_day(
    options: DayOptions,
    script: DayScript,
    readers: Iterable[DayReader],
    cloud: MockCloud,
    row: PartitionRow,
    *,
    happened: Sequence[DayOutage | DayPowerCut],
    gun: float,
    seconds: float,
) -> DayResult:
    """Hold what was shown against the readers' flash and the cloud; the readers are off."""
    return DayResult(
        options=options,
        began=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(gun)),
        gun=gun,
        race_seconds=script.seconds,
        seconds=seconds,
        outages=[one for one in happened if isinstance(one, DayOutage)],
        cuts=[one for one in happened if isinstance(one, DayPowerCut)],
        closings=list(script.closings),
        readers=[_judge_reader(reader, cloud, row) for reader in readers],
    )


def _judge_reader(reader: DayReader, cloud: MockCloud, row: PartitionRow) -> ReaderDay:
    race = read_race(partition_reader(reader.journal(row)))
    rows = cloud.store.rows(
        "SELECT chip, num_passing, timestamp, received FROM passings"
        " JOIN sessions ON sessions.id = session JOIN devices ON devices.id = device"
        " WHERE serial_number = ? ORDER BY passings.id",
        reader.name,
    )
    first_seen: dict[str, float] = {}
    for one in reader.shown:
        first_seen.setdefault(one.chip, one.at)
    heard = {one.chip for one in reader.shown if one.life >= 0}
    dark = first_seen.keys() - heard
    times = Counter(one["chip"] for one in rows)
    stored = Counter(one.chip for one in race.passings)
    aside = {one.chip for one in race.passings if one.state == "aside"} - times.keys()
    read = {(one.chip, one.antenna) for one in race.passings}
    must = must_have(reader.shown, read, reader.cut_lives) | set(reader.promised)
    return ReaderDay(
        name=reader.name,
        ppm=reader.ppm,
        power_cuts=len(reader.cut_lives),
        shown=len(heard),
        dark=sorted(dark),
        dark_at=sorted(first_seen[chip] for chip in dark),
        in_flight=sorted(heard - must - times.keys()),
        promised=len(reader.promised),
        stored=len(race.passings),
        at_cloud=len(rows),
        aside=sorted(aside),
        lost=sorted(must - times.keys() - aside),
        doubled=sorted(chip for chip, count in times.items() if count > max(1, stored[chip])),
        repeated=sorted(chip for chip, count in stored.items() if count > 1),
        invented=sorted(times.keys() - first_seen.keys()),
        back=_times_back(race),
        missing=sum(one.last - one.first + 1 for one in race.damage),
        findings=_audited(race, cloud),
        sessions=[one.alias for one in race.sessions],
        passings=[_passing(one, first_seen) for one in rows if one["chip"] in first_seen],
    )


def must_have(
    shown: Sequence[Shown], read: AbstractSet[tuple[str, int | None]], cut: AbstractSet[int]
) -> set[str]:
    """Return the chips that a reader has read for certain; `read` are stored, by chip and antenna.

    `cut` are the lives that ended with a power cut. What was stored proves that its antenna had
    told of it, the first time, and so of all before: not of its repeats, which may have come when
    the power went, nor of what the other antenna told.
    """
    found: set[str] = set()
    for life, antenna in {(one.life, one.antenna) for one in shown if one.life >= 0}:
        # Each chip where it was first told of.
        chips = list(dict.fromkeys(
            one.chip for one in shown if (one.life, one.antenna) == (life, antenna)
        ))  # fmt: skip
        if life in cut:
            proven = (at for at, chip in enumerate(chips) if (chip, antenna) in read)
            chips = chips[: max(proven, default=0)]
        found |= set(chips)
    return found


def _passing(row: dict[str, Any], seen: dict[str, float]) -> DayPassing:
    return DayPassing(
        int(row["num_passing"]),
        row["chip"],
        seen[row["chip"]],
        datetime.fromisoformat(row["timestamp"]).timestamp(),
        row["received"],
    )


def _times_back(race: StoredRace) -> int:
    return sum(
        one.boot == two.boot and (one.utc_ms or 0) > (two.utc_ms or 0)
        for one, two in pairwise(race.passings)
    )


def _audited(race: StoredRace, cloud: MockCloud) -> list[dict[str, Any]]:
    """Return what `race audit` finds."""
    calls = kind_of(DEFAULT_CLOUD).race
    if calls is None:
        return []
    place = CloudTarget(find_cloud(DEFAULT_CLOUD).played.base_url(cloud), (cloud.ca_der,))
    found = audit(race, calls, place, Secret(cloud.keys["READ"])).findings
    return [msgspec.to_builtins(one) for one in found]
