"""Which sectors of a journal a selection needs, found by their beginnings: the rest is not read.

A sector begins with a header, which names the first passing that may follow, and a checkpoint, which
tells how far sending was and what time it was. Passings stand in order of storing; one whose time is
more than five minutes out of that order is found by its number alone. What the beginnings do not
tell for sure has all of the journal read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import tzinfo
from struct import unpack_from

import msgspec
from startline_race.journal_format import (
    HEADER_SIZE,
    PASSING,
    PROGRESS,
    PROGRESS_FORMAT,
    SECTOR,
    SESSION,
    TIME,
    TIME_POINT,
    Session,
    find_entry,
    unpack_header,
    unpack_session,
)
from startline_race.passing_format import unpack_passing

from startline_host.errors import BadInput
from startline_host.race.selection import Wanted, is_number, parse_time

#: Milliseconds that passings may be out of order: a module is read late, a sighting amended.
_DISORDER = 300_000
#: Bytes that a beginning takes: the second where the first is not enough.
_PEEKS = (512, 1536)
#: What a reader tells of a place without a sector.
_NO_SECTOR = 0xFFFFFFFF
#: Behind every passing: their numbers have 32 bits.
_NEVER = 1 << 32

Read = Callable[[int, int], bytes]


class _SectorStart(msgspec.Struct, frozen=True):
    """How a sector begins: the first passing that is not done with, and when its first passing was.

    Each is None where the beginning does not tell it; `utc_ms` counts by the last time before.
    """

    cursor: int | None
    utc_ms: int | None


class _NotSure(Exception):
    """The beginnings of sectors do not tell: all of the journal has to be read."""


class JournalWindow:
    """Finds what to read. `sectors` are their places in flash from the oldest on.

    `firsts` are the numbers that they begin with, by place, and `read` returns the first bytes of one.
    """

    def __init__(self, sectors: list[int], firsts: list[int], read: Read) -> None:
        self._sectors = sectors
        self._firsts = [firsts[place] if place < len(firsts) else None for place in sectors]
        self._read = read
        self._starts: dict[int, _SectorStart] = {}

    def find(self, wanted: Wanted) -> list[int]:
        """Return the sectors that a selection needs, from the oldest on, the newest always among them."""
        last = len(self._sectors) - 1
        try:
            begin, before = self._bounds(wanted)
            settled = self._settled(before)
        except _NotSure:
            return self._sectors
        return [self._sectors[at] for at in [*range(begin, min(settled, last)), last]]

    def _bounds(self, wanted: Wanted) -> tuple[int, int]:
        """Return the first sector of the range, and a passing behind its last one."""
        begin, before = 0, _NEVER
        if wanted.session:
            first, before = self._session(wanted.session)
            begin = self._holding(first)
        if wanted.begin:
            begin = max(begin, self._begin(wanted.begin, wanted.zone))
        if wanted.end:
            before = min(before, self._before(wanted.end, wanted.zone))
        return begin, before

    def _begin(self, bound: str, zone: tzinfo) -> int:
        if is_number(bound):
            return self._holding(int(bound))
        at = _unix_ms(bound, zone) - _DISORDER
        return self._last(lambda one: (self._utc_ms(one) or at) < at)

    def _before(self, bound: str, zone: tzinfo) -> int:
        if is_number(bound):
            return int(bound) + 1
        at = _unix_ms(bound, zone) + _DISORDER
        behind = self._last(lambda one: (self._utc_ms(one) or at) <= at) + 1
        return self._first(behind, _NEVER) if behind < len(self._sectors) else _NEVER

    def _holding(self, number: int) -> int:
        """Return the sector that a passing stands in, or one before it."""
        return self._last(lambda one: self._first(one, _NEVER) <= number)

    def _settled(self, before: int) -> int:
        """Return the first sector with nothing more to tell of the passings before that one."""

        def tells(one: int) -> bool:
            return self._first(one, 0) < before or (self._start(one).cursor or 0) < before

        return self._last(tells) + 1

    def _first(self, one: int, unknown: int) -> int:
        first = self._firsts[one]
        return unknown if first in (None, _NO_SECTOR) else first

    def _last(self, holds: Callable[[int], bool]) -> int:
        """Return the last sector for which something holds that holds up to some sector; the oldest for none."""
        low, high = 0, len(self._sectors) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if holds(middle):
                low = middle
            else:
                high = middle - 1
        return low

    def _session(self, name: str) -> tuple[int, int]:
        """Return the first passing of the last session of that name, and the first behind it.

        Raises _NotSure.
        """
        ordinal, before = 0, _NEVER
        at = len(self._sectors) - 1
        while True:
            seen = ordinal
            for one in sorted(self._sessions_in(at), key=lambda one: one.ordinal, reverse=True):
                if seen and one.ordinal >= ordinal:
                    continue
                if ordinal and one.ordinal != ordinal - 1:
                    break  # the one between stands in an older sector
                if one.alias == name:
                    return one.first, before
                ordinal, before = one.ordinal, one.first
            if ordinal == seen:
                raise _NotSure
            at = self._holding(before - 1)

    def _sessions_in(self, one: int) -> list[Session]:
        """Return the sessions that a sector tells of; not the rests of those closed elsewhere."""
        found: dict[int, Session] = {}
        for kind, payload in _entries(self._read(self._sectors[one], SECTOR)):
            if kind == SESSION:
                session = unpack_session(payload)
                if not session.rescue:
                    found[session.ordinal] = session
        return list(found.values())

    def _utc_ms(self, one: int) -> int | None:
        return self._start(one).utc_ms

    def _start(self, one: int) -> _SectorStart:
        """Read how a sector begins. Raises _NotSure where a module's own clock told its times."""
        if one not in self._starts:
            self._starts[one] = self._peek(self._sectors[one])
        return self._starts[one]

    def _peek(self, place: int) -> _SectorStart:
        cursor = None
        for length in _PEEKS:
            raw = self._read(place, length)
            if unpack_header(raw[:HEADER_SIZE]) is None:
                return _SectorStart(None, None)
            point = None
            for kind, payload in _entries(raw):
                if kind == PROGRESS:
                    cursor = unpack_from(PROGRESS_FORMAT, payload)[1]
                elif kind == TIME:
                    point = unpack_from(TIME_POINT, payload)
                elif kind == PASSING:
                    passing = unpack_passing(payload)
                    if passing.utc_ms is not None:
                        raise _NotSure
                    if point is None or point[0] != passing.boot:
                        return _SectorStart(cursor, None)
                    ahead_us = point[3] - (point[2] << 32 | point[1])
                    return _SectorStart(cursor, (passing.time_us + ahead_us) // 1000)
        return _SectorStart(cursor, None)


def _entries(raw: bytes) -> Iterator[tuple[int, memoryview]]:
    """Yield kind and payload of the intact entries in the first bytes of a sector."""
    view = memoryview(raw)
    found = find_entry(raw, HEADER_SIZE)
    while found is not None:
        kind, start, stop, end = found
        yield kind, view[start:stop]
        found = find_entry(raw, end)


def _unix_ms(bound: str, zone: tzinfo) -> int:
    """Return a time as Unix milliseconds. Raises _NotSure for what is none, which `select` tells."""
    try:
        return round(parse_time(bound, zone).timestamp() * 1000)
    except BadInput:
        raise _NotSure from None
