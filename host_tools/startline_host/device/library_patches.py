"""Every change that is made to a library while it runs, each for the one version it was written for.

pyserial 3.5's RFC 2217 client sleeps 50 ms before each look whether the server has answered, a
dozen times while a port opens, and 0.3 s after closing one. A device on this computer costs
seconds that way, and nearly all of them are sleep. With another version the change is left out,
and a warning says so: ports then work as slowly as that library has them.

This file knows no other of the package: esptool's process, which sees none, executes it by path.
"""

from __future__ import annotations

import threading
import time
import warnings
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import serial
from serial import rfc2217

PYSERIAL = "3.5"
MPREMOTE = "1.29"

#: Seconds between two looks for an answer; pyserial's own are of 0.05 s.
POLL = 0.002
_POLL_OF_PYSERIAL = 0.05

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NEGOTIATED = ("_baudrate", "_bytesize", "_parity", "_stopbits", "_rtscts", "_xonxoff")

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
