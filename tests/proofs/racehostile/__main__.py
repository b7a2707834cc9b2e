"""`make hostile ONLY=race`: thousands of answers that no reader in a race should trust."""

from __future__ import annotations

import argparse
import os
import sys
import time

from rich.console import Console

from startline_host.errors import StartlineError
from tests.proofs.racehostile.race_answers import make_race_answer
from tests.proofs.racehostile.race_survey import (
    HELD_MS,
    RACE_HEAP,
    RaceSurvey,
    bombard_races,
    play_all,
    seeds,
    wrong,
)

_FAILED = 1
_KIB = 1024


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if every answer was taken as it has to be, 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.racehostile", description=__doc__
    )
    add = parser.add_argument
    add("--count", type=int, default=20_000)
    add("--seed", type=int, default=1)
    add("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    add("--sample", type=int, default=500, metavar="N", help="races to find the peak of the heap")
    add("--answer", type=int, metavar="SEED", help="play this one, and show all of it")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    try:
        if options.answer is not None:
            return _replay(console, options.answer)
        survey = bombard_races(
            seeds(options.seed, options.count),
            workers=options.jobs,
            sample=options.sample,
            console=Console(stderr=True),
        )
    except StartlineError as error:
        console.print(f"hostile: {error.message} {error.hint}", markup=False, style="red")
        return error.exit_code
    _show(console, survey, time.monotonic() - began)
    return _FAILED if survey.bad else 0


def _replay(console: Console, seed: int) -> int:
    (result,) = play_all([make_race_answer(seed)])
    console.print(result.answer, markup=False)
    console.print(result.console.replace("\x1e", ""), markup=False)
    console.print(result.told or result.words, markup=False)
    bad = wrong(result)
    for what in bad:
        console.print(what, markup=False, style="red")
    return _FAILED if bad else 0


def _show(console: Console, survey: RaceSurvey, seconds: float) -> None:
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in survey.outcomes.most_common())
    kinds = ", ".join(f"{count} {kind}" for kind, count in survey.kinds.most_common())
    console.print(
        f"{survey.races} races with {survey.spoilt} hostile answers ({kinds}) to {survey.asked} "
        f"requests in {seconds:.0f} s: {outcomes}; {survey.bad.total()} bad.",
        markup=False,
    )
    console.print(
        f"Longest exchange {survey.exchange_us / 1e6:.1f} s of its own time; longest call of the "
        f"sender {survey.held_us / 1e3:.0f} ms of {HELD_MS}, each in a heap of "
        f"{RACE_HEAP // _KIB} KiB above the {survey.empty // _KIB} KiB of an empty program; "
        f"{survey.short} ever wanted more."
    )
    if survey.peak:
        console.print(
            f"Peak: {survey.peak // _KIB} KiB is the smallest such heap in which none of a sample "
            f"of {survey.sample} wants more."
        )
    for what, count in survey.bad.most_common():
        console.print(f"  {count} times: {what}", markup=False, style="red")
    for seed, what in survey.examples:
        console.print(f"  --answer {seed}: {what}", markup=False, style="red")


if __name__ == "__main__":
    sys.exit(main())
