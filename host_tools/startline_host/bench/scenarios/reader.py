"""One reader on the bench: its power, its console, and what it has said since it was switched on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from startline_host.bench.scenarios.transcript import Transcript
from startline_host.device.console import ConsoleLine, ConsoleParser, Event
from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.errors import TimedOut
from startline_host.flows.first_boot import FirstBootOutcome, read_outcome
from startline_host.flows.usb_link import UsbLinkServer
from startline_host.util import PatientDeadline

_SLICE = 0.1
#: How long the application may take to speak after `ready`, in seconds.
_APP_PATIENCE = 3.0
#: What the bench's application begins its lines with.
APP_WORD = "app:"

Condition = Callable[["Reader"], bool]


#: Serves a reader's connections over its own line.
LinkMaker = Callable[[Port], UsbLinkServer]


class BenchStopped(Exception):
    """The bench was told to stop in the middle of a case."""


class PowerCycle:
    """What a reader said in one life: from power on to power off.

    `resumed` are the indexes of events before which somebody else had the line for a while: what
    the reader said to them, the rest of a boot's first events for one, is not here.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lines: list[str] = []
        self.resumed: set[int] = set()

    def count(self, name: str) -> int:
        """Return how many events of a name there were."""
        return sum(event.name == name for event in self.events)

    @property
    def app(self) -> bool:
        """Whether the application spoke."""
        return any(line.startswith(APP_WORD) for line in self.lines)


class Reader:
    """A reader behind a serial line with reset wires; a context manager.

    `link` serves its connections where they go over this very line; `stop` ends every wait with
    `BenchStopped`.
    """

    def __init__(
        self,
        url: str,
        transcript: Transcript,
        *,
        name: str = "first",
        link: LinkMaker | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.url = url
        self.name = name
        self.lives: list[PowerCycle] = []
        self._line = PortSession(url)
        self._transcript = transcript
        self._make_link = link
        self._link: UsbLinkServer | None = None
        self._console = ConsoleParser()
        self._stop = stop or threading.Event()

    def __enter__(self) -> Self:
        self._line.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_link()
        self._line.__exit__(kind, error, trace)

    @property
    def line(self) -> PortSession:
        """The line itself, for flows that load a device."""
        return self._line

    @property
    def cycle(self) -> PowerCycle:
        """The present life, or the last one."""
        return self.lives[-1] if self.lives else PowerCycle()

    @property
    def outcome(self) -> FirstBootOutcome | None:
        """How the present life's last boot or retry ended, None before one has."""
        events = self.cycle.events
        ends = [at for at, event in enumerate(events) if event.name == "ready"]
        if not ends:
            return None
        starts = [at for at, event in enumerate(events[: ends[-1]]) if event.name == "boot"]
        begin = max([*starts[-1:], *(end + 1 for end in ends[-2:-1])], default=0)
        return read_outcome(events[begin : ends[-1] + 1])

    @contextmanager
    def detached(self) -> Iterator[None]:
        """Leave the line to somebody else for a while; the chip is let go, and runs."""
        self._end_link()
        self._line.__exit__(None, None, None)
        try:
            yield
        finally:
            self._line.__enter__()
            self.cycle.resumed.add(len(self.cycle.events))

    def power_off(self) -> None:
        """Hold the chip in reset: whatever it was doing has ended."""
        line = self._line.port().line
        line.dtr = False
        line.rts = True
        self._hear(0.0)
        self._end_link()

    def power_on(self) -> None:
        """Let the chip go: a new life begins."""
        port = self._line.port()
        port.read(0)
        self._console = ConsoleParser()
        self._link = self._make_link(port) if self._make_link else None
        self.lives.append(PowerCycle())
        port.line.rts = False

    def send(self, text: str) -> None:
        """Type something at the console."""
        self._line.port().write(text.encode())

    def follow(self, until: Condition, seconds: float, what: str) -> None:
        """Listen until a condition holds. Raises TimedOut, naming `what`, or BenchStopped."""
        deadline = PatientDeadline(seconds)
        while not until(self):
            if deadline.expired:
                raise TimedOut(f"The reader was not {what} within {seconds:.0f} s.")
            self._hear(_SLICE)

    def follow_app(self) -> None:
        """Give the application a moment to speak, should there be one."""
        deadline = PatientDeadline(_APP_PATIENCE)
        before = sum(line.startswith(APP_WORD) for line in self.cycle.lines)
        ready = self.cycle.count("ready")
        while before < ready and not deadline.expired:
            self._hear(_SLICE)
            before = sum(line.startswith(APP_WORD) for line in self.cycle.lines)

    def settle(self, seconds: float) -> None:
        """Listen for a while, whatever comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._hear(_SLICE)

    def _hear(self, seconds: float) -> None:
        if self._stop.is_set():
            raise BenchStopped
        port = self._line.port() if self._link is None else self._link.port
        data = port.read(seconds)
        for item in self._console.feed(data):
            self._take(item)

    def _end_link(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _take(self, item: Event | ConsoleLine) -> None:
        if not self.lives:
            return  # what it did before the bench took hold of it is no part of the case
        self._transcript.heard(self.name, item)
        if isinstance(item, Event):
            self.cycle.events.append(item)
        else:
            self.cycle.lines.append(item.line)
