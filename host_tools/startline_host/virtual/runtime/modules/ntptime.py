"""`ntptime`: asks the world's time servers; nothing leaves the machine."""

import time as _real

from ..chip import current as _current
from ..clock import SECONDS_1970_TO_2000 as _2000
from .time import sleep_ms as _sleep_ms

host = "pool.ntp.org"
timeout = 1

_NO_NAME = -202
_TIMED_OUT = 116


def time() -> int:
    """Return a server's time in seconds since 2000. Raises OSError(-202) or OSError(116)."""
    chip = _current()
    if not chip.station.is_connected() or chip.world.dns_fault()[0]:
        raise OSError(_NO_NAME)
    offset = chip.world.ntp_offset(host)
    if offset is None or not chip.station.traffic_passes():
        _sleep_ms(int(timeout * 1000))
        raise OSError(_TIMED_OUT)
    return int(_real.time_ns() // 1_000_000_000 - _2000 + offset)


def settime() -> None:
    """Set the chip's clock from a server."""
    _current().clock.set_us(time() * 1_000_000)
