"""Goes through the journal from passing to passing, a few bytes of flash at a time.

The journal's own buffer is the sender's, which may be in the middle of a sector: so this reads for
itself, and finds its place anew where a sector was used again meanwhile.
"""

from struct import unpack_from

from startline_online.timekeeper import Point
from startline_race.journal_format import (
    HEADER_SIZE,
    LONGEST_PAYLOAD,
    PASSING,
    SECTOR,
    TIME,
    TIME_POINT,
    entry_size,
    find_entry,
)
from startline_race.passing_format import unpack_passing

if False:  # for mypy; a device has none of these
    from agent_types import Bytes, Passing, Race

_WINDOW = 512
_STEPS = 32  # entries in one go
_LONGEST = entry_size(LONGEST_PAYLOAD)


class JournalCursor:
    """A place in the journal of a race. `at_end` tells that nothing stands behind it yet."""

    at_end = False
    number = index = offset = begin = first = 0
    window = b""

    def __init__(self, race: "Race") -> None:
        self.race = race
        self.journal = race.journal
        self.boot = 0  # of the time points that were come by
        self.points: list[Point] = []

    def passing(self, number: int) -> "Passing | None":
        """Return the passing of a number, or the next one that is there; None for none so far.

        After None it is to be asked again, unless it is `at_end`. Raises OSError.
        """
        if number != self.number or self.journal.first[self.index] != self.first:
            self._seek(number)
        self.at_end = False
        for _ in range(_STEPS):
            found = self._step()
            if found and found.number >= number:
                self.number = found.number + 1
                return found
            if self.at_end:
                return None
        return None

    def _seek(self, number: int) -> None:
        """Go to the beginning of the sector that holds a passing's number, or to the oldest one."""
        journal = self.journal
        self.number = number
        index = journal.head
        for age in range(journal.used):
            index = (journal.head - age) % journal.sectors
            if journal.first[index] <= number:
                break
        self._enter(index)

    def _enter(self, index: int) -> None:
        self.index = index
        self.first = self.journal.first[index]
        # Of another device are those that were stored on this flash before; they are not served.
        self.offset = SECTOR if self.journal.foreign[index] else HEADER_SIZE
        self.window = b""

    def _step(self) -> "Passing | None":
        """Take the next entry in; return it if it is a passing."""
        journal = self.journal
        at_head = self.index == journal.head
        end = journal.offset if at_head else SECTOR
        if self.offset >= end:
            if at_head:
                self.at_end = True
            else:
                self._enter((self.index + 1) % journal.sectors)
            return None
        at = self.offset - self.begin
        fresh = not 0 <= at < len(self.window)
        if fresh:
            at = 0
            self.begin = self.offset
            size = min(_WINDOW, end - self.offset)
            self.window = journal.flash.read(self.index * SECTOR + self.offset, size)
        found = find_entry(self.window, at)
        if found:
            kind, start, stop, after = found
            self.offset = self.begin + after
            return self._take(kind, memoryview(self.window)[start:stop])
        if fresh:  # nothing is intact here: it may begin in the window's last part
            rest = len(self.window) - _LONGEST if self.begin + len(self.window) < end else 0
            self.offset = self.begin + (rest & -4 if rest > 0 else len(self.window))
        self.window = b""
        return None

    def _take(self, kind: int, payload: "Bytes") -> "Passing | None":
        if kind == PASSING:
            return unpack_passing(payload)
        if kind == TIME and len(payload) >= 21:
            boot, low, high, utc_us, error_us, source = unpack_from(TIME_POINT, payload)
            if boot != self.boot:
                self.boot = boot
                self.points = []
            self.points = self.points[-1:]
            self.points.append(Point(high << 32 | low, utc_us, error_us, source))
        return None

    def utc_ms(self, passing: "Passing") -> int:
        """Return Unix time in milliseconds, 0 where it is not known yet."""
        if passing.utc_ms is not None:
            return passing.utc_ms
        race = self.race
        progress = race.progress
        at = passing.time_us
        sent_by = progress.map if progress.map and progress.map.boot == passing.boot else None
        if not sent_by or passing.number >= progress.frozen:
            keeper = race.keeper
            points = self.points if passing.boot == self.boot else []
            if passing.boot == self.journal.boot:
                points = keeper.points
            if not points:
                return 0
            sent_by = keeper.map_for(passing.boot, points, at, at, sent_by)
        return (sent_by.utc(at) + 500) // 1000
