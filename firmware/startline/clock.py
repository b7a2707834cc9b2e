"""The time, without which no certificate can be judged: from NTP, or kept over a reset."""

from .errors import Failed

_BUILT = 1767225600  # 2026-01-01: a clock before this was never set


def prove(chip, ask, servers: str, made_at: int, left) -> str:
    """Have the clock at or past `made_at` (Unix seconds); return where the time came from.

    `ask(host)` asks a server for its Unix time, `left()` is the time that there is for all of it,
    in milliseconds. Raises Failed.
    """
    floor = made_at or _BUILT
    reason = "no_time"
    for host in (servers or "pool.ntp.org,time.google.com").split(","):
        if left() < 3000:
            break
        try:
            now = ask(host.strip())
        except (OSError, ValueError):
            continue
        if now >= floor:
            chip.set_unix(now)
            return "ntp"
        reason = "clock_before_made_at"
    now = chip.unix()
    if now >= floor:
        return "kept"
    raise Failed("clock", "clock_before_made_at" if now > _BUILT else reason)
