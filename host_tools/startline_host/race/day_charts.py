"""The pictures of a race day's report: small charts over time, with what happened shaded.

Each is reckoned here in a chart's own units and drawn by the report's template, which stretches it
to the width that there is; so everything in it keeps its own stroke width, and what is to be read
stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

#: A chart's own units.
WIDTH, HEIGHT = 1000, 120
_BINS = 75


class Shade(msgspec.Struct, frozen=True):
    """A stretch of seconds, what kind it was, and words for who points at it."""

    begin: float
    end: float
    kind: str
    words: str


class Bar(msgspec.Struct, frozen=True):
    """A rectangle in a chart's units; `kind` gives it its colour."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    words: str = ""


class Chart(msgspec.Struct, frozen=True):
    """One chart: its title, the ends of its upright axis, and what is drawn.

    `dots` is the path of an SVG, `level` the height of a line across; None for none.
    """

    title: str
    top: str
    bottom: str
    bars: Sequence[Bar] = ()
    dots: str = ""
    level: float | None = None


def columns(groups: Sequence[tuple[str, Sequence[float]]], span: float) -> tuple[list[Bar], int]:
    """Return columns of how many moments fall into each stretch, groups atop each other.

    With them comes the height of the tallest. `span` is how many seconds the chart is wide.
    """
    counts = [_binned(moments, span) for _, moments in groups]
    most = max((sum(column) for column in zip(*counts, strict=True)), default=0) or 1
    width = WIDTH / _BINS
    bars = []
    for at in range(_BINS):
        foot = float(HEIGHT)
        for (kind, _), count in zip(groups, counts, strict=True):
            tall = count[at] * HEIGHT * 0.96 / most
            if tall:
                foot -= tall
                bars.append(Bar(kind, at * width, foot, width * 0.86, tall))
    return bars, most


def dots(
    points: Iterable[tuple[float, float]],
    span: float,
    low: float,
    high: float,
    *,
    log: bool = False,
) -> str:
    """Return a path with a dot for each (seconds, value).

    Values beyond `low` and `high` stand at the edge.
    """
    scale = math.log10 if log else float
    bottom, reach = scale(low), scale(high) - scale(low) or 1.0
    return "".join(
        f"M{_across(at, span):.1f} "
        f"{HEIGHT * (0.97 - 0.94 * (scale(min(high, max(low, value))) - bottom) / reach):.1f}h0"
        for at, value in points
    )


def level(value: float, low: float, high: float) -> float:
    """Return how far down a value stands."""
    return HEIGHT * (0.97 - 0.94 * (value - low) / ((high - low) or 1.0))


def shaded(shades: Iterable[Shade], span: float) -> list[Bar]:
    """Return stretches of time as bars over a chart's whole height, each wide enough to be seen."""
    bars = []
    for one in shades:
        left, right = _across(one.begin, span), _across(one.end, span)
        bars.append(Bar(one.kind, left, 0, max(2.0, right - left), HEIGHT, one.words))
    return bars


def _binned(moments: Sequence[float], span: float) -> list[int]:
    counts = [0] * _BINS
    for at in moments:
        counts[min(_BINS - 1, max(0, int(at / span * _BINS)))] += 1
    return counts


def _across(at: float, span: float) -> float:
    return min(WIDTH, max(0.0, at / span * WIDTH))
