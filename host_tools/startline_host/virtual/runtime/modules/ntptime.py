"""`ntptime`: asks the world's time servers; nothing leaves the machine.

A server tells 32 bits of seconds since 1900. The firmware takes those before 2024 for ones of the
next era, so a server that lives in 1970 gives a date in 2106.
"""

import time as _real

from .. import socket_errors as _errors
from ..chip import current as _current
from .machine import RTC as _RTC
from .time import gmtime as _gmtime
from .time import sleep_ms as _sleep_ms

host = "pool.ntp.org"
timeout = 1

_1900_TO_1970 = 2_208_988_800
_1900_TO_2000 = 3_155_673_600
_FIRST_STAMP = 3_913_056_000  # 2024-01-01
_ERA = 1 << 32


def time() -> int:
    """Return a server's time in seconds since 2000. Raises OSError(-202) or OSError(116)."""
    chip = _current()
    fault, stall_ms = chip.world.dns_fault()
    if fault == "stall":
        _sleep_ms(stall_ms)
    if fault or not chip.station.is_connected():
        raise _errors.OSError(_errors.NO_NAME)
    offset = chip.world.ntp_offset(host)
    if offset is None or not chip.station.traffic_passes():
        _sleep_ms(int(timeout * 1000))
        raise _errors.OSError(_errors.when_over(timeout))
    stamp = (int(_real.time_ns() // 1_000_000_000 + offset) + _1900_TO_1970) % _ERA
    if stamp < _FIRST_STAMP:
        stamp += _ERA
    return stamp - _1900_TO_2000


def settime() -> None:
    """Set the chip's clock from a server, by way of the calendar."""
    year, month, day, hour, minute, second, weekday, _ = _gmtime(time())
    _RTC().datetime((year, month, day, weekday + 1, hour, minute, second, 0))
