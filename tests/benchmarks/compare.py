"""Holds two runs against each other: counts and ratios are to agree, times are only context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.benchmarks.groups import Result

#: By how much a ratio may differ between two runs.
TOLERANCE = 0.15


def disagreements(
    earlier: Sequence[Mapping[str, Any]], results: Sequence[Result]
) -> Iterator[tuple[str, float, float]]:
    """Yield name, then and now of each ratio that differs by more than TOLERANCE.

    `earlier` are rows as a JSON file has them; rows that only one of the runs has are passed over.
    """
    then = {row["name"]: row["ratio"] for row in earlier}
    for result in results:
        before, now = then.get(result.name), result.as_json()["ratio"]
        if before is None or now is None:
            continue
        if abs(now - before) > TOLERANCE * max(abs(now), abs(before)):
            yield result.name, before, now
