"""A board on a race day: switched by its reset wire, its sightings and its link in frames over one line."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque

from startline_host.device.console import ConsoleLine, ConsoleParser, Event
from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.errors import DeviceSilent, StartlineError, StorageFailed
from startline_host.flows.board_loan import prompt_of
from startline_host.flows.journal_swap import read_journal
from startline_host.flows.restart import restart
from startline_host.flows.usb_link import UsbFrameSplitter, UsbLinkServer
from startline_host.formats.partitions import PartitionRow
from startline_host.race.board_app import LISTENS, MOST_SIGHTINGS, Sighted, see_request
from startline_host.race.day_reader import DayReader
from startline_host.race.day_script import DaySighting
from startline_host.race.running_reader import RequestRefused, RunningReader

_SLICE = 0.05


class BoardDayReader(DayReader):
    """A board whose program is `board_app.APP`, on a line that this opens and closes.

    With `base_url` its connections are carried over the line, to there and nowhere else.
    """

    def __init__(
        self, name: str, line: PortSession, stop: threading.Event, base_url: str = ""
    ) -> None:
        super().__init__(name, None, stop)
        self.clock = "usb" if base_url else "ntp"
        self.has_link_switch = bool(base_url)
        self.has_power_switch = line.port().can_reset
        self._line = line
        self._base_url = base_url
        self._listens = False
        self._closing = False
        self._waiting: deque[Sighted] = deque()
        self._telling: list[Sighted] = []
        self._number = 0
        self._off = threading.Event()
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    @property
    def listening(self) -> bool:
        """Whether its program takes in what it is shown."""
        return self._listens

    def power_on(self) -> None:
        """Let it go: a new life begins. One without a reset wire is restarted at its prompt."""
        self._begin_life()
        self._off.clear()
        restart(self._line)
        self._worker = threading.Thread(target=self._work, name=self.name, daemon=True)
        self._worker.start()

    def power_off(self, *, cut: bool = True) -> None:
        """Hold it in reset, or at the end let it go; what it has not answered is lost on the wire."""
        with self._lock:
            if cut:
                self.cut_lives.add(self.life)
            self._listens = False
            self._waiting.clear()
            self._telling = []
        self._off.set()
        if self._worker is not None:
            self._worker.join()
            self._worker = None
        if self.has_power_switch:
            wires = self._line.port().line
            wires.dtr = False
            wires.rts = cut

    @property
    def is_off(self) -> bool:
        """Whether its power was taken away."""
        return self._off.is_set()

    def set_link(self, *, there: bool) -> None:
        """Stop carrying its connections, or go on with it."""
        self.online = there

    def press_close(self) -> None:
        """Have its program close the session, after all that it was shown."""
        self._closing = True

    def see(self, sighting: DaySighting) -> None:
        """Tell it of a chip, if it listens. Raises the reader's failure."""
        if self.failure is not None:
            raise self.failure
        with self._lock:
            at = time.time()
            if self._listens:
                self._waiting.append((at, sighting))
            self._note(at, sighting, heard=self._listens)

    def journal(self, row: PartitionRow) -> bytes:
        """Return its journal, read at its prompt."""
        repl = prompt_of(self._line.port())
        return read_journal(repl, row.offset, row.size)

    def _work(self) -> None:
        """Listen and tell, until the power goes; a line that fails ends the day."""
        try:
            self._serve()
        except RequestRefused as refused:
            self.failure = StorageFailed(f"The board does not do as the day asks: {refused}.")
        except StartlineError as failed:
            self.failure = failed

    def _serve(self) -> None:
        raw = self._line.port()
        with contextlib.ExitStack() as stack, contextlib.suppress(_PowerGone):
            link = UsbLinkServer(raw, self._base_url) if self._base_url else None
            if link is not None:
                stack.callback(link.close)
            port = _HeardPort(raw, _Hearing(self, link))
            asked = RunningReader(port)
            while True:
                with contextlib.suppress(DeviceSilent):  # something holds it: the same once more
                    self._tell(asked)
                port.read(0.0 if self._waiting else _SLICE)

    def _tell(self, asked: RunningReader) -> None:
        """Tell of what waits; then of the end, if it has come. Raises DeviceSilent."""
        while self._listens and (self._telling or self._waiting):
            if not self._telling:
                self._number += 1
                self._telling = self._next_sightings()
            # Their ages are those of now, also where they are told once more.
            text = see_request(self._number, self._telling, time.time())
            self._note_taken(int(asked.ask(text, 1)))
        if self._listens and self._closing:
            asked.ask("close")
            self._closing = False

    def _next_sightings(self) -> list[Sighted]:
        """Take off the queue what a request has room for."""
        with self._lock:
            count = min(len(self._waiting), MOST_SIGHTINGS)
            return [self._waiting.popleft() for _ in range(count)]

    def _note_taken(self, taken: int) -> None:
        """Note that so many of what it was told are in flash: they are promised."""
        now = time.time()
        with self._lock:
            for _, one in self._telling[:taken]:
                self.promised.setdefault(one.chip, now)
            self._telling = []

    def hear(self, item: Event | ConsoleLine) -> None:
        """Take in what it says. Raises an error of its own once its power is gone."""
        self._take(item)
        if not isinstance(item, Event) and item.line.startswith(LISTENS):
            self._listens = True


class _PowerGone(Exception):
    """The reader is off: whoever serves it ends."""


class _Hearing:
    """What becomes of the bytes from a board: frames for its link, all else for its console."""

    def __init__(self, reader: BoardDayReader, link: UsbLinkServer | None) -> None:
        self._reader = reader
        self._link = link
        self._splitter = UsbFrameSplitter()
        self._console = ConsoleParser()

    def feed(self, data: bytes) -> None:
        """Take bytes. Raises _PowerGone."""
        if self._reader.is_off:
            raise _PowerGone
        text, frames = self._splitter.feed(data)
        if self._link is not None and self._reader.online:
            for frame in frames:
                self._link.take(frame)
        for item in self._console.feed(text):
            self._reader.hear(item)


class _HeardPort(Port):
    """A port whose every byte is heard, whoever reads it."""

    def __init__(self, port: Port, hearing: _Hearing) -> None:
        super().__init__(port.url, port.line)
        self._port = port
        self._hearing = hearing

    def read(self, seconds: float) -> bytes:
        """Return what has come, waiting at most `seconds` for the first byte. Raises _PowerGone."""
        data = self._port.read(min(seconds, _SLICE))
        self._hearing.feed(data)
        return data

    def write(self, data: bytes) -> None:
        """Send, as the port itself does."""
        self._port.write(data)
