"""How long to wait before the next try: back-off with jitter, and what a server asks for."""


def backoff_ms(tries: int, chance: int) -> int:
    """Return milliseconds to wait after the `tries`-th failure in a row (from 0).

    Exponential with full jitter: `chance`, 0 to 65535, picks from 0 to a limit that doubles from
    2 s to 32 s, so that a million devices after one power failure do not come back as one.
    """
    return (2000 << min(tries, 4)) * chance >> 16


def server_backoff_ms(floor: int, tries: int, chance: int) -> int:
    """Return milliseconds to wait after the `tries`-th answer in a row (from 0) that put us off.

    The server's `floor` stands, and so does our own, which doubles from 1 s to 32 s; `chance`, 0
    to 65535, adds up to as long again, so that all who were sent away do not come back as one.
    """
    least = max(floor, 1000 << min(tries, 5))
    return least + (least * chance >> 16)


def retry_after_ms(value: bytes, now: int) -> int:
    """Return milliseconds to wait by a Retry-After header in lower case: seconds, or a date.

    `now` is Unix time. At least 1 s, at most an hour; 30 s for what cannot be read.
    """
    from .dates import of_header

    try:
        seconds = int(value) if value.isdigit() else of_header(value) - now
    except (ValueError, IndexError):
        seconds = 30
    return min(max(seconds, 1), 3600) * 1000
