"""`python -m tests.proofs.racecuts`: cuts power and link of a reader that races, everywhere."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from startline_host.errors import StartlineError
from tests.proofs.racecuts.race_cut_plan import FULL, SAMPLE, jobs_of, one_job_each
from tests.proofs.racecuts.race_cuts import race_through
from tests.proofs.racecuts.race_mutants import show_mutants

_FAILED = 1


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if every invariant held in every lifetime, 1 if one did not."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    if options.broken:
        return 0 if show_mutants(console, options.only) else _FAILED
    size = replace(SAMPLE if options.sample else FULL, seed=options.seed)
    if options.every:
        size = replace(size, every=options.every, doubles=size.doubles // options.every)
    began = time.monotonic()
    try:
        if options.cuts:
            jobs = one_job_each(options.only, options.cuts)
        else:
            jobs = jobs_of(size, options.only)
        results = race_through(
            jobs,
            workers=options.jobs,
            agent=options.agent,
            console=Console(stderr=True),
            batch=8 if options.sample else 2,
        )
    except StartlineError as error:
        console.print(f"powercuts: {error.message} {error.hint}", markup=False, style="red")
        return error.exit_code
    results.show(console, time.monotonic() - began)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    report = {"seed": size.seed, **results.as_json()}
    options.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(f"Report: {options.report}", markup=False, soft_wrap=True)
    return 0 if results.clean else _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.racecuts", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the double cuts (default: 1)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="VMs at a time"
    )
    parser.add_argument("--sample", action="store_true", help="a small part of it, in seconds")
    parser.add_argument(
        "--broken", action="store_true", help="run broken roles: each has to be caught"
    )
    parser.add_argument("--every", type=int, default=0, metavar="N", help="every n-th cut only")
    parser.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        help="only the worlds, or with --broken the roles, with that in their names",
    )
    parser.add_argument(
        "--cuts", default="", help="only this lifetime of each, such as 33/2,40/1@seed or none"
    )
    parser.add_argument("--agent", type=Path, metavar="DIR", help="another firmware folder to try")
    parser.add_argument("--report", type=Path, default=Path("build/racecuts.json"), metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
