"""`python -m tests.proofs.mutation.samples (powercuts | hostile | racecuts)`: what a mutant has to get past.

Of every world a few lifetimes, and of hostile answers some, in one process; it ends at the first
thing that is wrong, with exit code 1, and says what it was.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.proofs.hostile.survey import bombard
from tests.proofs.powercuts.blank_units import make_units
from tests.proofs.powercuts.cut_plan import Job, Size, double_jobs, single_jobs
from tests.proofs.powercuts.cut_results import CutResults
from tests.proofs.powercuts.vm_runner import VmRunner
from tests.proofs.racecuts.race_cut_plan import RaceSize, jobs_of
from tests.proofs.racecuts.race_cuts import race_through

_SIZES = {"rufus": Size(every=67, doubles=40, seed=7, batch=12),
          "vms": Size(every=199, doubles=12, seed=7, batch=30)}  # fmt: skip
_ANSWERS = 60
_RACES = RaceSize(every=200, doubles=0)


def powercuts() -> str:
    """Return what was wrong with the first lifetime that was, or nothing."""
    for cloud, size in _SIZES.items():
        jobs: list[Job] = [*single_jobs(cloud, size), *double_jobs(cloud, size)]
        with tempfile.TemporaryDirectory(prefix="startline-mutant-") as folder:
            wrong = next(_wrong(Path(folder), cloud, jobs, size.batch), "")
        if wrong:
            return wrong
    return ""


def _wrong(folder: Path, cloud: str, jobs: list[Job], batch: int) -> Iterator[str]:
    results = CutResults()
    with VmRunner(folder, make_units(cloud)) as machine:
        for at in range(0, len(jobs), batch):
            some = jobs[at : at + batch]
            for job, result in zip(some, machine.run(some), strict=True):
                results.add(job, result)
            if not results.clean:
                bad = "; ".join(f"{name}: {count}" for name, count in results.total().bad.items())
                yield f"{cloud}: {bad} ({results.failures[0]['spec']['name']})"
    total = results.total()
    # A unit that was bound and is reset comes to be settled without having rested in unknown.
    if total.unknown > total.settled.total():
        yield f"{cloud}: {total.unknown} rested in unknown, {total.settled.total()} were settled"


def hostile() -> str:
    """Return what was wrong with answers, or nothing."""
    survey = bombard(_ANSWERS, seed=7, workers=1)
    return "; ".join(f"{what}: {count}" for what, count in survey.bad.items())


def racecuts() -> str:
    """Return what was wrong with races of which a few were cut, or nothing."""
    results = race_through(jobs_of(_RACES), batch=40)
    return "; ".join(sorted({column for one in results.failures for column, _ in one["bad"]}))


def main() -> int:
    """Run the one that is named."""
    wrong = {"powercuts": powercuts, "hostile": hostile, "racecuts": racecuts}[sys.argv[1]]()
    print(wrong)  # noqa: T201 - the one who started this reads it
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
