"""`python -m tests.proofs.hostile`: thousands of answers that no client should trust."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from tests.proofs.hostile.boot_judge import wrong
from tests.proofs.hostile.command import run_command
from tests.proofs.hostile.survey import HostileSurvey, bombard, play_boot


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if every answer was taken as it has to be, 1 otherwise."""
    return run_command(
        arguments,
        prog="python -m tests.proofs.hostile",
        about=__doc__,
        survey=_survey,
        show=_show,
        replay=_replay,
    )


def _survey(options: argparse.Namespace, progress: Console) -> HostileSurvey:
    return bombard(
        options.count,
        options.seed,
        workers=options.jobs,
        sample=options.sample,
        console=progress,
    )


def _replay(console: Console, seed: int) -> list[str]:
    booted = play_boot(seed)
    console.print(booted.answer, markup=False)
    console.print(booted.console.replace("\x1e", ""), markup=False)
    console.print(booted.end or booted.words, markup=False)
    return wrong(booted)


def _show(console: Console, survey: HostileSurvey, seconds: float) -> None:
    rests = ", ".join(f"{count} {state}" for state, count in survey.ends.most_common())
    summary = (
        f"{survey.answers} hostile answers in {seconds:.0f} s: {rests}; "
        f"{survey.bad.total()} bad. Longest first boot {survey.longest_ms / 1000:.1f} s of its own "
        f"time, {survey.room()}"
    )
    survey.show(console, summary)


if __name__ == "__main__":
    sys.exit(main())
