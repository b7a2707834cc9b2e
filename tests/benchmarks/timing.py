"""Times that can be held against each other: taken in turns, so that both meet the same weather."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median


def interleave(measures: Sequence[Callable[[], float]], rounds: int) -> list[list[float]]:
    """Take each measure once a round and return each one's results, in order."""
    taken: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for results, measure in zip(taken, measures, strict=True):
            results.append(measure())
    return taken


def median_difference(longer: Sequence[float], shorter: Sequence[float]) -> float:
    """Return the median of what the one took above the other in the same round."""
    return median(one - other for one, other in zip(longer, shorter, strict=True))
