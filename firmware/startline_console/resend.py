"""Passings that were set aside, sent once more on an operator's word."""

from startline_online.time_map import TimeMap
from startline_race.batch import Backlog
from startline_race.batch_steps import exchange, lacking
from startline_race.journal_format import OPEN, REFUSED, UNCOUNTED
from startline_race.time_points import points_of

if False:  # for mypy; a device has none of these
    from collections.abc import Generator

    from agent_types import Batch, Progress, Race, Sender


class _Range:
    """Stands for the progress of a race where only passings that were set aside are to be sent."""

    wanted = None

    def __init__(self, progress: "Progress", first: int, last: int) -> None:
        self.session = progress.session
        self.amends = progress.amends
        self.cursor = first
        self.frozen = last + 1

    def move(self, cursor: int) -> None:
        """Do nothing: passings of a session before this one are left alone."""


def check(race: "Race", first: int, last: int) -> int:
    """Return why passings are set aside.

    Raises ValueError for what is not, or belongs to no session that is open.
    """
    why = check_aside(race, first, last)
    session = race.progress.session
    if not session or session.state != OPEN:
        raise ValueError("the session is not open at the cloud")
    return why


def check_aside(race: "Race", first: int, last: int) -> int:
    """Return why passings are set aside. Raises ValueError for those that are not."""
    for low, high, why in race.progress.aside:
        if low <= first <= last <= high:
            return why
    raise ValueError("passings %d to %d are not set aside" % (first, last))


def resend_steps(
    race: "Race", first: int, last: int, boot_utc_ms: int = 0
) -> "Generator[int, None, None]":
    """Send passings that were set aside once more; they are released when the cloud has them.

    A generator as those of the sender are, which runs it when nothing else is on its way.
    `boot_utc_ms` is when their boot began, for passings that were never dated: the operator's word
    stands for it. With a key that reads, what the cloud has already is not sent. Raises ValueError
    as `check` does, StepFailed, and OSError where the cloud did not take all of them: what it did
    not take stays set aside.
    """
    why = check(race, first, last)
    sender = race.sender()
    if not race.keeper.known():
        yield from sender.have_time()  # certificates are judged by it
    while first <= last:
        backlog = Backlog(race.journal, _Range(race.progress, first, last))
        yield from backlog.read(sender.settings.batch, 1 << 60)
        batch = backlog.batch
        if not batch:
            raise ValueError("they belong to another session")
        if batch.needs_map:
            batch.map = yield from _map(race, batch, boot_utc_ms)
        yield from sender.online()
        left = yield from _look(sender, batch, why)
        if left:
            yield from _send(sender, batch, left)
        race.progress.release(batch.first, batch.before - 1)
        first = batch.before


def _look(sender: "Sender", batch: "Batch", why: int) -> "Generator[int, None, int]":
    """Have a batch skip what the cloud has, if the key reads; the value is how many are left."""
    left = yield from lacking(sender, batch, True)
    if left and why == UNCOUNTED and not sender.cannot_look:
        yield sender.settings.look_pause  # what was sent may still come
        left = yield from lacking(sender, batch, True)
    sender.present = ()
    sender.looked = False
    return left


def _send(sender: "Sender", batch: "Batch", left: int) -> "Generator[int, None, None]":
    """Send what is left of a batch. Raises OSError where the cloud does not count as many."""
    progress = sender.progress
    last = batch.before - 1

    def before() -> None:
        # From its first byte on it may be at the cloud, whatever happens: the next try looks it
        # up, or the audit names it.
        progress.set_aside(batch.first, last, UNCOUNTED)

    status, fields = yield from exchange(sender, batch, left, before)
    counts = sender.cloud.counted(fields) if 200 <= status < 300 else None
    if not counts or sum(counts) != left:
        if status >= 400:
            progress.set_aside(batch.first, last, REFUSED, status)
        raise OSError("the cloud did not take them: %d %s" % (status, sender.words(fields)))


def _map(race: "Race", batch: "Batch", boot_utc_ms: int) -> "Generator[int, None, TimeMap]":
    points = yield from points_of(race.keeper, race.journal, batch.boot, batch.first)
    if points:
        return race.keeper.map_for(batch.boot, points, batch.first_us, batch.last_us, None)
    if not boot_utc_ms:
        raise ValueError("their boot never had the time: say when it began")
    time_map = TimeMap()
    time_map.boot = batch.boot
    time_map.utc_us = boot_utc_ms * 1000
    return time_map
