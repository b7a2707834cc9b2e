"""`make hostile ONLY=race`: thousands of answers that no reader in a race should trust."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from tests.proofs.hostile.answer_survey import seeds
from tests.proofs.hostile.command import run_command
from tests.proofs.racehostile.race_answers import make_race_answer
from tests.proofs.racehostile.race_survey import (
    HELD_MS,
    RaceSurvey,
    bombard_races,
    play_all,
    wrong,
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if every answer was taken as it has to be, 1 otherwise."""
    return run_command(
        arguments,
        prog="python -m tests.proofs.racehostile",
        about=__doc__,
        survey=_survey,
        show=_show,
        replay=_replay,
    )


def _survey(options: argparse.Namespace, progress: Console) -> RaceSurvey:
    return bombard_races(
        seeds(options.seed, options.count),
        workers=options.jobs,
        sample=options.sample,
        console=progress,
    )


def _replay(console: Console, seed: int) -> list[str]:
    (result,) = play_all([make_race_answer(seed)])
    console.print(result.answer, markup=False)
    console.print(result.console.replace("\x1e", ""), markup=False)
    console.print(result.told or result.words, markup=False)
    return wrong(result)


def _show(console: Console, survey: RaceSurvey, seconds: float) -> None:
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in survey.ends.most_common())
    kinds = ", ".join(f"{count} {kind}" for kind, count in survey.kinds.most_common())
    summary = (
        f"{survey.answers} races with {survey.spoilt} hostile answers ({kinds}) to {survey.asked} "
        f"requests in {seconds:.0f} s: {outcomes}; {survey.bad.total()} bad.\n"
        f"Longest exchange {survey.exchange_us / 1e6:.1f} s of its own time; longest call of the "
        f"sender {survey.held_us / 1e3:.0f} ms of {HELD_MS}, {survey.room()}"
    )
    survey.show(console, summary)


if __name__ == "__main__":
    sys.exit(main())
