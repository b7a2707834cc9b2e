"""Makes pyserial's RFC 2217 client quick: importing this is enough, also in esptool's process.

pyserial 3.5 sleeps 50 ms before each look whether the server has answered, a dozen times while a
port opens, and 0.3 s after closing one. A device on this computer costs seconds that way, and
nearly all of them are sleep. This file knows no other of the package: esptool's process, which
sees none, executes it by path.
"""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from urllib.parse import urlsplit

from serial import rfc2217

#: Seconds between two looks for an answer; pyserial's own are of 0.05 s.
POLL = 0.002
_POLL_OF_PYSERIAL = 0.05

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_thread = threading.local()


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


rfc2217.time = SimpleNamespace(**{**vars(time), "sleep": _sleep})
