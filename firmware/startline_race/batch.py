"""A batch: passings of one session and one boot that go out together, streamed from the journal."""

from struct import unpack_from

from .journal_format import (
    AMENDED,
    AMENDED_FORMAT,
    CLOSING,
    END,
    LONGEST_DEAD_US,
    PASSING,
    SESSION,
    WANTED,
    entries_of,
    unpack_session,
)
from .passing_format import PASSING_HEAD, has_utc, unpack_passing

if False:  # for mypy; a device has none of these
    from collections.abc import Generator, Iterator

    from agent_types import Bytes, Journal, Numbers, Passing, Session, TimeMap, Unsent


class Batch:
    """Passings from `first` up to below `before`, `count` of them.

    `boot`, `first_us` and `last_us` say whose clock dates them, and when the earliest and the
    latest was; `needs_map` that at least one has no time of the module's own. `amended` has
    (time, antenna, RSSI, hits) by number. `skip` are numbers that are at the cloud already.
    """

    first = before = count = boot = first_us = last_us = 0
    needs_map = False
    map: "TimeMap | None" = None

    def __init__(self) -> None:
        self.amended: dict[int, tuple[int, int, int, int]] = {}
        self.skip: "Numbers" = ()


class Backlog:
    """What the journal holds from the cursor on, as far as one sending goes."""

    def __init__(self, journal: "Journal", progress: "Unsent") -> None:
        self.journal = journal
        self.progress = progress
        self.batch: "Batch | None" = None
        self.ended = False  # the session that is being sent gets no more passings
        self.next: "Session | None" = None  # wanted after the one that is being sent
        self.ordinal = 0  # of the first passing that is left, 0 for none
        self.lost = 0  # passings from the cursor up to below this number are in no sector any more

    def read(self, limit: int, latest_us: int) -> "Generator[int, None, None]":
        """Look for a batch of at most `limit`, and for what else is next; a generator.

        Passings of this boot that are later than `latest_us` are left for the next time.
        """
        progress = self.progress
        session = progress.session
        ordinal = session.ordinal if session else 0
        # A session is begun only when all before it is sent, and closed only when all of it is:
        # the entry that says so may be lost.
        settled = ordinal if session and session.state >= CLOSING else ordinal - 1
        end = self.journal.number
        frozen = progress.frozen if progress.frozen > progress.cursor else 0xFFFFFFFF
        full = False
        for sector in self.journal.sectors_from(max(1, progress.cursor - 1)):
            for kind, payload in entries_of(sector):
                if kind == PASSING:
                    number, of, boot, low, high = unpack_from(PASSING_HEAD, payload)
                    if number < progress.cursor:
                        continue
                    if of <= settled:
                        progress.move(number + 1)
                        continue
                    if not self.ordinal:
                        self.ordinal = of
                        self.lost = number
                    time_us = high << 32 | low
                    self.ended = self.ended or of > ordinal
                    full = full or not self._add(
                        payload, number, of == ordinal, boot, time_us, limit, frozen, latest_us
                    )
                    if full and self._is_whole(boot, time_us) and not self._lacks_wish():
                        return
                else:
                    self._note(kind, payload, ordinal)
            yield 0
        if not self.ordinal:
            self.lost = end

    def _lacks_wish(self) -> bool:
        """Tell whether the wish for the next passings' session is still to come.

        Where they came before `open`, it stands behind them.
        """
        wanted = self.progress.wanted
        session = self.progress.session
        sent = session.ordinal if session else 0
        return bool(wanted and not self.next and wanted.ordinal >= self.ordinal > sent)

    def _note(self, kind: int, payload: "Bytes", ordinal: int) -> None:
        """Take in what is no passing."""
        if kind == SESSION:
            wanted = unpack_session(payload)
            later = wanted.state == WANTED and wanted.ordinal > ordinal
            # One that has passings which are done with is no later than the one before.
            begun = wanted.first < self.progress.cursor
            if later and (not self.next or begun or wanted.ordinal < self.next.ordinal):
                self.next = wanted
        elif kind == END:
            self.ended = self.ended or unpack_from("<H", payload)[0] >= ordinal > 0
        elif kind == AMENDED and self.batch:
            number, low, high, antenna, rssi, hits = unpack_from(AMENDED_FORMAT, payload)
            if self.batch.first <= number < self.batch.before:
                self.batch.amended[number] = (high << 32 | low, antenna, rssi, hits)

    def _add(
        self, payload: "Bytes", number: int, ours: bool, boot: int,
        time_us: int, limit: int, frozen: int, latest_us: int,
    ) -> bool:  # fmt: skip
        """Add a passing to the batch; tell whether it belongs there."""
        batch = self.batch
        if not ours or number >= frozen or (boot == self.journal.boot and time_us > latest_us):
            return False
        if batch and (batch.count >= limit or boot != batch.boot):
            return False
        if not batch:
            batch = self.batch = Batch()
            batch.first, batch.boot = number, boot
            batch.first_us = batch.last_us = time_us
        batch.count += 1
        batch.before = number + 1
        batch.first_us = min(batch.first_us, time_us)
        batch.last_us = max(batch.last_us, time_us)
        batch.needs_map = batch.needs_map or not has_utc(payload)
        return True

    def _is_whole(self, boot: int, time_us: int) -> bool:
        """Tell whether nothing behind can amend what is in the batch."""
        batch = self.batch
        if not batch or not self.progress.amends or boot != batch.boot:
            return True
        return time_us > batch.last_us + LONGEST_DEAD_US


def passings_of(journal: "Journal", batch: Batch) -> "Iterator[Passing]":
    """Yield the passings of a batch but for those it is to skip, amended, with `utc_ms` set."""
    for sector in journal.sectors_from(batch.first):
        for kind, payload in entries_of(sector):
            if kind != PASSING:
                continue
            number = unpack_from("<I", payload)[0]
            if number >= batch.before:
                return
            if number < batch.first or number in batch.skip:
                continue
            passing = unpack_passing(payload)
            if number in batch.amended:
                (
                    passing.time_us, passing.antenna, passing.rssi, passing.hits,
                ) = batch.amended[number]  # fmt: skip
            if passing.utc_ms is None:
                passing.utc_ms = (batch.map.utc(passing.time_us) + 500) // 1000  # type: ignore[union-attr] # it needs one
            yield passing
