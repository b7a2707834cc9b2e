"""What a passing may say; everything else is a ValueError with one sentence, and nothing is stored."""

from startline.net.json_scanner import text_of

from .passing_format import LONGEST_CHIP

LONGEST_TEXT = 60  # bytes of a bib, a status, an alias
_EARLIEST_MS = 946684800000  # 2000-01-01
_LATEST_MS = 4102444800000  # 2100-01-01
_HEX = "0123456789ABCDEF"


def chip_id(value: str) -> str:
    """Return a chip's id. Raises ValueError."""
    if isinstance(value, str) and len(value) <= LONGEST_CHIP and not value.strip(_HEX):
        return value  # as most are
    return printable_text("the chip's id", value, LONGEST_CHIP)


def printable_text(what: str, value: str, longest: int = LONGEST_TEXT) -> str:
    """Return a printable text of so many bytes of UTF-8 at most. Raises ValueError."""
    raw = value.encode() if isinstance(value, str) else None
    if raw is None or len(raw) > longest or text_of(raw) is None or _has_controls(value):
        raise ValueError("%s has to be a printable text of at most %d bytes" % (what, longest))
    return value


def _has_controls(value: str) -> bool:
    for char in value:  # noqa: SIM110 - as small as can be
        if char < " " or "\x7f" <= char < "\xa0":
            return True
    return False


def number_within(what: str, value, least: int, most: int, kind=int):
    """Return a number, or None for None. Raises ValueError."""
    if value is None:
        return None
    if not isinstance(value, kind) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError("%s has to be a number from %d to %d" % (what, least, most))
    return value


def place_of(latitude, longitude) -> tuple:
    """Return both, in degrees, or None for both. Raises ValueError."""
    if (latitude is None) != (longitude is None):
        raise ValueError("a place has to have latitude and longitude")
    kind = (int, float)
    return (
        number_within("the latitude", latitude, -90, 90, kind),
        number_within("the longitude", longitude, -180, 180, kind),
    )


def utc_ms_of(value) -> int:
    """Return Unix time in milliseconds, from that or a text like `2026-11-21T10:00:00.123Z`.

    Raises ValueError.
    """
    try:
        if isinstance(value, str):
            value = _parsed(value)
        if _EARLIEST_MS <= value < _LATEST_MS:
            return value
    except (ValueError, TypeError, IndexError):
        pass
    raise ValueError("a time has to be like 2026-11-21T10:00:00.123Z, from 2000 to 2099")


def _parsed(value: str) -> int:
    from startline.net.clock import unix

    date, clock = value[:-1].split("T")
    year, month, day = [int(part) for part in date.split("-")]
    hour, minute, second = clock.split(":")
    second, _, fraction = second.partition(".")
    if value[-1] != "Z" or not (0 < month < 13 and 0 < day < 32 and int(hour) < 24):
        raise ValueError
    seconds = unix(year, month, day, int(hour), int(minute), int(second))
    return seconds * 1000 + int((fraction + "000")[:3])
