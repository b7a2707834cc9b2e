"""Every change that is made to a library while it runs, each for the one version it was written for.

pyserial 3.5's RFC 2217 client sleeps 50 ms before each look whether the server has answered, a
dozen times while a port opens, and 0.3 s after closing one. A device on this computer costs
seconds that way, and nearly all of them are sleep. With another version the change is left out,
and a warning says so: ports then work as slowly as that library has them.

This file knows no other of the package: esptool's process, which sees none, executes it by path.
"""

from __future__ import annotations

import queue
import re
import threading
import time
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import serial
from serial import rfc2217

ESPTOOL = "5.6"
PYSERIAL = "3.5"
MPREMOTE = "1.29"

#: Seconds between two looks for an answer; pyserial's own are of 0.05 s.
POLL = 0.002
_POLL_OF_PYSERIAL = 0.05

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NEGOTIATED = ("_baudrate", "_bytesize", "_parity", "_stopbits", "_rtscts", "_xonxoff")

#: What a telnet stream (RFC 854) is made of: data, in which IAC is doubled; IAC with one of the four
#: commands that an option follows (0xfb to 0xfe), and the option; IAC with another command.
_TELNET = re.compile(rb"((?:[^\xff]+|\xff\xff)+)|\xff[\xfb-\xfe].|\xff[^\xff\xfb-\xfe]", re.DOTALL)

_thread = threading.local()


def _is_version(library: str, found: str, written_for: str) -> bool:
    if found == written_for or found.startswith(f"{written_for}."):
        return True
    warnings.warn(
        f"{library} {found} is installed, and Startline's changes to it were written for "
        f"{written_for}: they are left out.",
        RuntimeWarning,
        stacklevel=3,
    )
    return False


def patch_rfc2217() -> None:
    """Let an RFC 2217 port be opened in short polls, and by a thread without deprecated calls."""
    if _is_version("pyserial", serial.__version__, PYSERIAL):
        rfc2217.time = SimpleNamespace(**{**vars(time), "sleep": _sleep})
        rfc2217.threading = SimpleNamespace(**{**vars(threading), "Thread": _QuietThread})


def receive_in_pieces() -> None:
    """Let an RFC 2217 port that is opened from now on take what arrives as it arrives, not by bytes.

    It is for a process that serves no such port: pyserial goes through what it sends as well.
    """
    if _is_version("pyserial", serial.__version__, PYSERIAL):
        rfc2217.iterbytes = _pieces
        rfc2217.Queue = SimpleNamespace(Queue=_Received, Empty=queue.Empty)
        rfc2217.Serial.read = _read


def _pieces(data: bytes) -> Iterator[bytes]:
    """Yield data in one piece and commands byte by byte, as pyserial's reader thread takes them.

    What is cut off at the end comes first the next time, in this thread.
    """
    data = getattr(_thread, "cut_off", b"") + data
    end = 0
    while found := _TELNET.match(data, end):
        end = found.end()
        plain = (found[1] or b"").replace(rfc2217.IAC_DOUBLED, rfc2217.IAC)
        if plain and plain != rfc2217.IAC:
            yield plain
        else:  # by itself IAC would begin a command
            yield from (found[0][at : at + 1] for at in range(len(found[0])))
    _thread.cut_off = data[end:]


class _Received(queue.Queue[Any]):
    """The bytes that have arrived; None among them is the end of the connection.

    At most `most` of them are taken at a time: there is one reader.
    """

    most = 1

    def _init(self, maxsize: int) -> None:
        self._data = bytearray()
        self._ended = False

    def _qsize(self) -> int:
        return len(self._data) + self._ended

    def _put(self, item: bytes | None) -> None:
        if item is None:
            self._ended = True
        else:
            self._data += item

    def _get(self) -> bytes | None:
        if not self._data:
            self._ended = False
            return None
        piece = bytes(self._data[: self.most])
        del self._data[: self.most]
        return piece


def _read(port: Any, size: int = 1) -> bytes:
    """Do what pyserial's does, and fail as it does."""
    if not port.is_open:
        raise serial.PortNotOpenError
    timeout = serial.serialutil.Timeout(port._timeout)  # noqa: SLF001 - there is no other door
    data = b""
    while len(data) < size:
        if port._thread is None or not port._thread.is_alive():  # noqa: SLF001
            raise serial.SerialException("connection failed (reader thread died)")
        buffer = port._read_buffer  # noqa: SLF001
        buffer.most = size - len(data)
        try:
            piece = buffer.get(True, timeout.time_left())
        except queue.Empty:
            break
        if piece is None:
            break
        data += piece
        if timeout.expired():
            break
    return data


def negotiate_only_changes() -> None:
    """Let an RFC 2217 port skip a negotiation that would change nothing at the server.

    esptool sets a timeout around every command, and pyserial 3.5 answers any change of a timeout
    by negotiating baud rate, data size, parity and stop bits anew, with a sleep at each. A session
    of hundreds of commands then takes minutes.
    """
    if not _is_version("pyserial", serial.__version__, PYSERIAL):
        return
    negotiate = rfc2217.Serial._reconfigure_port  # noqa: SLF001 - there is no other door
    settled: dict[int, tuple[Any, ...]] = {}

    def reconfigure(port: Any) -> None:
        wanted = (port._socket, *(getattr(port, name) for name in _NEGOTIATED))  # noqa: SLF001
        # A timeout for writing is refused in there, and esptool waits for the refusal.
        if port._write_timeout is not None or settled.get(id(port)) != wanted:  # noqa: SLF001
            negotiate(port)
            settled[id(port)] = wanted

    rfc2217.Serial._reconfigure_port = reconfigure  # noqa: SLF001


def trace_nothing(loader: Any, version: str) -> None:
    """Keep esptool from writing out each packet for a trace that nobody asked for."""
    if _is_version("esptool", version, ESPTOOL):
        loader.HexFormatter.__str__ = lambda _packet: ""


def silence_mpremote(transport_serial: Any, version: str) -> None:
    """Keep mpremote from printing what it could not make sense of to stdout, raw.

    stdout is for results, and a device's bytes go to no terminal as they are.
    """
    if _is_version("mpremote", version, MPREMOTE):
        transport_serial.print = lambda *_words: None


def is_local(url: str) -> bool:
    """Tell whether a URL's server runs on this computer."""
    return urlsplit(url).hostname in _LOOPBACK


def skip_close_delay(url: str) -> None:
    """Let what this thread closes from now on, at this URL, go without a pause if it is near.

    A server far away may serve one client only and take its time to see that one has gone.
    """
    _thread.near = is_local(url)


def _sleep(seconds: float) -> None:
    if seconds <= _POLL_OF_PYSERIAL:
        time.sleep(min(seconds, POLL))
    elif not getattr(_thread, "near", False):
        time.sleep(seconds)


class _QuietThread(threading.Thread):
    """Takes the deprecated calls that pyserial 3.5 names its reader thread with.

    Filtering the warning instead would change the filters of every other thread.
    """

    def setDaemon(self, daemonic: bool) -> None:  # noqa: N802, FBT001
        """Do what the attribute does."""
        self.daemon = daemonic

    def setName(self, name: str) -> None:  # noqa: N802
        """Do what the attribute does."""
        self.name = name
