"""Sheets of labels: how they stand on a page, and pages as PNG, drawn with a real font."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import msgspec
from PIL import Image, ImageDraw, ImageFont

from startline_host.errors import BadInput
from startline_host.factory.label_layout import LabelLayout, LabelSize, code_rows, lay_out
from startline_host.file_access import MOST, check_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from startline_host.factory.label import Label

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

#: Page sizes in millimetres.
PAGES = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}

_MM_PER_INCH = 25.4
_PNG_DPI = 300
#: Printers do not reach the paper's edge.
_EDGE = 4.0
_CUT_LINE = 200
#: Fonts that are tried by name where the built-in one lacks a character.
_FONTS = ("DejaVuSans.ttf", "Arial.ttf", "arial.ttf", "NotoSans-Regular.ttf",
          "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msyh.ttc")  # fmt: skip
#: No font has this: what is drawn for it is drawn for everything that is missing.
_NOWHERE = "\U0010ffff"
_PROBE = 24


class LabelSheet(msgspec.Struct, frozen=True, kw_only=True):
    """How labels are put on pages; `cut_lines` draws hairlines to cut along, `font` is a file."""

    page: str = "a4"
    size: LabelSize = LabelSize()
    cut_lines: bool = True
    font: Path | None = None

    def __post_init__(self) -> None:
        if self.page not in PAGES:
            raise BadInput(f"There is no page {self.page!r}.", f"Known are {', '.join(PAGES)}.")
        if not self.columns or not self.rows:
            raise BadInput(f"A label of that size does not fit a page {self.page}.")

    @property
    def columns(self) -> int:
        """Labels side by side."""
        return int((PAGES[self.page][0] - 2 * _EDGE) // self.size.width)

    @property
    def rows(self) -> int:
        """Labels below one another."""
        return int((PAGES[self.page][1] - 2 * _EDGE) // self.size.height)

    @property
    def left(self) -> float:
        """Millimetres from the paper's edge to the first column."""
        return (PAGES[self.page][0] - self.columns * self.size.width) / 2

    @property
    def top(self) -> float:
        """Millimetres from the paper's edge to the first row."""
        return (PAGES[self.page][1] - self.rows * self.size.height) / 2


def png_pages(labels: Sequence[Label], sheet: LabelSheet) -> Iterator[bytes]:
    """Yield each page as a PNG. Raises BadInput where no font has all characters."""
    for page in _pages(labels, sheet, _PNG_DPI):
        out = io.BytesIO()
        page.save(out, "PNG", dpi=(_PNG_DPI, _PNG_DPI))
        yield out.getvalue()


def _pages(labels: Sequence[Label], sheet: LabelSheet, dpi: int) -> Iterator[Image.Image]:
    pen = _Pen(_font(sheet, labels), dpi / _MM_PER_INCH)
    on_page = sheet.columns * sheet.rows
    width, height = PAGES[sheet.page]
    for first in range(0, len(labels), on_page):
        image = Image.new("L", (pen.pixels(width), pen.pixels(height)), 255)
        pen.draw = ImageDraw.Draw(image)
        for place, label in enumerate(labels[first : first + on_page]):
            row, column = divmod(place, sheet.columns)
            x, y = sheet.left + column * sheet.size.width, sheet.top + row * sheet.size.height
            if sheet.cut_lines:
                pen.frame(x, y, sheet.size)
            pen.label(x, y, label, lay_out(label, sheet.size, pen.measure))
        yield image


class _Pen:
    """Draws on a page in millimetres."""

    def __init__(self, font: Font, scale: float) -> None:
        self.draw: ImageDraw.ImageDraw
        self._font = font
        self._scale = scale
        self._sizes: dict[int, Font] = {}

    def pixels(self, length: float) -> int:
        return round(length * self._scale)

    def measure(self, text: str, size: float) -> float:
        return float(self._sized(size).getlength(text)) / self._scale

    def frame(self, x: float, y: float, size: LabelSize) -> None:
        corners = [self.pixels(n) for n in (x, y, x + size.width, y + size.height)]
        self.draw.rectangle(corners, outline=_CUT_LINE)

    def label(self, x: float, y: float, label: Label, layout: LabelLayout) -> None:
        rows = code_rows(label.code)
        # Whole pixels a module: a scanner wants even edges more than a size to the hair.
        module = max(1, math.floor(layout.code_side * self._scale / len(rows)))
        spare = (self.pixels(layout.code_side) - module * len(rows)) // 2
        left = self.pixels(x + layout.code_x) + spare
        top = self.pixels(y + layout.code_y) + spare
        for row, modules in enumerate(rows):
            for column, dark in enumerate(modules):
                if dark:
                    at = (left + column * module, top + row * module)
                    self.draw.rectangle([at, (at[0] + module - 1, at[1] + module - 1)], fill=0)
        for line in layout.lines:
            stroke = self.pixels(line.size / 40) if line.bold else 0
            self.draw.text(
                (self.pixels(x + line.x), self.pixels(y + line.y)), line.text,
                font=self._sized(line.size), fill=0, anchor="ls", stroke_width=stroke,
            )  # fmt: skip

    def _sized(self, size: float) -> Font:
        pixels = self.pixels(size)
        if pixels not in self._sizes:
            font = self._font
            if isinstance(font, ImageFont.FreeTypeFont):
                font = font.font_variant(size=pixels)
            self._sizes[pixels] = font
        return self._sizes[pixels]


def _font(sheet: LabelSheet, labels: Sequence[Label]) -> Font:
    """Return the first font that has every character of the labels."""
    letters = sorted(set("".join(f"{one.serial}{one.alias}{one.model}…" for one in labels)))
    return next(fonts_with(sheet.font, letters))


def fonts_with(named: Path | None, letters: Sequence[str]) -> Iterator[Font]:
    """Yield the fonts that have all these characters: the one `named`, or those of this computer.

    Raises BadInput where there is none.
    """
    lacking: list[str] = []
    found = False
    for font in _candidates(named):
        missing = "".join(letter for letter in letters if not _has(font, letter))
        if not missing:
            found = True
            yield font
        lacking.append(missing)
    if not found:
        raise BadInput(
            f"No font here has the characters {min(lacking, key=len)[:20]!r}.",
            "Name a font file that has: --font",
        )


def _candidates(named: Path | None) -> Iterator[Font]:
    if named is not None:
        try:
            check_file(named, MOST)
            yield ImageFont.truetype(named, _PROBE)
        except OSError as error:
            why = f": {error.strerror[:1].lower()}{error.strerror[1:]}" if error.strerror else ""
            raise BadInput(f"{named} is not a usable font{why}.") from None
        return
    for name in _FONTS:
        try:
            yield ImageFont.truetype(name, _PROBE)
        except OSError:
            continue
    yield ImageFont.load_default(_PROBE)


def _has(font: Font, letter: str) -> bool:
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask(_NOWHERE))
