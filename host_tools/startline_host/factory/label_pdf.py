"""Sheets of labels as one PDF: vectors and text that can be selected, written page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

from startline_host.errors import BadInput
from startline_host.factory.label_layout import code_path, code_rows, lay_out
from startline_host.factory.label_sheet import PAGES, LabelSheet, fonts_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from startline_host.factory.label import Label

_POINTS = 72 / 25.4
_HAIR, _GREY = 0.25, 0.6
#: PDF's own fonts need no file, and have what Western languages need.
_PLAIN, _BOLD = "Helvetica", "Helvetica-Bold"
_OWN_CHARACTERS = "cp1252"


def write_pdf(labels: Sequence[Label], sheet: LabelSheet, out: BinaryIO) -> None:
    """Write all pages to `out`. Raises BadInput where no font has all characters."""
    width, height = (length * _POINTS for length in PAGES[sheet.page])
    canvas = Canvas(out, pagesize=(width, height), pageCompression=1, invariant=1)
    canvas.setTitle("Labels")
    pen = _PdfPen(canvas, height, *_fonts(labels, sheet))
    on_page = sheet.columns * sheet.rows
    for number, label in enumerate(labels):
        row, column = divmod(number % on_page, sheet.columns)
        if number and not row and not column:
            canvas.showPage()
        x, y = sheet.left + column * sheet.size.width, sheet.top + row * sheet.size.height
        if sheet.cut_lines:
            pen.frame(x, y, sheet.size.width, sheet.size.height)
        pen.label(x, y, label, sheet)
    canvas.showPage()
    canvas.save()


class _PdfPen:
    """Draws in millimetres from the top left, where PDF has points from the bottom left."""

    def __init__(self, canvas: Canvas, height: float, plain: str, bold: str) -> None:
        self._canvas = canvas
        self._height = height
        self._fonts = {False: plain, True: bold}
        # One font for both stands for a file: it is made bold by a stroke.
        self._stroked = plain == bold

    def measure(self, text: str, size: float) -> float:
        """Return a text's width in the wider of the two fonts."""
        points = pdfmetrics.stringWidth(text, self._fonts[True], size * _POINTS)
        return float(points) / _POINTS

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        canvas = self._canvas
        canvas.setLineWidth(_HAIR)
        canvas.setStrokeGray(_GREY)
        canvas.rect(x * _POINTS, self._height - (y + height) * _POINTS,
                    width * _POINTS, height * _POINTS)  # fmt: skip

    def label(self, x: float, y: float, label: Label, sheet: LabelSheet) -> None:
        layout = lay_out(label, sheet.size, self.measure)
        rows = code_rows(label.code)
        module = layout.code_side / len(rows) * _POINTS
        left = (x + layout.code_x) * _POINTS
        top = self._height - (y + layout.code_y) * _POINTS
        # A module is a unit of the code's own coordinates, which count downwards.
        self._canvas.addLiteral(
            f"q {module:.5f} 0 0 -{module:.5f} {left:.3f} {top:.3f} cm 0 g {code_path(rows)} f Q"
        )
        for line in layout.lines:
            self._text(x + line.x, y + line.y, line.size, line.text, bold=line.bold)

    def _text(self, x: float, y: float, size: float, text: str, *, bold: bool) -> None:
        words = self._canvas.beginText(x * _POINTS, self._height - y * _POINTS)
        words.setFont(self._fonts[bold], size * _POINTS)
        if self._stroked:
            words.setTextRenderMode(2 if bold else 0)
            self._canvas.setLineWidth(size * _POINTS / 40)
            self._canvas.setStrokeGray(0)
        words.textOut(text)
        self._canvas.drawText(words)


def _fonts(labels: Sequence[Label], sheet: LabelSheet) -> tuple[str, str]:
    """Return the names of a plain and a bold font that have every character of the labels."""
    letters = {letter for one in labels for letter in f"{one.serial}{one.alias}{one.model}…"}
    if sheet.font is None and _is_own("".join(letters)):
        return _PLAIN, _BOLD
    for font in fonts_with(sheet.font, sorted(letters)):
        source = getattr(font, "path", None)
        try:
            # Pillow's built-in font is no file, and its data are the path.
            pdfmetrics.registerFont(TTFont("Label", source))
        except (TTFError, OSError, TypeError, AttributeError):
            if sheet.font is not None:
                raise BadInput(
                    f"{sheet.font} cannot be put into a PDF.",
                    "Name a TrueType font (.ttf): --font",
                ) from None
            continue
        return "Label", "Label"
    raise BadInput(
        "No font here that a PDF can hold has all characters of the labels.",
        "Name a TrueType font that has: --font",
    )


def _is_own(text: str) -> bool:
    try:
        text.encode(_OWN_CHARACTERS)
    except UnicodeEncodeError:
        return False
    return True
