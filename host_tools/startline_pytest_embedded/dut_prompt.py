"""MicroPython's raw REPL on the serial port of a pytest-embedded dut."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from startline_host.device.port import Port
from startline_host.device.repl import Repl
from startline_host.errors import Bug

_ENTER_SECONDS = 20.0
_SECONDS = 30.0
#: How long one read of the prompt's protocol may wait for its bytes.
_READ_SECONDS = 3.0


class DutPrompt:
    """The prompt of a dut; `serial` is its pytest-embedded `Serial`.

    While a call runs, what the device says goes to the call and not to `expect`. A program that
    runs is interrupted by the first of them; variables last until the device restarts. Raises
    DeviceSilent where no prompt or answer comes in time, NoSuchPort where the port goes away, and
    what the code raised: OSError as itself, anything else as DeviceRaised with its `traceback`.
    """

    def __init__(self, serial: Any) -> None:
        self._serial = serial

    def exec(self, code: str, timeout: float = _SECONDS) -> str:
        """Run code and return what it printed, with line feeds alone."""
        with self._entered() as repl:
            return repl.run(code, timeout).replace("\r\n", "\n")

    def eval(self, expression: str, timeout: float = _SECONDS) -> Any:
        """Return the value of an expression: numbers, texts, bytes, None, and containers of them.

        Raises ValueError for any other.
        """
        with self._entered() as repl:
            try:
                return repl.value(expression, timeout)
            except Bug:
                raise ValueError(
                    f"The value of {expression} is none that can be carried over: "
                    "have exec() print what you need of it."
                ) from None

    def soft_reset(self) -> None:
        """Start the interpreter afresh: boot.py runs, main.py does not, variables are gone."""
        with self._entered(fresh=True):
            pass

    def restart(self) -> None:
        """Restart the chip; what it says from then on is for `expect`."""
        with self._entered(stay=True) as repl:
            repl.restart()

    @contextlib.contextmanager
    def _entered(self, *, fresh: bool = False, stay: bool = False) -> Iterator[Repl]:
        # Its own disable_redirect_thread() starts the thread again only if nothing is raised.
        stopped = self._serial.stop_redirect_thread()
        line = self._serial.proc
        if line.timeout is not None and line.timeout < _READ_SECONDS:
            # In 50 ms of pytest-embedded's a busy computer may not have answered. Its own reading
            # takes what is there and does not wait, so this can stay.
            line.timeout = _READ_SECONDS
        try:
            repl = Repl(Port(self._serial.port, line))
            repl.enter(_ENTER_SECONDS, fresh=fresh)
            try:
                yield repl
            finally:
                if not stay:
                    repl.leave()
        finally:
            if stopped:
                self._serial.start_redirect_thread()
