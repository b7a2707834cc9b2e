"""How long to wait before asking again."""

_MONTHS = b"janfebmaraprmayjunjulaugsepoctnovdec"
_LONGEST = 3600


def pause(tries: int, chance: int) -> int:
    """Return milliseconds to wait after the `tries`-th failure in a row (from 0).

    Exponential with full jitter: `chance`, 0 to 65535, picks from 0 to a limit that doubles from
    2 s to 32 s, so that a million devices after one power failure do not come back as one.
    """
    return (2000 << min(tries, 4)) * chance >> 16


def retry_after(value: bytes, now: int) -> int:
    """Return milliseconds to wait by a Retry-After header in lower case: seconds, or a date.

    `now` is Unix time. At least 1 s, at most an hour; 30 s for what cannot be read.
    """
    try:
        seconds = int(value) if value.isdigit() else _unix(value) - now
    except (ValueError, IndexError):
        seconds = 30
    return min(max(seconds, 1), _LONGEST) * 1000


def _unix(date: bytes) -> int:
    """Return the Unix time of `sun, 06 nov 1994 08:49:37 gmt`. Raises ValueError, IndexError."""
    _, day, month, year, clock, _ = date.split()
    month = _MONTHS.index(month) // 3 + 1
    year = int(year) - (month < 3)
    days = 365 * year + year // 4 - year // 100 + year // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + int(day) - 719469
    hour, minute, second = clock.split(b":")
    return ((days * 24 + int(hour)) * 60 + int(minute)) * 60 + int(second)
