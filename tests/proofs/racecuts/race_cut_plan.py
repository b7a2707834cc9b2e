"""Which lifetimes of a race are run: each world without a cut, with each cut, and with two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from startline_host.errors import BadInput
from tests.proofs.racecuts.race_cut_worlds import specs

Job = dict[str, Any]

#: Second cuts, over all worlds.
FULL_DOUBLES = 10_080
_PARTS = 2
_DOUBLES_A_JOB = 60


@dataclass(frozen=True)
class RaceSize:
    """How much is run: every n-th cut of a world, so many double cuts, in jobs by `parts`."""

    every: int
    doubles: int
    seed: int = 1
    parts: int = 1


FULL = RaceSize(1, FULL_DOUBLES, parts=_PARTS)
SAMPLE = RaceSize(29, 160)


def jobs_of(size: RaceSize, only: str = "") -> list[Job]:
    """Return the jobs of the worlds with `only` in their names. Raises BadInput for none."""
    chosen = [spec for spec in specs() if only in spec["name"]]
    if not chosen:
        raise BadInput(f"No world has {only!r} in its name.")
    jobs: list[Job] = [
        {"kind": "singles", "spec": spec, "every": size.every, "part": part, "parts": size.parts}
        for spec in chosen
        for part in range(size.parts)
    ]
    left = size.doubles * len(chosen) // len(specs())
    for number, spec in enumerate(chosen):
        count = left // (len(chosen) - number)
        left -= count
        while count:
            some = min(count, _DOUBLES_A_JOB)
            count -= some
            seed = size.seed * 100_003 + len(jobs)
            jobs.append({"kind": "doubles", "spec": spec, "count": some, "seed": seed})
    return jobs


def one_job_each(only: str, cuts: str) -> list[Job]:
    """Return one lifetime of each such world, cut as a failure names it: 33/2,40/1@seed, or none."""
    plan, _, seed = cuts.partition("@")
    try:
        points = [] if plan == "none" else [[*map(int, cut.split("/"))] for cut in plan.split(",")]
        more = {"seed": int(seed)} if seed else {}
    except ValueError:
        raise BadInput(f"{cuts!r} is not like 33/2,40/1@seed.") from None
    return [
        {"kind": "one", "spec": {**spec, **more}, "plan": points}
        for spec in specs()
        if only in spec["name"]
    ]
