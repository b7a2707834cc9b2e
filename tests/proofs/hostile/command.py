"""The command of both proofs with hostile answers."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console

from startline_host.errors import StartlineError
from tests.proofs.hostile.answer_survey import AnswerSurvey

_FAILED = 1


def run_command(
    arguments: list[str] | None,
    *,
    prog: str,
    about: str | None,
    survey: Callable[[argparse.Namespace, Console], AnswerSurvey[Any]],
    show: Callable[[Console, Any, float], None],
    replay: Callable[[Console, int], list[str]],
) -> int:
    """Run it; return 0 if every answer was taken as it has to be, 1 otherwise.

    `survey(options, console for the progress)` plays `options.count` answers from `options.seed`
    on, `show(console, survey, seconds)` prints what they came to; `replay(console, seed)` plays
    one, prints all of it and returns what is wrong with it.
    """
    parser = argparse.ArgumentParser(prog=prog, description=about)
    add = parser.add_argument
    add("--count", type=int, default=20_000)
    add("--seed", type=int, default=1)
    add("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    add(
        "--sample", type=int, default=500, metavar="N", help="answers to find the peak of the heap"
    )
    add("--answer", type=int, metavar="SEED", help="play this one, and show all of it")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    try:
        if options.answer is not None:
            bad = replay(console, options.answer)
            for what in bad:
                console.print(what, markup=False, style="red")
            return _FAILED if bad else 0
        found = survey(options, Console(stderr=True))
    except StartlineError as error:
        console.print(f"hostile: {error.message} {error.hint}", markup=False, style="red")
        return error.exit_code
    show(console, found, time.monotonic() - began)
    return _FAILED if found.bad else 0
