"""The line rate while flashing: the fastest that works, tried downwards and remembered by port.

Cables, bridges and level shifters differ: what one board takes at 921600 baud fails at another's.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import platformdirs

from startline_host.device.library_patches import is_local
from startline_host.device.port_lock import canonical

#: From fast to slow: what the bridges on such boards can be set to.
RATES = (921600, 460800, 115200)
#: A port that could not keep up is tried at its full rate again after so many seconds: 30 days.
_FORGET = 30 * 86_400


def rates_from(baud: int) -> tuple[int, ...]:
    """Return a rate, and all slower ones that are tried where it does not work."""
    return (baud, *(rate for rate in RATES if rate < baud))


def remembered(url: str, baud: int) -> int:
    """Return the rate that the port was last seen to keep up with, at most `baud`."""
    path = _file(url)
    try:
        if path is None or time.time() - path.stat().st_mtime > _FORGET:
            return baud
        return min(baud, int(path.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return baud


def remember(url: str, baud: int, wanted: int) -> None:
    """Keep a rate that worked where a faster one was `wanted`; forget an older one where it was not."""
    path = _file(url)
    if path is None:
        return
    try:
        if baud < wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(baud), encoding="ascii")
        else:
            path.unlink(missing_ok=True)
    except OSError:
        return  # where nothing can be kept, the next session finds it out again


def _file(url: str) -> Path | None:
    """Return where a port's rate is kept; None for a port of this computer's own programs."""
    if is_local(url):
        return None
    name = hashlib.sha256(os.fsencode(canonical(url))).hexdigest()[:16]
    return platformdirs.user_cache_path("startline") / "rates" / name
