"""Draws how the herd presses and how it is served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tests.benchmarks.herd_simulation import TICK, Course

#: Seconds that are drawn: what is not done by then has a label that says so.
_SHOWN = 600
_COLOURS = ("#0b6e4f", "#b5651d", "#7a4fa3", "#1f5fa8", "#b3273b")


def draw(courses: Mapping[str, Course], capacity: int, path: Path) -> None:
    """Write the picture of all courses, by what they are called, as SVG."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    grid = figure.add_gridspec(len(courses), 2, width_ratios=(3, 2))
    served = figure.add_subplot(grid[:, 1])
    first: Any = None
    for row, (colour, (words, course)) in enumerate(zip(_COLOURS, courses.items(), strict=False)):
        axes = first = figure.add_subplot(grid[row, 0], sharex=first, sharey=first)
        _load(axes, course, capacity, colour)
        axes.set_title(words, loc="left", fontsize=10, color=colour)
        axes.label_outer()
        seconds = np.arange(1, len(course.bound) + 1) * TICK / 1000
        served.plot(seconds, 100 * course.bound / course.readers, color=colour, label=_end(course))
    first.set(xlabel="seconds after the power came back", xlim=(0, _SHOWN), ylim=(0, 1e6))
    served.set(xlim=(0, _SHOWN), ylim=(0, 100), xlabel="seconds after the power came back")
    served.set_title("readers bound, %", loc="left", fontsize=10)
    served.legend(loc="lower right", fontsize=9)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    readers = next(iter(courses.values())).readers
    figure.suptitle(
        f"{readers:,} readers boot in the same second; the cloud takes {capacity:,} a second"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def _load(axes: Any, course: Course, capacity: int, colour: str) -> None:
    """Draw connections a second, and the capacity."""
    ticks = 1000 // TICK
    padded = np.pad(course.load, (0, -len(course.load) % ticks))
    each = padded.reshape(-1, ticks).sum(axis=1)
    axes.fill_between(np.arange(len(each)), each, step="post", color=colour, linewidth=0)
    axes.axhline(capacity, color="black", linewidth=0.8, linestyle="--")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value / 1e6:g} M/s")


def _end(course: Course) -> str:
    return f"all after {course.seconds:,.0f} s" if course.done else "never all"
