"""The time, without which no certificate can be judged: from a server, or kept over a reset.

And dates as clouds write them, in Unix seconds: independent of a VM's epoch and its 32 bits.

No source is believed that says what cannot be: routers that never learnt the time, servers that
answer with zeros, a clock that lost its battery.
"""

from . import StepFailed

if False:  # for mypy; a device has none of these
    from collections.abc import Callable
    from typing import Any

    from agent_types import Chip

# What a time server's answer without a time in it comes to, 2036-02-07 06:28:16: all zeros, put
# into the era that begins then.
_ZEROS = 2085978496

# What asking, and setting a clock, may end in on any firmware.
_ERRORS = (OSError, ValueError, ArithmeticError, LookupError, MemoryError)

# Unix seconds: 2020-01-01, 2026-01-01, 2066-01-01. A clock is right between a reader's making and
# the last: the firmware's `ntptime` puts a server that lives before 2024 136 years later, and from
# 2068 on no chip can tell the date.
MADE_AT = (1577836800, 1767225600, 3029529600)

_FLOOR = 1262304000  # 2010-01-01: what lies before stands for no date at all, as 0001-01-01 does
_MONTHS = b"janfebmaraprmayjunjulaugsepoctnovdec"


def prove(
    chip: "Chip",
    ask: "Callable[[str], int]",
    servers: str,
    made_at: int,
    left: "Callable[[], int]",
) -> str:
    """Have the clock at or past `made_at` (Unix seconds, or 0); return where the time came from.

    `ask(host)` asks a server for its Unix time, `left()` is the time that there is for all of it,
    in milliseconds. Raises StepFailed.
    """
    made_at = made_at or MADE_AT[1]
    reason = "no_time"
    for host in (servers or "pool.ntp.org,time.google.com").split(","):
        if left() < 3000:
            break
        try:
            now = ask(host.strip())
            if made_at <= now <= MADE_AT[2] and now != _ZEROS:
                chip.set_unix(now)
                return "ntp"
        except _ERRORS:
            continue  # no answer, or none that this firmware can make anything of
        reason = "clock_before_made_at" if now < made_at else "clock_in_the_future"
    try:
        now = chip.unix()
    except _ERRORS:
        now = 0
    if made_at <= now <= MADE_AT[2]:
        return "kept"
    # One that was never set says nothing of what is wrong.
    raise StepFailed("clock", "clock_before_made_at" if MADE_AT[1] < now < made_at else reason)


def unix(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Return the Unix time of a date in UTC."""
    year -= month < 3
    days = 365 * year + year // 4 - year // 100 + year // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + day - 719469
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def of_header(date: bytes) -> int:
    """Return the Unix time of `sun, 06 nov 1994 08:49:37 gmt`. Raises ValueError, IndexError."""
    month: Any
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
