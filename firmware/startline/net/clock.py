"""The time, without which no certificate can be judged: from a server, or kept over a reset.

No source is believed that says what cannot be: routers that never learnt the time, servers that
answer with zeros, a clock that lost its battery.
"""

from ..limits import MADE_AT
from . import StepFailed

# What a time server's answer without a time in it comes to, 2036-02-07 06:28:16: all zeros, put
# into the era that begins then.
_ZEROS = 2085978496

# What asking, and setting a clock, may end in on any firmware.
_ERRORS = (OSError, ValueError, ArithmeticError, LookupError, MemoryError)


def prove(chip, ask, servers: str, made_at: int, left) -> str:
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
