"""`python -m tests.proofs.powercuts`: cuts power everywhere, and says what that did."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from startline_host.clouds.cloud_registry import DEFAULT_CLOUD
from startline_host.errors import BadInput, StartlineError
from tests.proofs.powercuts.blank_units import make_units
from tests.proofs.powercuts.cut_plan import (
    CLAIM,
    FULL_DOUBLES,
    SAMPLE,
    Size,
    double_jobs,
    one_job_each,
    single_jobs,
)
from tests.proofs.powercuts.cut_results import CutResults
from tests.proofs.powercuts.mutants import catch_all
from tests.proofs.powercuts.results_table import show, show_broken
from tests.proofs.powercuts.vm_runner import VmRunner

_FAILED = 1


def survive(
    cloud: str,
    size: Size,
    *,
    workers: int,
    agent: Path | None = None,
    console: Console | None = None,
    only: str = "",
    cuts: str = "",
) -> CutResults:
    """Run all lifetimes of that size against one cloud and return what they came to.

    `agent` is a firmware folder to run instead of our own. With `only` those worlds are run whose
    names contain it, with `cuts` only that lifetime of each, as a failure names it. Raises BadInput
    without a MicroPython, or where there is nothing to run.
    """
    results = CutResults()
    if cuts:
        jobs = one_job_each(cloud, only, cuts)
    else:  # the long ones first
        jobs = [*double_jobs(cloud, size, only), *single_jobs(cloud, size, only)]
    if not jobs:
        raise BadInput(f"No world has {only!r} in its name.")
    columns = (TextColumn("lifetimes"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="startline-powercuts-") as folder,
        VmRunner(Path(folder), make_units(cloud), agent=agent, workers=workers) as machine,
        Progress(*columns, console=console or Console(quiet=True), transient=True) as bar,
    ):
        task = bar.add_task("", total=len(jobs))
        for job, result in machine.run_all(jobs, size.batch):
            results.add(job, result)
            bar.advance(task)
    return results


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if nothing went wrong in any lifetime, 1 if something did.

    With --broken it is 0 if every broken agent was caught.
    """
    options = _parser().parse_args(arguments)
    if options.broken:
        return _show_broken()
    size = SAMPLE if options.sample else Size(1, FULL_DOUBLES, options.seed, 1)
    console = Console(highlight=False)
    began = time.monotonic()
    try:
        results = survive(
            options.cloud,
            size,
            workers=options.jobs,
            agent=options.agent,
            console=Console(stderr=True),
            only=options.only,
            cuts=options.cuts,
        )
    except StartlineError as error:
        console.print(f"powercuts: {error.message} {error.hint}", markup=False, style="red")
        return error.exit_code
    show(console, results, time.monotonic() - began)
    console.print(CLAIM, markup=False)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    report = {"cloud": options.cloud, "seed": size.seed, "claim": CLAIM, **results.as_json()}
    options.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(f"Report: {options.report}", markup=False, soft_wrap=True)
    return 0 if results.clean else _FAILED


def _show_broken() -> int:
    console = Console(highlight=False)
    try:
        caught = catch_all()
    except StartlineError as error:
        console.print(f"powercuts: {error.message} {error.hint}", markup=False, style="red")
        return error.exit_code
    show_broken(console, caught)
    good = all(not theirs.clean and ours.clean for theirs, ours in caught.values())
    return 0 if good else _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.powercuts", description=__doc__)
    parser.add_argument("--cloud", metavar="NAME", default=DEFAULT_CLOUD)
    parser.add_argument("--seed", type=int, default=1, help="of the double cuts (default: 1)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="VMs at a time"
    )
    parser.add_argument("--sample", action="store_true", help="a small part of it, in seconds")
    parser.add_argument(
        "--broken", action="store_true", help="run broken agents: each has to be caught"
    )
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only the worlds with that in their names"
    )
    parser.add_argument(
        "--cuts", default="", help="only this lifetime of each, such as 33/2,40/1@seed or none"
    )
    parser.add_argument("--agent", type=Path, metavar="DIR", help="another firmware folder to try")
    parser.add_argument(
        "--report", type=Path, default=Path("build/powercuts.json"), metavar="FILE"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
