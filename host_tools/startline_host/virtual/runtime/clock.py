"""The chip's clock: seconds since 2000-01-01, and the calendar that goes with them.

The port's calendar counts 32 bits of seconds from 1970, and takes 2100 for a leap year.
"""

SECONDS_1970_TO_2000 = 946_684_800
_CALENDAR_SPAN = 1 << 32
_DAYS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


class ChipClock:
    """A clock that runs with `ticks_us()`, a count of microseconds that never goes back.

    `offset_us` is what makes it the time since 2000; `changed` is called when it is set.
    """

    def __init__(self, ticks_us, offset_us: int = 0, changed=None) -> None:
        self._ticks_us = ticks_us
        self.offset_us = offset_us
        self.changed = changed

    def now_us(self) -> int:
        """Return microseconds since 2000-01-01 00:00."""
        return self._ticks_us() + self.offset_us

    def set_us(self, now_us: int) -> None:
        """Set the time."""
        self.offset_us = now_us - self._ticks_us()
        if self.changed:
            self.changed()


def _is_leap(year: int) -> bool:
    return year % 4 == 0


def seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Return the seconds since 2000 of a date; day, hour, minute and second may overflow.

    It wraps around where the calendar does.
    """
    month -= 1
    year += month // 12
    month %= 12
    before = year - 1
    days = (year - 2000) * 365 + before // 4 - 499
    days += _DAYS[month] + (month > 1 and _is_leap(year)) + day - 1
    return _wrapped(((days * 24 + hour) * 60 + minute) * 60 + second)


def _wrapped(since_2000: int) -> int:
    return (since_2000 + SECONDS_1970_TO_2000) % _CALENDAR_SPAN - SECONDS_1970_TO_2000


def calendar(since_2000: int) -> tuple:
    """Return (year, month, day, hour, minute, second, weekday with Monday 0, day of the year).

    It wraps around from 2106 to 1970.
    """
    since_2000 = _wrapped(since_2000)
    days, rest = divmod(since_2000, 86400)
    weekday = (days + 5) % 7  # 2000-01-01 was a Saturday
    year = 2000
    while True:
        length = 366 if _is_leap(year) else 365
        if 0 <= days < length:
            break
        if days < 0:
            year -= 1
            days += 366 if _is_leap(year) else 365
        else:
            year += 1
            days -= length
    month = 12
    while month > 1 and days < _DAYS[month - 1] + (month > 2 and _is_leap(year)):
        month -= 1
    day = days - _DAYS[month - 1] - (month > 2 and _is_leap(year)) + 1
    return (year, month, day, rest // 3600, rest // 60 % 60, rest % 60, weekday, days + 1)


def from_text(text: str) -> int:
    """Return the microseconds since 2000 of `YYYY-MM-DD`, with or without `THH:MM:SS`."""
    date, _, clock = text.replace("T", " ").partition(" ")
    parts = [int(part) for part in date.split("-")]
    parts += [int(part) for part in (clock or "0:0:0").split(":")]
    return seconds(*parts) * 1_000_000
