"""Dates as clouds write them, in Unix seconds: independent of a VM's epoch and its 32 bits."""

_FLOOR = 1262304000  # 2010-01-01: what lies before stands for no date at all, as 0001-01-01 does
_MONTHS = b"janfebmaraprmayjunjulaugsepoctnovdec"


def unix(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Return the Unix time of a date in UTC."""
    year -= month < 3
    days = 365 * year + year // 4 - year // 100 + year // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + day - 719469
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def of_header(date: bytes) -> int:
    """Return the Unix time of `sun, 06 nov 1994 08:49:37 gmt`. Raises ValueError, IndexError."""
    _, day, month, year, clock, _ = date.split()
    hour, minute, second = clock.split(b":")
    month = _MONTHS.index(month) // 3 + 1
    return unix(int(year), month, int(day), int(hour), int(minute), int(second))


def of_entry(text: "str | None") -> int:
    """Return the latest Unix time that `2026-11-18T09:30:00.000Z` may mean; 0 for no such date.

    A day without a time may have been its end, and a time without a zone that of any.
    """
    try:
        if not isinstance(text, str) or text[4] + text[7] != "--" or len(text) < 10:
            return 0
        when = unix(int(text[:4]), int(text[5:7]), int(text[8:10]), 0, 0, 0)
        if text[10:11] in ("T", " "):
            when += (int(text[11:13]) * 60 + int(text[14:16])) * 60 + int(text[17:19])
            if text[-1] != "Z":
                when += 14 * 3600
        else:
            when += 38 * 3600
    except (ValueError, IndexError):
        return 0
    return when if when >= _FLOOR else 0


def same_time(now: int, date: bytes) -> bool:
    """Tell whether a cloud's clock, where its answer tells the time, is within an hour of `now`."""
    try:
        return not date or abs(of_header(date) - now) < 3600
    except (ValueError, IndexError):
        return False
