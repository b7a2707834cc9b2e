"""The pictures of a race day's report: small SVG charts over time, with what happened shaded.

Each is stretched to the width that there is, so everything in it keeps its own stroke width; what
is to be read stands beside it as HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

#: A chart's own units; the page stretches them.
_WIDTH, _HEIGHT = 1000, 120
_BINS = 75

#: A stretch of seconds, what it was, and words for who points at it.
Shade = tuple[float, float, str, str]


def strip(
    title: str, shades: Iterable[Shade], body: str, top: str, bottom: str, span: float
) -> str:
    """Return one chart with its title, the ends of its upright axis, and shaded stretches.

    `top` and `bottom` are HTML; `span` is how many seconds the chart is wide.
    """
    drawn = "".join(_shade(*one, span) for one in shades)
    return (
        f'<figure><figcaption>{title}</figcaption><div class="strip"><div class="ends">'
        f"<span>{top}</span><span>{bottom}</span></div>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{title}">{drawn}{body}</svg></div></figure>'
    )


def columns(groups: Sequence[tuple[str, Sequence[float]]], span: float) -> tuple[str, int]:
    """Return columns of how many moments fall into each stretch, groups atop each other.

    With them comes the height of the tallest.
    """
    counts = [_binned(moments, span) for _, moments in groups]
    most = max((sum(column) for column in zip(*counts, strict=True)), default=0) or 1
    width = _WIDTH / _BINS
    parts = []
    for at in range(_BINS):
        foot = float(_HEIGHT)
        for (kind, _), count in zip(groups, counts, strict=True):
            tall = count[at] * _HEIGHT * 0.96 / most
            if tall:
                foot -= tall
                parts.append(
                    f'<rect class="{kind}" x="{at * width:.1f}" y="{foot:.1f}" '
                    f'width="{width * 0.86:.1f}" height="{tall:.1f}"/>'
                )
    return "".join(parts), most


def dots(
    points: Iterable[tuple[float, float]],
    span: float,
    low: float,
    high: float,
    *,
    log: bool = False,
) -> str:
    """Return a dot for each (seconds, value); values beyond `low` and `high` stand at the edge."""
    scale = math.log10 if log else float
    bottom, reach = scale(low), scale(high) - scale(low) or 1.0
    path = "".join(
        f"M{_across(at, span):.1f} "
        f"{_HEIGHT * (0.97 - 0.94 * (scale(min(high, max(low, value))) - bottom) / reach):.1f}h0"
        for at, value in points
    )
    return f'<path class="dots" d="{path}"/>' if path else ""


def level(value: float, low: float, high: float) -> str:
    """Return a line across at a value."""
    y = _HEIGHT * (0.97 - 0.94 * (value - low) / ((high - low) or 1.0))
    return f'<path class="level" d="M0 {y:.1f}H{_WIDTH}"/>'


def _binned(moments: Sequence[float], span: float) -> list[int]:
    counts = [0] * _BINS
    for at in moments:
        counts[min(_BINS - 1, max(0, int(at / span * _BINS)))] += 1
    return counts


def _shade(begin: float, end: float, kind: str, words: str, span: float) -> str:
    left, right = _across(begin, span), _across(end, span)
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="0" width="{max(2.0, right - left):.1f}" '
        f'height="{_HEIGHT}"><title>{words}</title></rect>'
    )


def _across(at: float, span: float) -> float:
    return min(_WIDTH, max(0.0, at / span * _WIDTH))
