"""Runs the power cuts of a race."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.proofs.powercuts.vm_runner import VmRunner
from tests.proofs.racecuts.race_cut_plan import Job
from tests.proofs.racecuts.race_cut_results import RaceCutResults
from tests.proofs.racecuts.race_cut_worlds import make_units

#: The modules that have units race: see `tests/proofs/powercuts/vm/start.py`.
RACING = {"runner": "race_vm.race_jobs", "network": "race_vm.network"}


def race_through(
    jobs: Sequence[Job],
    *,
    workers: int = 1,
    agent: Path | None = None,
    console: Console | None = None,
    batch: int = 1,
) -> RaceCutResults:
    """Run jobs, `batch` of them a process, and return what they came to.

    `agent` is a firmware folder to run instead of our own. Raises BadInput without a MicroPython.
    """
    results = RaceCutResults()
    columns = (TextColumn("jobs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="startline-racecuts-") as folder,
        _machine(Path(folder), agent, workers) as machine,
        Progress(*columns, console=console or Console(quiet=True), transient=True) as bar,
    ):
        task = bar.add_task("", total=len(jobs))
        for job, result in machine.run_all(jobs, batch):
            results.add(job, result)
            bar.advance(task)
    return results


def _machine(folder: Path, agent: Path | None, workers: int) -> VmRunner:
    return VmRunner(folder, make_units(), agent=agent, heap="4M", workers=workers, play=RACING)
