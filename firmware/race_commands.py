"""What an operator may have a device that races do. A host sends this over the REPL; it is never stored.

The reader's program is stopped meanwhile. Each command acts on the race that the program had, or
begins one, and returns how the race stands.
"""

import startline_race
from startline.binding import Binding
from startline.device import Device
from startline.errors import StepFailed
from startline.hal import Hal
from startline.record_load import load_record
from startline_race.batch import Backlog
from startline_race.batch_steps import exchange
from startline_race.journal_format import OPEN, SECTOR
from startline_race.time_map import TimeMap
from startline_race.timekeeper import USB

_LIMIT_MS = 60000


class _Range:
    """Stands for the progress of a race where only passings that were set aside are to be sent."""

    wanted = None

    def __init__(self, progress, first: int, last: int) -> None:
        self.session = progress.session
        self.amends = progress.amends
        self.cursor = first
        self.frozen = last + 1


def set_time(utc_ms: int, error_ms: int, hal=None) -> dict:
    """Tell the race what Unix time it is, and how far off that may be. Raises ValueError."""
    race = _race(hal)
    race.set_time(utc_ms, error_ms, USB)
    return race.state


def release(first: int, last: int, hal=None) -> dict:
    """Let go of passings that were set aside: they stay unsent, and their sectors may be reused."""
    race = _race(hal)
    _check(race, first, last)
    race.progress.release(first, last)
    return race.state


def resend(first: int, last: int, boot_utc_ms: int = 0, hal=None) -> dict:
    """Send passings that were set aside once more; they are released when the cloud has them.

    `boot_utc_ms` is when their boot began, for passings that were never dated: the operator's word
    stands for it. Raises ValueError for what is not set aside, or belongs to a session that is not
    open; OSError where the cloud did not take all of them: what it did not take stays set aside.
    """
    race = _race(hal)
    _check(race, first, last)
    session = race.progress.session
    if not session or session.state != OPEN:
        raise ValueError("the session is not open at the cloud: export these passings")
    sender = race.sender()
    sender.restart()  # its reading of the journal was interrupted, and is not gone on with
    if not race.keeper.known():
        _drive(race, sender.have_time())  # certificates are judged by it
    while first <= last:
        backlog = Backlog(race.journal, _Range(race.progress, first, last))
        _drive(race, backlog.read(sender.settings.batch, 1 << 60))
        batch = backlog.batch
        if not batch:
            raise ValueError("they belong to another session than the one that is open")
        if batch.needs_map:
            batch.map = _drive(race, _map(race, batch, boot_utc_ms))
        _drive(race, sender.online())
        status, fields = _drive(race, exchange(sender, batch, batch.count, None))
        counts = sender.cloud.counted(fields) if 200 <= status < 300 else None
        if not counts or sum(counts) != batch.count:
            raise OSError("the cloud did not take them: %d %s" % (status, sender.words(fields)))
        race.progress.release(batch.first, batch.before - 1)
        first = batch.before
    return race.state


def erase(lose: bool, hal=None) -> None:
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
        journal.flash.erase((journal.head + distance) % journal.sectors * SECTOR)


def _map(race, batch, boot_utc_ms: int):
    points = yield from race.keeper.points_of(batch.boot, batch.first)
    if points:
        return race.keeper.map_for(batch.boot, points, batch.first_us, batch.last_us, None)
    if not boot_utc_ms:
        raise ValueError("their boot never had the time: say when it began")
    time_map = TimeMap()
    time_map.boot = batch.boot
    time_map.utc_us = boot_utc_ms * 1000
    return time_map


def _check(race, first: int, last: int) -> None:
    for low, high, _ in race.progress.aside:
        if low <= first <= last <= high:
            return
    raise ValueError("passings %d to %d are not set aside" % (first, last))


def _drive(race, steps):
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


def _race(hal):
    """Return the race that runs, or begin one."""
    if startline_race.races and not hal:
        return startline_race.races[0]
    device = Device(hal or Hal())
    device.identify()
    binding = Binding(device)
    if not device.identity.missing:
        load_record(binding)
    return device.race()
