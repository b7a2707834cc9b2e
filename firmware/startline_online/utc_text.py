"""Times as text, as clouds and chip modules write them: `2026-11-21T10:00:00.123Z`."""

import time

_EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0
_EARLIEST_MS = 946684800000  # 2000-01-01
_LATEST_MS = 4102444800000  # 2100-01-01


def timestamp(utc_ms: int) -> str:
    """Return Unix time in milliseconds as `2026-11-21T10:00:00.123Z`."""
    now = time.gmtime(utc_ms // 1000 - _EPOCH)
    return "%04d-%02d-%02dT%02d:%02d:%02d" % now[:6] + ".%03dZ" % (utc_ms % 1000)


def utc_ms_of(value: "int | str") -> int:
    """Return Unix time in milliseconds, from that or a text like `2026-11-21T10:00:00.123Z`.

    Raises ValueError.
    """
    try:
        if isinstance(value, str):
            value = _parsed(value)
        if isinstance(value, int) and _EARLIEST_MS <= value < _LATEST_MS:
            return value
    except (ValueError, TypeError, IndexError):
        pass
    raise ValueError("a time has to be like 2026-11-21T10:00:00.123Z, from 2000 to 2099")


def _parsed(value: str) -> int:
    from startline.net.clock import unix

    date, clock = value[:-1].split("T")
    year, month, day = [int(part) for part in date.split("-")]
    hour, minute, second = clock.split(":")
    second, dot, fraction = second.partition(".")
    if (
        value[-1] != "Z"
        or not (0 < month < 13 and 0 < day < 32)
        or (dot and not fraction.isdigit())
    ):
        raise ValueError
    ms = unix(year, month, day, int(hour), int(minute), int(second)) * 1000
    # What is written back in another way is no time: no 31 February, no minute 99, no sign.
    if timestamp(ms)[:19] != value[:19]:
        raise ValueError
    return ms + int((fraction + "000")[:3])
