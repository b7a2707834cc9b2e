"""`python -m tests.proofs.hostile`: thousands of answers that no client should trust."""

from __future__ import annotations

import argparse
import os
import sys
import time

from rich.console import Console

from startline_host.errors import StartlineError
from tests.proofs.hostile.survey import AGENT_HEAP, HostileSurvey, bombard

_FAILED = 1
_KIB = 1024


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if every answer was taken as it has to be, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.hostile", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument(
        "--sample", type=int, default=500, metavar="N", help="answers to find the peak of the heap"
    )
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    began = time.monotonic()
    try:
        survey = bombard(
            options.count,
            options.seed,
            workers=options.jobs,
            sample=options.sample,
            console=Console(stderr=True),
        )
    except StartlineError as error:
        console.print(f"hostile: {error.message} {error.hint}", markup=False, style="red")
        return error.exit_code
    _show(console, survey, time.monotonic() - began)
    return _FAILED if survey.bad else 0


def _show(console: Console, survey: HostileSurvey, seconds: float) -> None:
    rests = ", ".join(f"{count} {state}" for state, count in survey.states.most_common())
    console.print(
        f"{survey.answers} hostile answers in {seconds:.0f} s: {rests}; "
        f"{survey.bad.total()} bad. Longest first boot {survey.longest_ms / 1000:.1f} s of its own "
        f"time, each in a heap of {AGENT_HEAP // _KIB} KiB above the {survey.empty // _KIB} KiB "
        f"of an empty program; {survey.short} ever wanted more."
    )
    if survey.peak:
        console.print(
            f"Peak: {survey.peak // _KIB} KiB is the smallest such heap in which none of a sample "
            f"of {survey.sample} wants more."
        )
    for what, count in survey.bad.most_common():
        console.print(f"  {count} times: {what}", markup=False, style="red")
    for seed, what, reason in survey.examples:
        console.print(f"  answer {seed}: {what} ({reason})", markup=False, style="red")


if __name__ == "__main__":
    sys.exit(main())
