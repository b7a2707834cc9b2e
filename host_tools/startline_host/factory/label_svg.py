"""A label as SVG: one file a unit, in millimetres, for label printers and for the screen."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from startline_host.factory.label_layout import (
    LabelLayout,
    LabelLine,
    LabelSize,
    code_rows,
    estimate,
    lay_out,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from startline_host.factory.label import Label

_FONT = "Helvetica, Arial, 'DejaVu Sans', 'Noto Sans', sans-serif"


def label_svg(label: Label, size: LabelSize | None = None) -> str:
    """Return the label as an SVG document."""
    layout = lay_out(label, size or LabelSize(), estimate)
    rows = code_rows(label.code)
    width, height = layout.size.width, layout.size.height
    box = f'width="{width:g}mm" height="{height:g}mm" viewBox="0 0 {width:g} {height:g}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
            f"<title>{escape(label.serial)}</title>",
            f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>',
            f'<path transform="{_placed(layout, len(rows))}" fill="#000" d="{_modules(rows)}"/>',
            f'<g font-family="{_FONT}" fill="#000">',
            *(_text(line) for line in layout.lines),
            "</g>",
            "</svg>",
            "",
        ]
    )


def file_name(serial: str) -> str:
    """Return a file name for a serial number, whatever characters it has; without its ending."""
    name = quote(serial, safe=" ()+,=@")
    # quote leaves "." alone, and a name that begins with one is hidden.
    return f"%2E{name[1:]}" if name.startswith(".") else name


def _placed(layout: LabelLayout, modules: int) -> str:
    scale = layout.code_side / modules
    return f"translate({layout.code_x:g} {layout.code_y:g}) scale({scale:.5g})"


def _modules(rows: Sequence[bytes]) -> str:
    """Return the dark modules as one path: a rectangle for each run of a row."""
    path: list[str] = []
    for y, row in enumerate(rows):
        x = 0
        while (x := row.find(1, x)) != -1:
            end = row.find(0, x)
            path.append(f"M{x} {y}h{end - x}v1h-{end - x}z")
            x = end
    return "".join(path)


def _text(line: LabelLine) -> str:
    weight = ' font-weight="bold"' if line.bold else ""
    return (
        f'<text x="{line.x:.2f}" y="{line.y:.2f}" font-size="{line.size:g}"{weight}>'
        f"{escape(line.text)}</text>"
    )
