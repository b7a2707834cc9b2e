"""What a passing may say; everything else is a ValueError with one sentence, and nothing is stored."""

from startline.net.json_scanner import text_of

from .passing_format import LONGEST_CHIP

if False:  # for mypy; a device has none of these
    from agent_types import Number

LONGEST_TEXT = 60  # bytes of a bib, a status, an alias
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


def number_within(
    what: str, value: "Number | None", least: int, most: int,
    kind: "type | tuple[type, ...]" = int,
) -> "Number | None":  # fmt: skip
    """Return a number, or None for None. Raises ValueError."""
    if value is None:
        return None
    if not isinstance(value, kind) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError("%s has to be a number from %d to %d" % (what, least, most))
    return value


def place_of(
    latitude: "float | None", longitude: "float | None"
) -> "tuple[float | None, float | None]":
    """Return both, in degrees, or None for both. Raises ValueError."""
    if (latitude is None) != (longitude is None):
        raise ValueError("a place has to have latitude and longitude")
    kind = (int, float)
    return (
        number_within("the latitude", latitude, -90, 90, kind),
        number_within("the longitude", longitude, -180, 180, kind),
    )
