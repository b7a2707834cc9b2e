"""What the reader's own program sees of a race: sessions and passings, stored when a call returns."""

from struct import pack

from startline_online.timekeeper import MODULE, Timekeeper
from startline_online.uptime import Uptime
from startline_online.utc_text import utc_ms_of

from .checks import chip_id, number_within, place_of, printable_text
from .errors import JournalFull, RaceUnavailable
from .journal import POOL, RESERVE, Journal
from .journal_format import (
    BOOT,
    LONGEST_PAYLOAD,
    MARKER,
    PASSING,
    SECTOR,
    SESSION,
    SESSION_STATES,
    NewerFormat,
    Session,
    split_us,
)
from .passing_format import Passing, pack_passing
from .progress import Progress
from .sender import Sender
from .settings import RaceSettings

if False:  # for mypy; a device has none of these
    from collections.abc import Sequence
    from typing import Any

    from agent_types import Device, Helper

    from .dead_time import DeadTime

_PAUSE_MS = 200  # the longest between two looks whether there is something to do
_NONE = ("", None)  # instead of a text
_WARNINGS = (95, 80)  # percent of the journal that hold what is not sent


class Race:
    """A race on one device, as `device.race()` gives it.

    Passings are numbered from 1 for the whole life of the journal; within a session the cloud sees
    them from 1 as well. A passing that comes before `open` belongs to the session that is opened
    next. Raises RaceUnavailable where there is no journal to be had.
    """

    def __init__(self, device: "Device") -> None:
        self.device = device
        self.chip = device.hal.full()
        self.emit = device.emit
        flash = self.chip.flash("race")
        if not flash:
            raise RaceUnavailable(
                "this device has no partition 'race': `startline flash` gives it one; "
                "it saves the files of vfs, and puts them back"
            )
        self.settings = RaceSettings(device)
        self.uptime = Uptime(self.chip)
        self.journal = Journal(flash, self.settings.owner)
        try:
            self.journal.open()
        except NewerFormat as error:
            raise RaceUnavailable("%s: load the agent that wrote it" % error)
        self.progress = Progress(self.journal)
        self.progress.load()
        self.keeper = Timekeeper(self.chip, self.uptime, self.progress.note_time, self.emit)
        self.helpers: "Sequence[Helper]" = ()  # done beside sending
        self.pause = _PAUSE_MS  # until one of them is
        self._passing = Passing()
        self._payload = bytearray(LONGEST_PAYLOAD)
        self.dead_time: "DeadTime | None" = None
        if self.settings.dead_us:
            from .dead_time import DeadTime

            self.dead_time = DeadTime(self, self.settings)
        self._opened = False  # in this boot
        self._warned = 0
        self._shown: "list[Any] | None" = None
        self._shown_at = -1000
        self._head = -1
        self._sender = Sender(self)
        self._start_boot()

    def _start_boot(self) -> None:
        journal = self.journal
        journal.boot = journal.boot + 1 & 0xFFFF
        boot = pack("<HB", journal.boot, self.chip.powered_on())
        head = journal.head
        offset = journal.offset
        last = self.progress.last
        if not self.progress.whole:
            journal.offset = SECTOR  # what the journal tells is told anew, in the next sector
        for _ in range(2):
            try:
                # A reader that restarts for ever must not use up what is kept for its sending.
                journal.append(BOOT, boot, RESERVE - 1)
                # What was written when power went may read back now, and not the next time. A
                # sector that has just begun says all of it anyway.
                if last and journal.head == head:
                    journal.append(last[0], last[1], RESERVE - 1)
                break
            except JournalFull:
                journal.prepare(self.progress.keep_from(), POOL)
        else:  # there is no room: what there is can still be sent
            if not self.progress.whole:
                journal.offset = offset
        # Only now: a sector that is erased may have told what has just been told anew.
        journal.prepare(self.progress.keep_from(), POOL)

    # Sessions.

    def open(self, alias: str) -> None:
        """Have passings belong to a session of that name from now on, online or not.

        After a restart the same name goes on with the session that was open, and another one
        closes it. Raises ValueError for a second session in one boot before `close`, and for a
        name that does not fit; JournalFull.
        """
        if not printable_text("the session's name", alias):
            raise ValueError("the session needs a name")
        progress = self.progress
        if progress.opened:
            if self._opened:
                raise ValueError("a session is open already: close it first")
            if progress.wanted.alias == alias:  # type: ignore[union-attr] # `opened` tells
                self._opened = True
                return
            self.close()
        first = progress.free
        session = Session(progress.next_ordinal(), first, first, self.chip.random(4), alias)
        self.journal.append(SESSION, session.pack(), RESERVE)
        progress.wanted = session
        self._opened = True
        self._sender.wake()

    def close(self) -> None:
        """Have the session closed in the cloud once everything of it is sent; none is an error.

        Raises ValueError, JournalFull.
        """
        progress = self.progress
        if not progress.opened:
            raise ValueError("no session is open")
        progress.end(self.journal.number)
        self._opened = False
        self._sender.wake()

    # Passings.

    def passing(
        self, chip: str, bib: str = "", at: "int | None" = None, at_us: "int | None" = None,
        utc: "int | str | None" = None, antenna: "int | None" = None, rssi: "int | None" = None,
        hits: "int | None" = None, latitude: "float | None" = None,
        longitude: "float | None" = None, status: str = "",
    ) -> int:  # fmt: skip
        """Store a passing and return its number; it is in flash when this returns.

        `at` is `time.ticks_ms()` of the sighting, `at_us` is `time.ticks_us()`, both without it
        now; `utc` is what the module's own clock said (Unix milliseconds, or a text like
        `2026-11-21T10:00:00.123Z`). `antenna` goes up to 255, and more `hits` count as 255; `rssi` is
        in dBm, the place in degrees. A repeat of the same chip within the dead time is merged: its number is that of
        the first. Raises ValueError, TypeError for what cannot be; JournalFull; OSError for flash
        that does not take it. Nothing is stored then.
        """
        passing = self._passing
        passing.chip = chip_id(chip)
        passing.bib = printable_text("the bib", bib) if bib not in _NONE else ""
        if not chip and not bib:
            raise ValueError("a passing needs a chip or a bib")
        passing.status = printable_text("the status", status) if status not in _NONE else ""
        passing.antenna = number_within("the antenna", antenna, 0, 255)
        passing.rssi = number_within("the RSSI", rssi, -128, 127)
        passing.hits = number_within("hits", hits, 0, 1 << 30)
        passing.latitude, passing.longitude = place_of(latitude, longitude)
        passing.utc_ms = None if utc is None else utc_ms_of(utc)
        if at is not None:
            passing.time_us = self.uptime.at_ms(at)
        elif at_us is not None:
            passing.time_us = self.uptime.at_us(at_us)
        else:
            passing.time_us = self.uptime.now()
        dead_time = self.dead_time
        number = dead_time.merge(passing) if dead_time and chip else 0
        return number or self._store(passing)

    def _store(self, passing: Passing) -> int:
        journal = self.journal
        passing.number = number = journal.number
        passing.session = self.progress.next_ordinal()
        passing.boot = journal.boot
        journal.append(PASSING, pack_passing(passing, self._payload), RESERVE)
        journal.number = number + 1
        if self.dead_time and passing.chip:
            self.dead_time.note(passing)
        return number

    def marker(self, text: str = "", at: "int | None" = None) -> None:
        """Store a moment that is no passing, such as the gun. Raises as `passing` does."""
        printable_text("the marker", text)
        time_us = self.uptime.now() if at is None else self.uptime.at_ms(at)
        low, high = split_us(time_us)
        entry = pack("<HIH", self.journal.boot, low, high) + text.encode()
        self.journal.append(MARKER, entry, RESERVE)

    def set_time(self, utc: "int | str", error_ms: int = 1000, source: int = MODULE) -> None:
        """Take the time from a module's own clock: UTC now, and how far off it may be.

        Raises ValueError.
        """
        self.keeper.set_to(utc, error_ms, source)
        self._sender.wake()

    # Sending.

    def send(self, ms: int = 20) -> None:
        """Go on with sending for about `ms`, in a plain loop; it comes back at every wait.

        Only resolving a name and the arithmetic of a TLS handshake hold it for longer.
        """
        sender = self._sender
        start = self.chip.ms()
        while not sender.tick() and self.chip.since(start) < ms:
            pass

    async def run(self) -> None:
        """Send for ever, as a task beside others."""
        from asyncio import sleep_ms

        sender = self._sender
        while True:
            await sleep_ms(sender.tick())

    def sender(self) -> Sender:
        """Return what sends."""
        return self._sender

    def look_after(self) -> None:
        """Keep blank sectors ahead, the clock over its wraps, and the console up to date."""
        journal = self.journal
        if len(journal.blank) < POOL:
            journal.prepare(self.progress.keep_from())
        self.pause = _PAUSE_MS
        for helper in self.helpers:
            self.pause = min(self.pause, helper.tick())
        if journal.head != self._head:
            self._head = journal.head
            self._warn()
        if self.chip.since(self._shown_at) >= 1000:
            self._shown_at = self.chip.ms()
            self.uptime.now()
            state = self.state
            known = [state[name] for name in state if name != "error_ms"]
            if known != self._shown:
                self._shown = known
                self.emit("race", state)

    def _warn(self) -> None:
        full = self.journal.fill(self.progress.keep_from())
        for percent in _WARNINGS:
            if full >= percent:
                if percent > self._warned:
                    self.emit("race_warning", {"what": "journal_%d_percent" % percent})
                    self.device.update_led("unknown")
                self._warned = percent
                return
        if self._warned:
            self.device.update_led(self.device.state)
        self._warned = 0

    @property
    def state(self) -> "dict[str, Any]":
        """How it stands: counts are of passings, `error_ms` either way, `full` in percent.

        `session` is the one that passings belong to now, "" for none; `sending` is the state of the
        one that is being sent. `unsure` may be at the cloud, `aside` are not sent.
        """
        progress = self.progress
        sender = self._sender
        session = progress.session
        source, error_ms = self.keeper.quality()
        return {
            "session": progress.wanted.alias if progress.opened else "",  # type: ignore[union-attr]
            "sending": SESSION_STATES[session.state] if session else "",
            "stored": self.journal.number - 1,
            "sent": progress.stored + progress.known,
            "waiting": self.journal.number - progress.cursor,
            "unsure": progress.frozen - progress.cursor if progress.unsure else 0,
            "aside": progress.aside_count(),
            "clock": source,
            "error_ms": error_ms,
            "full": self.journal.fill(progress.keep_from()),
            "reason": sender.stopped or sender.reason,
        }
