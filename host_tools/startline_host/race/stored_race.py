"""A whole race journal as the bench computer reads it: passings with their times, sessions, damage.

Everything is replayed through the device's own code: what is sent, frozen or set aside is decided
there, and so is what time a passing has.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from struct import unpack_from
from typing import Any, Literal

import msgspec
from startline_online.time_map import TimeMap
from startline_online.timekeeper import SOURCES, Timekeeper
from startline_online.utc_text import timestamp
from startline_race.journal import Journal
from startline_race.journal_format import (
    AMENDED,
    AMENDED_FORMAT,
    ASIDE,
    ASIDE_FORMAT,
    FROZEN,
    HEADER_SIZE,
    PASSING,
    SECTOR,
    SESSION,
    SESSION_STATES,
    Session,
    end_of_entries,
    find_entry,
    unpack_header,
    unpack_session,
)
from startline_race.passing_format import Passing, unpack_passing
from startline_race.progress import Progress
from startline_race.time_points import points_of

from startline_host.errors import BadInput, StorageFailed
from startline_host.formats.flash_dump import DumpPart
from startline_host.formats.journal_summary import open_journal

#: What a stronger sighting of a passing changes, as AMENDED entries have it.
_SIGHTING = ("time_us", "antenna", "rssi", "hits")

PassingState = Literal["sent", "unsure", "waiting", "aside", "released"]


class JournalPassing(msgspec.Struct, frozen=True, kw_only=True):
    """A passing of the journal.

    `number` is the device's own, `num_passing` the one within its session, whose ordinal is
    `session` and whose name is `alias`. `utc` is as the cloud gets it, "" where the boot never had
    the time; `utc_ms` the same as Unix time. `clock` tells what it comes from, `error_ms` how far
    off it may be, and `frozen` that it does not change any more. `released` was set aside, and is
    not kept for sending any longer.
    """

    number: int
    num_passing: int
    session: int
    alias: str
    boot: int
    chip: str
    bib: str
    utc: str
    utc_ms: int | None
    clock: str
    error_ms: int | None
    frozen: bool
    state: PassingState
    antenna: int | None
    rssi: int | None
    hits: int | None
    latitude: float | None
    longitude: float | None
    status: str


class Damage(msgspec.Struct, frozen=True):
    """Numbers `first` to `last` that are lost, and the sectors (from 0) that held them."""

    first: int
    last: int
    sectors: list[int]


class StoredRace(msgspec.Struct, frozen=True, kw_only=True):
    """All that a journal tells. `cursor` is the first passing that is not done with.

    `sessions` are in order; those of one ordinal that follow each other are the rests of one that
    was closed by somebody else. `others` counts passings that another device has stored.
    """

    passings: list[JournalPassing]
    sessions: list[Session]
    damage: list[Damage]
    first: int
    before: int
    cursor: int
    full: int
    owner: bytes
    others: int

    @property
    def waiting(self) -> int:
        """How many passings are not done with."""
        return self.before - self.cursor

    @property
    def unsent(self) -> int:
        """How many passings are not at the cloud: those that wait, and those that are set aside."""
        return self.waiting + self.count("aside")

    def count(self, state: PassingState) -> int:
        """Return how many passings are in a state."""
        return sum(one.state == state for one in self.passings)

    def session_of(self, ordinal: int, number: int) -> Session | None:
        """Return the session at the cloud that a passing belongs to."""
        return _session_of(self.sessions, ordinal, number)

    def session_rows(self, *, reckon: bool = False) -> list[dict[str, Any]]:
        """Return a row for each session, with the number of passings that the journal has of it.

        `reckon` takes them from the sessions' numbers, where only the end of the journal was read.
        """
        held = [self.session_of(one.session, one.number) for one in self.passings]
        sessions = sorted(self.sessions, key=lambda one: (one.ordinal, one.first))
        following = [one.first for one in sessions[1:]] + [self.before]
        return [
            {
                "session": one.ordinal,
                "alias": one.alias,
                "state": SESSION_STATES[one.state],
                "token_session": one.token,
                "passings": after - one.first if reckon else sum(had is one for had in held),
            }
            for one, after in zip(sessions, following, strict=False)
        ]


def read_race(part: DumpPart, unread: frozenset[int] = frozenset()) -> StoredRace:
    """Read a partition, of which the sectors `unread` are left blank.

    Raises BadInput for a blank one, and for a journal of a later agent, StorageFailed for none.
    """
    found = open_journal(part)
    if found is None:
        if part.all().strip(b"\xff"):
            raise StorageFailed(
                "What stands in the partition 'race' is no journal, or one that is damaged "
                "throughout: no sector of it can be read.",
                "Keep a dump of it before the reader stores anything more.",
            )
        raise BadInput("The journal is empty: nothing was ever stored there.")
    return _Replay(part, *found, unread).read()


class _NoClock:
    """Stands for the chip of a timekeeper that only dates what is stored."""

    def nvs(self, _namespace: str) -> None:
        raise OSError


class _Replay:
    """Goes through the journal from its oldest sector to its newest."""

    def __init__(
        self, part: DumpPart, journal: Journal, progress: Progress, unread: frozenset[int]
    ) -> None:
        self._part = part
        self._unread = unread
        self._journal = journal
        self._progress = progress
        self._owner = journal.owner
        self._sessions: dict[tuple[int, bytes], Session] = {}
        self._seen: list[tuple[int, Passing]] = []  # with the sector that it stands in
        self._others: list[tuple[int, int]] = []  # number and sector
        self._amended: dict[int, tuple[int, int, int, int]] = {}
        self._maps: dict[int, TimeMap] = {}
        self._aside: set[int] = set()
        self._unsound: set[int] = set()

    def read(self) -> StoredRace:
        journal, progress = self._journal, self._progress
        first = self._walk()
        sessions = list(self._sessions.values())
        # Times of a boot that goes on are dated like those of one before.
        journal.boot += 1
        keeper = Timekeeper(_NoClock(), None, None, None)
        passings = [self._stored(passing, sessions, keeper) for _, passing in self._seen]
        return StoredRace(
            passings=passings,
            sessions=sessions,
            damage=list(self._damage(first)),
            first=first,
            before=journal.number,
            cursor=progress.cursor,
            full=journal.fill(progress.keep_from()),
            owner=self._owner,
            others=len(self._others),
        )

    def _walk(self) -> int:
        """Take in every entry; return the first number that the journal can have."""
        journal = self._journal
        replayed = Progress(Journal(self._part, self._owner))
        owner, first = self._owner, 0
        for distance in range(journal.used - 1, -1, -1):
            index = (journal.head - distance) % journal.sectors
            sector = self._part.read(index * SECTOR, SECTOR)
            header = unpack_header(sector)
            if header:
                owner = header[3]
                first = first or header[2]
            for kind, payload in self._entries(index, sector):
                if owner != self._owner:
                    if kind == PASSING:
                        self._others.append((unpack_passing(payload).number, index))
                else:
                    self._take(index, kind, payload, replayed)
        numbers = [one.number for _, one in self._seen] + [number for number, _ in self._others]
        return first or min(numbers, default=1)

    def _entries(self, index: int, sector: bytes) -> Iterator[tuple[int, memoryview]]:
        """Yield a sector's entries, and note whether bytes are between them that are none."""
        at, view = HEADER_SIZE, memoryview(sector)
        if unpack_header(sector) is None:
            self._unsound.add(index)
        while (found := find_entry(sector, at)) is not None:
            kind, start, stop, end = found
            if start - 2 > at:
                self._unsound.add(index)
            yield kind, view[start:stop]
            at = end
        if end_of_entries(sector) > at:
            self._unsound.add(index)

    def _take(self, index: int, kind: int, payload: memoryview, replayed: Progress) -> None:
        if kind == PASSING:
            self._seen.append((index, unpack_passing(payload)))
            return
        if kind == SESSION:
            session = unpack_session(payload)
            # Each sector begins with what was wanted, as it was wanted: that takes nothing back.
            key = session.ordinal, session.mark
            if key not in self._sessions or session.state >= self._sessions[key].state:
                self._sessions[key] = session
        elif kind == ASIDE:
            low, high, _, _ = unpack_from(ASIDE_FORMAT, payload)
            self._aside.update(range(low, min(high + 1, self._journal.number)))
        elif kind == FROZEN:
            before = min(unpack_from("<I", payload)[0], self._journal.number)
            if replayed.map:
                self._maps.update(dict.fromkeys(range(replayed.frozen, before), replayed.map))
        elif kind == AMENDED:
            number, low, high, *reading = unpack_from(AMENDED_FORMAT, payload)
            self._amended[number] = (high << 32 | low, *reading)
        replayed.apply(kind, payload)

    def _stored(
        self, passing: Passing, sessions: list[Session], keeper: Timekeeper
    ) -> JournalPassing:
        number = passing.number
        for name, value in zip(_SIGHTING, self._amended.get(number, ()), strict=False):
            setattr(passing, name, value)
        session = _session_of(sessions, passing.session, number)
        utc_ms, clock, error_ms = self._dated(passing, keeper)
        return JournalPassing(
            number=number,
            num_passing=number - session.base + 1 if session else 0,
            session=passing.session,
            alias=next((one.alias for one in sessions if one.ordinal == passing.session), ""),
            boot=passing.boot,
            chip=passing.chip,
            bib=passing.bib,
            utc="" if utc_ms is None else timestamp(utc_ms),
            utc_ms=utc_ms,
            clock=clock,
            error_ms=error_ms,
            frozen=passing.utc_ms is not None or number < self._progress.frozen,
            state=self._state(number),
            antenna=passing.antenna,
            # Beside another of the three the journal stores 0 for what nobody measured.
            rssi=passing.rssi or None,
            hits=passing.hits or None,
            latitude=passing.latitude,
            longitude=passing.longitude,
            status=passing.status,
        )

    def _state(self, number: int) -> PassingState:
        progress = self._progress
        if any(low <= number <= high for low, high, _ in progress.aside):
            return "aside"
        if number >= progress.cursor:
            return "unsure" if progress.unsure and number < progress.frozen else "waiting"
        return "released" if number in self._aside else "sent"

    def _dated(self, passing: Passing, keeper: Timekeeper) -> tuple[int | None, str, int | None]:
        """Return Unix time in milliseconds, where it comes from, and how far off it may be."""
        if passing.utc_ms is not None:
            return passing.utc_ms, "module", None
        time_map = self._maps.get(passing.number)
        if time_map is None or time_map.boot != passing.boot:
            points = _value(points_of(keeper, self._journal, passing.boot, passing.number))
            if not points:
                return None, SOURCES[0], None
            at = passing.time_us
            time_map = keeper.map_for(passing.boot, points, at, at, None)
        utc_ms = (time_map.utc(passing.time_us) + 500) // 1000
        return utc_ms, SOURCES[time_map.source], time_map.error_ms

    def _damage(self, first: int) -> Iterator[Damage]:
        """Yield the stretches of numbers that are in no sector any more."""
        held = sorted([(one.number, index) for index, one in self._seen] + self._others)
        oldest = (self._journal.head - self._journal.used + 1) % self._journal.sectors
        ends = [(first - 1, oldest), *held, (self._journal.number, self._journal.head)]
        for (number, before), (following, behind) in pairwise(ends):
            if following > number + 1:
                sectors = self._between(before, behind)
                if self._unread.isdisjoint(sectors):
                    yield Damage(
                        number + 1, following - 1, [one for one in sectors if one in self._unsound]
                    )

    def _between(self, before: int, behind: int) -> list[int]:
        count = self._journal.sectors
        return [(before + step) % count for step in range((behind - before) % count + 1)]


def _session_of(sessions: list[Session], ordinal: int, number: int) -> Session | None:
    found = [one for one in sessions if one.ordinal == ordinal]
    later = [one for one in found if one.first <= number]
    return (later or found)[-1 if later else 0] if found else None


def _value(steps: Any) -> list[Any]:
    """Run one of the device's generators to its end; return its value."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return list(end.value or [])
