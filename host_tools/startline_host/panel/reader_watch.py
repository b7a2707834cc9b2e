"""The one holder of a reader's port: it listens, and lends the port to one flow at a time.

Listening moves no line and sends nothing. A port that is busy, or goes, is tried again until it
can be had; a reader that was plugged in elsewhere is followed there.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack

from startline_host.device.console import ConsoleParser
from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.device.ports import PortInUse
from startline_host.errors import NoSuchPort
from startline_host.flows.usb_link import linked
from startline_host.panel.reader_view import ReaderView

#: Seconds that one read waits, and from one try to have the port to the next.
_TICK, _AGAIN = 0.25, 1.0
_BUSY = "Close what holds it (a serial monitor?), or wait for its end."
_GONE = "Check the cable and the power of the reader."
#: Seconds that the end of the thread is waited for.
_END = 5.0


class ReaderWatch:
    """Listens to a reader in a thread of its own, from `start` to `stop`.

    The connections of a reader with link = "usb" are carried to `carry_to` while it listens.
    """

    def __init__(self, url: str, baud: int, view: ReaderView, carry_to: str = "") -> None:
        self.url = url
        self._baud = baud
        self._view = view
        self._carry_to = carry_to
        self._turn = threading.Condition()
        self._in_use = False
        self._wanted = 0
        self._released = False
        self._was_open = False
        self._stopping = False
        self._session: PortSession | None = None
        self._listening = ExitStack()
        self._port: Port | None = None
        self._parser = ConsoleParser()
        self._thread = threading.Thread(target=self._run, name="reader-watch", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End, and let go of the port; a flow that has it is waited for by whoever runs it."""
        with self._turn:
            self._stopping = True
            self._turn.notify_all()
        self._thread.join(_END)

    @property
    def released(self) -> bool:
        """Whether the port was given up for another program."""
        return self._released

    def release(self, *, let_go: bool) -> None:
        """Give up the port for another program, or take it back."""
        with self._turn:
            self._released = let_go
            self._turn.notify_all()

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[PortSession]:
        """Lend the port to a flow, which may stop the reader; listening goes on afterwards.

        Raises NoSuchPort where it is not to be had now.
        """
        with self._taken():
            self._stop_listening()
            yield self._opened()

    @contextlib.contextmanager
    def without_port(self) -> Iterator[None]:
        """Leave the port to what opens it itself."""
        with self._taken():
            self._let_go()
            yield

    @contextlib.contextmanager
    def _taken(self) -> Iterator[None]:
        """Have the port's turn: nobody else touches it until the block ends."""
        with self._turn:
            self._wanted += 1
            self._turn.wait_for(lambda: not self._in_use)
            self._wanted -= 1
            self._in_use = True
        try:
            yield
        finally:
            with self._turn:
                self._in_use = False
                self._turn.notify_all()

    def _run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._stopping or not (self._in_use or self._wanted))
                if self._stopping:
                    break
                self._in_use = True
            try:
                pause = self._step()
            finally:
                with self._turn:
                    self._in_use = False
                    self._turn.notify_all()
            if pause:
                with self._turn:
                    self._turn.wait_for(lambda: self._stopping or bool(self._wanted), pause)
        with self._taken():
            self._let_go()

    def _step(self) -> float:
        """Listen for a moment; return the seconds to wait before the next."""
        if self._released:
            self._let_go()
            self._view.set_port("released")
            return _TICK
        try:
            data = self._read(self._listened())
        except NoSuchPort as problem:
            self._lost(problem)
            return _AGAIN
        self._was_open = True
        self._view.set_port("open")
        for item in self._parser.feed(data):
            self._view.hear(item)
        return 0.0

    def _read(self, port: Port) -> bytes:
        # A port that goes is told at once: it is this thread that waits for its return.
        opened = self._opened().port()
        revive, opened.revive = opened.revive, None
        try:
            return port.read(_TICK)
        finally:
            opened.revive = revive

    def _listened(self) -> Port:
        """Return what is read from while listening: the port, without the frames of a USB link."""
        if self._port is None:
            self._port = self._listening.enter_context(
                linked(self._opened().port(), self._carry_to)
            )
        return self._port

    def _opened(self) -> PortSession:
        """Return the session, begun anew if there is none, with its port open."""
        if self._session is None:
            session = PortSession(self.url, self._baud)
            session.__enter__()
            self._session = session
        self._session.follow()
        self._session.port()
        self.url = self._session.url
        return self._session

    def _lost(self, problem: NoSuchPort) -> None:
        self._stop_listening()
        if self._session is not None:
            self._session.free()
        if isinstance(problem, PortInUse):
            self._view.set_port("busy", problem.message, _BUSY)
        else:
            self._view.set_port("gone", problem.message, _GONE if self._was_open else problem.hint)

    def _stop_listening(self) -> None:
        self._listening.close()
        self._port = None
        self._parser = ConsoleParser()  # half a line tells nothing

    def _let_go(self) -> None:
        self._stop_listening()
        if self._session is not None:
            session, self._session = self._session, None
            session.__exit__(None, None, None)
