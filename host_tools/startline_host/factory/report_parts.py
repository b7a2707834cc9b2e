"""The pieces that the report is made of: tables, tiles and small charts, as HTML and SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from startline_host.factory.statistics import StepTime

#: A cell or heading: HTML, or a class with it.
Cell = str | tuple[str, str]


def table(heads: Sequence[Cell], rows: Sequence[Sequence[Cell]], kind: str = "") -> str:
    """Return a table, or nothing where it would have no row; what the cells hold is HTML already.

    Each cell also names its column: a table of kind "stack" shows that on a narrow screen.
    """
    if not rows:
        return ""
    head = "".join(_cell("th", cell) for cell in heads)
    names = [head if isinstance(head, str) else head[1] for head in heads]
    body = "".join(
        f"<tr>{''.join(_cell('td', *pair) for pair in zip(cells, names, strict=True))}</tr>"
        for cells in rows
    )
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def tile(number: str, words: str) -> str:
    """Return a number that is seen from afar, with what it counts."""
    return f'<div class="tile"><b>{escape(number)}</b><span>{escape(words)}</span></div>'


def state_bar(counts: Mapping[str, int], words: Mapping[str, str]) -> str:
    """Return all units as one bar, parted by state."""
    total = sum(counts.values()) or 1
    parts = "".join(
        f'<i class="{state}" style="width:{counts[state] * 100 / total:.3f}%"></i>'
        for state in words
        if counts[state]
    )
    return f'<div class="states" role="img" aria-label="units by state">{parts}</div>'


def legend(counts: Mapping[str, int], words: Mapping[str, str]) -> str:
    """Return what the colours of the bar mean, with their numbers."""
    parts = "".join(
        f'<span><i class="{state}"></i>{counts[state]} {escape(text)}</span>'
        for state, text in words.items()
        if counts[state]
    )
    return f'<div class="legend">{parts}</div>'


def count_bar(count: int, most: int) -> str:
    """Return a bar for a count against the largest one."""
    return _bar(f'<rect class="bad" y="4" width="{100 * count / most:.2f}" height="10" rx="1"/>')


def span_bar(times: StepTime, most: float) -> str:
    """Return where a step's times lie between nothing and the slowest of all steps.

    A pale bar from fastest to slowest, a full one to nine in ten, a mark at the median.
    """
    scale = 98 / (most or 1)
    return _bar(
        _rect("all", times.least, times.most, scale)
        + _rect("most", times.least, times.most_of_them, scale)
        + f'<rect class="mark" x="{times.median * scale:.2f}" y="2" width="1" height="14"/>'
    )


def columns_chart(counts: Sequence[int]) -> str:
    """Return one column for each count, side by side."""
    most = max(counts, default=0) or 1
    parts = "".join(
        f'<rect x="{number + 0.1:.1f}" y="{100 - 100 * count / most:.2f}" width="0.8"'
        f' height="{100 * count / most:.2f}"><title>{count}</title></rect>'
        for number, count in enumerate(counts)
    )
    box = f'viewBox="0 0 {len(counts)} 100" preserveAspectRatio="none"'
    return f'<svg class="columns" {box} role="img" aria-label="units over time">{parts}</svg>'


def _rect(kind: str, begin: float, end: float, scale: float) -> str:
    width = max((end - begin) * scale, 0.5)
    return f'<rect class="{kind}" x="{begin * scale:.2f}" y="4" width="{width:.2f}" height="10"/>'


def _bar(inner: str) -> str:
    return f'<svg class="bar" viewBox="0 0 100 18" preserveAspectRatio="none">{inner}</svg>'


def _cell(tag: str, cell: Cell, name: str = "") -> str:
    kind, inner = ("", cell) if isinstance(cell, str) else cell
    kind = f' class="{kind}"' if kind else ""
    name = f' data-name="{name}"' if name else ""
    return f"<{tag}{kind}{name}>{inner}</{tag}>"
