"""Where everything stands on a label, in millimetres: the QR code left, the texts beside it."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import zxingcpp

from startline_host.errors import BadInput

if TYPE_CHECKING:
    from startline_host.factory.label import Label

#: Returns the width of a text set in a font size, both in millimetres.
Measure = Callable[[str, float], float]

#: Free modules around the code, as its standard asks for.
QUIET = 4
_LEAST = (25.0, 12.0)
_MARGIN = 1.5
_LEADING = 1.2
#: The serial number's font sizes, the largest that fits is taken; and that of the other lines.
_SIZES = (4.2, 3.6, 3.0, 2.6, 2.2, 1.9, 1.6)
_SMALL = 1.9
_BREAKS = "-_/. "
#: From an image's black and white to modules, 1 for dark.
_DARK = bytes([1]) + bytes(255)
_RUN = re.compile(rb"\x01+")


class LabelSize(msgspec.Struct, frozen=True):
    """A label's width and height in millimetres. Raises BadInput for one that nobody can read."""

    width: float = 50.0
    height: float = 25.0

    def __post_init__(self) -> None:
        sides = ((self.width, _LEAST[0]), (self.height, _LEAST[1]))
        if not all(least <= side < math.inf for side, least in sides):
            raise BadInput(
                f"A label of {self.width:g} x {self.height:g} mm cannot be read.",
                f"At least {_LEAST[0]:g} x {_LEAST[1]:g} mm.",
            )


class LabelLine(msgspec.Struct, frozen=True):
    """One line of text: left end and baseline, font size, words; `bold` for the serial number."""

    x: float
    y: float
    size: float
    text: str
    bold: bool = False


class LabelLayout(msgspec.Struct, frozen=True):
    """A label set: the code's square, quiet zone included, and the lines."""

    size: LabelSize
    code_x: float
    code_y: float
    code_side: float
    lines: tuple[LabelLine, ...]


def code_rows(code: str) -> list[bytes]:
    """Return the QR code of a text as rows of modules, 1 for dark, with its quiet zone."""
    made = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    image: Any = made.to_image(scale=1, add_quiet_zones=False)
    side, (count, _) = bytes(QUIET), image.shape
    flat = memoryview(image).tobytes().translate(_DARK)
    rows = [side + flat[at : at + count] + side for at in range(0, len(flat), count)]
    empty = [bytes(count + 2 * QUIET)] * QUIET
    return [*empty, *rows, *empty]


def code_path(rows: Sequence[bytes]) -> str:
    """Return the dark modules as rectangles in PDF's operators, one for each run of a row."""
    return " ".join(
        f"{run.start()} {y} {run.end() - run.start()} 1 re"
        for y, row in enumerate(rows)
        for run in _RUN.finditer(row)
    )


def lay_out(label: Label, size: LabelSize, measure: Measure) -> LabelLayout:
    """Set a label: the serial number whole and as large as fits, the other lines as room allows."""
    side = min(size.height, size.width / 2)
    left = side
    room = size.width - left - _MARGIN
    serial, font = _serial_lines(label.serial, room, size.height / 2, measure)
    texts = [label.alias, label.model, f"MAC {label.mac}", f"ID {label.token}"]
    texts = [text for text in texts if text]
    spare = size.height - 2 * _MARGIN - len(serial) * font * _LEADING
    fits = max(0, int(spare / (_SMALL * _LEADING)))
    # MAC and token tell the unit from any other: they stay when room is short.
    if fits == 1:
        texts = [f"MAC {label.mac}"]  # of two names the one that is also on the chip
    small = [_fitted(text, room, measure) for text in texts[max(0, len(texts) - fits) :]]
    height = (len(serial) * font + len(small) * _SMALL) * _LEADING
    y = (size.height - height) / 2
    lines: list[LabelLine] = []
    for text, points in [*((text, font) for text in serial), *((text, _SMALL) for text in small)]:
        y += points * _LEADING
        lines.append(LabelLine(left, y - 0.3 * points, points, text, len(lines) < len(serial)))
    return LabelLayout(size, 0.0, (size.height - side) / 2, side, tuple(lines))


def estimate(text: str, size: float) -> float:
    """Guess a text's width where no font is at hand: generous for a usual sans-serif."""
    return size * sum(_width(letter) for letter in text)


def _width(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in {"W", "F"}:
        return 1.0
    if letter in "mwMW@%…":
        return 1.0
    if letter in "ijltfI.,:;|!' -":
        return 0.4
    return 0.72 if letter.isupper() else 0.6


def _serial_lines(
    serial: str, room: float, height: float, measure: Measure
) -> tuple[list[str], float]:
    lines: list[str] = []
    for size in _SIZES:
        lines = _wrap(serial, room, lambda text, size=size: measure(text, size))  # type: ignore[misc]
        if len(lines) * size * _LEADING <= height and (len(lines) == 1 or size <= _SIZES[2]):
            return lines, size
    return lines, _SIZES[-1]


def _wrap(text: str, room: float, width: Callable[[str], float]) -> list[str]:
    """Break a text into lines that fit, after a usual mark where there is one."""
    lines: list[str] = []
    while text:
        end = len(text)
        while end > 1 and width(text[:end]) > room:
            end -= 1
        if end < len(text):
            marks = [n for n in range(end, 0, -1) if text[n - 1] in _BREAKS]
            end = marks[0] if marks else end
        lines.append(text[:end].strip())
        text = text[end:]
    return lines


def _fitted(text: str, room: float, measure: Measure) -> str:
    """Return a line as far as there is room: of a MAC the end, in which chips differ."""
    if not text.startswith("MAC ") or measure(text, _SMALL) <= room:
        return _cut(text, room, measure)
    text = text.removeprefix("MAC ")
    if measure(text, _SMALL) <= room:
        return text
    while text and measure(f"…{text}", _SMALL) > room:
        text = text[1:]
    return f"…{text}"


def _cut(text: str, room: float, measure: Measure) -> str:
    if measure(text, _SMALL) <= room:
        return text
    while text and measure(f"{text}…", _SMALL) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"
