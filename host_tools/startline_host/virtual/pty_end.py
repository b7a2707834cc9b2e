"""The serial line as a pseudo-terminal, for programs that need a file descriptor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from startline_host.virtual.uart import UartHub

_LOOK_SECONDS = 0.05
_CHUNK = 65536
_FULL = 256 * 1024


class PtyEnd:
    """A pty whose other side, at `path`, anybody may open; it has no modem lines.

    Nobody says when a pty is opened, so this looks a few times a second; while nobody has it
    open, output is lost as on a port that nothing is plugged into.
    """

    def __init__(self, uart: UartHub) -> None:
        self._uart = uart
        self._master, other = os.openpty()
        tty.setraw(other)
        self.path = os.ttyname(other)
        os.close(other)
        os.set_blocking(self._master, False)
        self._waiting = bytearray()
        self._open = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle = self._loop.call_soon(self._look)

    def write(self, data: bytes) -> None:
        """Pass the chip's bytes on; what does not fit now waits."""
        self._waiting += data
        self._flush()

    def close(self) -> None:
        """Hang up."""
        self._timer.cancel()
        if self._open:
            self._gone()
        os.close(self._master)

    def _look(self) -> None:
        """See whether somebody has opened the other side: only then is there no end of file."""
        data = self._take()
        if data is None:
            self._timer = self._loop.call_later(_LOOK_SECONDS, self._look)
            return
        self._open = True
        self._uart.plug_in(self)
        self._loop.add_reader(self._master, self._read)
        self._uart.push(data)

    def _read(self) -> None:
        data = self._take()
        if data is None:
            self._gone()
            self._timer = self._loop.call_later(_LOOK_SECONDS, self._look)
        else:
            self._uart.push(data)

    def _take(self) -> bytes | None:
        """Return what there is to read, maybe nothing; None when nobody has the pty open.

        Linux reports that as an error, macOS as an end of file.
        """
        try:
            return os.read(self._master, _CHUNK) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def _flush(self) -> None:
        with contextlib.suppress(OSError):
            while self._waiting:
                del self._waiting[: os.write(self._master, self._waiting[:_CHUNK])]
        if self._waiting:
            self._loop.add_writer(self._master, self._flush)
        else:
            self._loop.remove_writer(self._master)
        self._uart.set_full(self, full=len(self._waiting) > _FULL)

    def _gone(self) -> None:
        self._open = False
        self._waiting.clear()
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        self._uart.unplug(self)
