"""What a passing may say; everything else is a ValueError with one sentence, and nothing is stored."""

from .passing_format import LONGEST_CHIP

LONGEST_TEXT = 60  # bytes of a bib, a status, an alias
_EARLIEST_MS = 946684800000  # 2000-01-01
_LATEST_MS = 4102444800000  # 2100-01-01
_HEX = "0123456789ABCDEF"


def chip(text: str) -> str:
    """Return a chip's id. Raises ValueError, TypeError."""
    if not isinstance(text, str):
        raise TypeError("the chip's id has to be a text, not %s" % type(text).__name__)
    if not text.strip(_HEX) and len(text) <= LONGEST_CHIP:
        return text
    if len(text.encode()) > LONGEST_CHIP:
        raise ValueError("the chip's id has more than %d bytes" % LONGEST_CHIP)
    _printable("the chip's id", text)
    return text


def text(what: str, value: str) -> str:
    """Return a text of at most 60 bytes, such as a bib. Raises ValueError, TypeError."""
    if not isinstance(value, str):
        raise TypeError("%s has to be a text, not %s" % (what, type(value).__name__))
    if len(value.encode()) > LONGEST_TEXT:
        raise ValueError("%s has more than %d bytes" % (what, LONGEST_TEXT))
    _printable(what, value)
    return value


def _printable(what: str, value: str) -> None:
    for char in value:
        code = ord(char)
        if code < 32 or 127 <= code < 160:
            raise ValueError("%s holds a control character" % what)
        if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            raise ValueError("%s holds a character that does not exist" % what)


def number(what: str, value, least: int, most: int):
    """Return a number, or None for None. Raises ValueError, TypeError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("%s has to be a whole number" % what)
    if not least <= value <= most:
        raise ValueError("%s has to be from %d to %d" % (what, least, most))
    return value


def place(latitude, longitude) -> tuple:
    """Return both, in degrees, or None for both. Raises ValueError, TypeError."""
    if latitude is None and longitude is None:
        return None, None
    for what, value, most in (("latitude", latitude, 90), ("longitude", longitude, 180)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError("the %s has to be a number of degrees" % what)
        if not -most <= value <= most:  # nor is it not a number
            raise ValueError("the %s has to be from %d to %d degrees" % (what, -most, most))
    return latitude, longitude


def utc_ms(value) -> int:
    """Return Unix time in milliseconds, from that or a text like `2026-11-21T10:00:00.123Z`.

    Raises ValueError, TypeError.
    """
    if isinstance(value, str):
        value = _parse(value)
    number("the time of the passing", value, -(1 << 60), 1 << 60)
    if value < _EARLIEST_MS:
        raise ValueError("the time of the passing lies before the year 2000")
    if value >= _LATEST_MS:
        raise ValueError("the time of the passing lies behind the year 2099")
    return value


def _parse(value: str) -> int:
    date, _, rest = value.partition("T")
    clock, _, fraction = rest.rstrip("Z").partition(".")
    try:
        year, month, day = [int(part) for part in date.split("-")]
        hour, minute, second = [int(part) for part in clock.split(":")]
        if value[-1] != "Z" or not (0 < month < 13 and 0 < day < 32 and hour < 24 and minute < 60):
            raise ValueError
        milliseconds = int((fraction + "000")[:3])
    except (ValueError, IndexError):
        raise ValueError("the time of the passing is not like 2026-11-21T10:00:00.123Z")
    year -= month < 3
    days = 365 * year + year // 4 - year // 100 + year // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + day - 719469
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + milliseconds
