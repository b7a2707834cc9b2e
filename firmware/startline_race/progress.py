"""How far the journal's passings are: what is sent, what may be, what is set aside, and for whom.

All of it comes out of the journal again after a restart: each change is an entry, and each sector
begins with a summary, so that one sector is enough to read.
"""

from struct import pack, unpack_from

from startline_online.time_map import TimeMap, unpack_map

from .errors import JournalFull
from .journal import RESERVE
from .journal_format import (
    AMENDED,
    ASIDE,
    ASIDE_FORMAT,
    ASKED,
    CLOSED,
    CLOSING,
    END,
    FROZEN,
    MAP,
    NO_PROGRESS,
    PROGRESS,
    PROGRESS_FORMAT,
    RELEASED,
    SENT,
    SESSION,
    THERE,
    TIME,
    UNSURE,
    WANTED,
    entries_of,
    is_whole,
    pack_point,
    runs_of,
    unpack_session,
    without,
)

if False:  # for mypy; a device has none of these
    from agent_types import Bytes, Journal, Numbers, Point, Session

MOST_ASIDE = 16  # ranges of passings that are set aside, before sending stops


class Progress:
    """Where sending stands.

    `cursor` is the first passing that is not done with, `frozen` the first whose time may still
    change; what lies between was to be sent, and `unsure` tells that it may have been. `amends`
    tells that there are AMENDED entries. `ended` is the ordinal of the session that the reader's
    program closed last, `free` the first passing that came after that. `aside` has [first, last,
    why] of passings below the cursor that were not sent, `there` [first, last] of those behind it
    that stand in a session which somebody else has closed. The rest counts.
    """

    session: "Session | None"  # the one that is being sent
    wanted: "Session | None"  # the one that the reader's program asked for last
    map: "TimeMap | None"

    def __init__(self, journal: "Journal") -> None:
        self.journal = journal
        self.session = self.wanted = self.map = None
        self.cursor = self.frozen = self.free = 1
        self.ended = self.named = 0  # below `named`, every doubt is in the journal
        self.unsure = self.amends = False
        self.aside, self.there = [], []  # type: list[list[int]], list[list[int]]
        self.time_point = b""  # of this boot, the last one
        self.last: "tuple[int, bytes] | None" = None  # of the boots before, on how things stand
        self.whole = True  # nothing of what they have said is lost
        self.stored = self.known = self.unsure_count = self.missing = self.empty = 0
        journal.checkpoint = self.entries

    def load(self) -> None:
        """Take it out of the journal. Raises OSError."""
        journal = self.journal
        count = 0
        for sector in journal.last_sectors():
            count += 1
            for kind, payload in entries_of(sector):
                self.apply(kind, payload)
                if kind not in NO_PROGRESS:
                    self.last = kind, bytes(payload)
            self.whole = count == 1 and is_whole(sector)
        if not count:  # blank, or another device's
            self.cursor = self.frozen = journal.number
        if not self.wanted:
            self.free = self.cursor
        # What was to be sent when the power went may have been. Where an entry is lost that was no
        # passing, it may have said so, and what is in doubt now may begin before what was.
        self.unsure = self.unsure or self.frozen > self.cursor or not self.whole
        self.named = self.named if self.whole else 0
        self._recover_session()
        journal.number = max(journal.number, self.cursor, self.frozen, self.free)

    def _recover_session(self) -> None:
        """Take up the session that was wanted last, where what came of it is lost."""
        wanted = self.wanted
        known = self.session.ordinal if self.session else 0
        # One of its passings is done with: so it was asked for, and no earlier one comes back.
        if wanted and known < wanted.ordinal and wanted.first < self.cursor:
            self.session = unpack_session(wanted.pack())
            self.session.state = ASKED if self.opened or self.free > self.cursor else CLOSED

    def apply(self, kind: int, payload: "Bytes") -> None:
        """Take one entry in."""
        if kind == PROGRESS:
            (_, self.cursor, self.frozen, flags, self.stored, self.known, self.unsure_count,
             self.missing, self.empty) = unpack_from(PROGRESS_FORMAT, payload)  # fmt: skip
            self.unsure = bool(flags & 1)
            self.amends = bool(flags & 2)
        elif kind == FROZEN:
            self.frozen = unpack_from("<I", payload)[0]
        elif kind == SENT:
            self._count(*unpack_from("<IBB", payload))
        elif kind == ASIDE:
            self._leave(*unpack_from("<IIB", payload))
        elif kind == UNSURE:
            self._doubt(*unpack_from("<II", payload))
        elif kind == RELEASED:
            self.aside = without(self.aside, *unpack_from("<II", payload))
        elif kind == AMENDED:
            self.amends = True
        elif kind == MAP:
            self.map = unpack_map(payload)
        else:
            self._apply_session(kind, payload)

    def _apply_session(self, kind: int, payload: "Bytes") -> None:
        if kind == SESSION:
            session = unpack_session(payload)
            if session.state != WANTED:
                self.session = session
            # Where the wish for a session or its end is lost, what came of it tells of both.
            known = self.wanted.ordinal if self.wanted else 0
            if session.ordinal > known or (session.ordinal == known and session.state == WANTED):
                self.wanted = session
            if session.state >= CLOSING and session.ordinal > self.ended:
                self.ended = session.ordinal
                self.free = max(self.free, self.cursor)
        elif kind == THERE:
            first, last = unpack_from("<II", payload)
            if not self.is_there(first):
                self.there.append([first, last])
        elif kind == END:
            self.ended, self.free = unpack_from("<HI", payload)

    @property
    def opened(self) -> bool:
        """Tell whether the reader's program has a session open."""
        return bool(self.wanted and self.wanted.ordinal > self.ended)

    def end(self, number: int) -> None:
        """Note that the reader's program has closed its session before a passing."""
        self._append_twice(END, pack("<HI", self.wanted.ordinal, number), RESERVE)  # type: ignore[union-attr]
        self.ended, self.free = self.wanted.ordinal, number  # type: ignore[union-attr] # `opened` tells

    def entries(self) -> "list[tuple[int, bytes]]":
        """Return how it stands as entries, the journal's `checkpoint`."""
        flags = self.unsure | self.amends << 1
        summary = pack(PROGRESS_FORMAT, self.journal.number, self.cursor, self.frozen, flags,
            self.stored, self.known, self.unsure_count, self.missing, self.empty)  # fmt: skip
        found = [(PROGRESS, summary)]
        found += [(ASIDE, pack(ASIDE_FORMAT, *one, 0)) for one in self.aside]
        found += [(THERE, pack("<II", *one)) for one in self.there]
        if self.wanted:
            found.append((SESSION, self.wanted.pack()))
        if self.ended and not self.opened:
            found.append((END, pack("<HI", self.ended, self.free)))
        if self.session:
            found.append((SESSION, self.session.pack()))
        if self.map:
            found.append((MAP, self.map.pack()))
        if self.time_point:
            found.append((TIME, self.time_point))
        return found

    def aside_count(self) -> int:
        """Return how many passings are set aside."""
        return sum([last - first + 1 for first, last, _ in self.aside])

    def keep_from(self) -> int:
        """Return the first passing that has to stay in the journal."""
        return min([self.cursor] + [one[0] for one in self.aside])

    def next_ordinal(self) -> int:
        """Return the session that a passing belongs to which is stored now."""
        return self.wanted.ordinal if self.opened else self.ended + 1  # type: ignore[union-attr]

    # Changes: each is in the journal before it counts. All raise JournalFull, OSError.

    def _append_twice(self, kind: int, payload: bytes, reserve: int = 0) -> None:
        """Store what no later entry tells again, so that no single bit can take it away."""
        self.journal.append(kind, payload, reserve)
        try:
            self.journal.append(kind, payload, reserve)
        except JournalFull:
            pass  # one will do

    def save_session(self, session: "Session", state: int) -> None:
        """Note that the session which is being sent has another state."""
        before = session.state
        session.state = state
        try:
            self.journal.append(SESSION, session.pack())
        except Exception:
            session.state = before
            raise
        self.session = session

    def freeze(self, before: int) -> None:
        """Fix the times of all passings below a number."""
        if before > self.frozen:
            self.journal.append(FROZEN, pack("<I", before))
            self.frozen = before

    def note_time(self, point: "Point") -> None:
        """Note what UTC was at a moment of this boot, a `timekeeper.Point`."""
        self.time_point = pack_point(self.journal.boot, point)
        try:
            self.journal.append(TIME, self.time_point, RESERVE)
        except JournalFull:
            pass  # the time counts all the same; only the next boot does not know of it

    def use_map(self, time_map: TimeMap) -> None:
        """Have the times of what is frozen from now on follow a map."""
        self.journal.append(MAP, time_map.pack())
        self.map = time_map

    def sent(self, before: int, stored: int, known: int) -> None:
        """Note that all passings below a number are done with: so many the cloud has counted."""
        self.journal.append(SENT, pack("<IBB", before, stored, known))
        self._count(before, stored, known)

    def _count(self, before: int, stored: int, known: int) -> None:
        if before > self.cursor:  # else it is the same entry again
            self.stored += stored
            self.known += known
            self.move(before)

    def move(self, cursor: int) -> None:
        """Have all passings below a number done with, as the journal tells."""
        self.cursor = max(self.cursor, cursor)
        self.frozen = max(self.frozen, self.cursor)
        self.there = [one for one in self.there if one[1] >= self.cursor]
        # Of what was to be sent, the rest is as unsure as it was.
        self.unsure = self.unsure and self.cursor < self.frozen

    def doubt(self, before: int) -> None:
        """Note that what was sent last, up to below a number, may be at the cloud."""
        first = max(self.cursor, self.named)
        if first < before:
            self._append_twice(UNSURE, pack("<II", first, before))
            self._doubt(first, before)
        self.unsure = True

    def _doubt(self, first: int, before: int) -> None:
        if before > self.named:
            self.unsure_count += before - first
            self.named = before
        self.unsure = True

    def note_there(self, numbers: "Numbers") -> None:
        """Note that passings which are to be sent are there, in a session that was closed."""
        new = [one for one in sorted(numbers) if one >= self.cursor and not self.is_there(one)]
        for first, last in runs_of(new):
            self._append_twice(THERE, pack("<II", first, last))
            self.there.append([first, last])

    def is_there(self, number: int) -> bool:
        """Tell whether a passing stands in a session that somebody else has closed."""
        return any([first <= number <= last for first, last in self.there])

    def set_aside(self, first: int, last: int, why: int, status: int = 0) -> None:
        """Note that passings are not sent, and why. Afterwards they are done with, and stay."""
        self._append_twice(ASIDE, pack(ASIDE_FORMAT, first, last, why, status))
        self._leave(first, last, why)

    def _leave(self, first: int, last: int, why: int) -> None:
        self.aside = aside = without(self.aside, first, last)  # what is said last holds
        if aside and aside[-1][1] + 1 == first and aside[-1][2] == why:
            aside[-1][1] = last
        else:
            aside.append([first, last, why])
        self.move(last + 1)

    def release(self, first: int, last: int) -> None:
        """Note that passings which were set aside need not be kept any more."""
        self.journal.append(RELEASED, pack("<II", first, last))
        self.aside = without(self.aside, first, last)

    def done(self) -> bool:
        """Tell whether there is nothing left to send or to close."""
        session = self.session
        sent = self.cursor >= self.journal.number
        if not self.wanted:
            return sent
        reached = session and session.ordinal == self.wanted.ordinal
        return bool(sent and reached and (self.opened or session.state == CLOSED))  # type: ignore[union-attr]
