"""Power cuts: a sample of what `make powercuts` does whole, and how many were not survived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.machine import cores
from tests.benchmarks.row import Row
from tests.proofs.powercuts.__main__ import survive
from tests.proofs.powercuts.cut_plan import Size

_CLOUDS = ("rufus", "vms")
#: Every 61st single cut of each world, and some double ones: half a minute.
_SAMPLE = Size(every=61, doubles=100, seed=1, batch=12)


def rows(work: Path) -> Iterator[Row]:
    """Yield what lifetimes with cuts came to, for both clouds together."""
    totals = [survive(cloud, _SAMPLE, workers=cores()).total() for cloud in _CLOUDS]
    bad = {name: count for total in totals for name, count in total.bad.items() if count}
    cuts = sum(total.cuts for total in totals)
    told = ", ".join(f"{name} {count}" for name, count in bad.items())
    note = (
        told or "no request uncovered, no second record, no lost token; `make powercuts` cuts all"
    )
    yield Row("cuts_not_survived", sum(bad.values()), "cuts", note=note)
    yield Row(
        "cuts", cuts, "cuts", note=f"a sample: {sum(t.lifetimes for t in totals):,} lifetimes"
    )
