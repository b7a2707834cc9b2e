"""`python -m host_tools.bench.hostile`: thousands of answers that no client should trust."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from host_tools.bench.powercuts.plan import Job, specs
from host_tools.bench.powercuts.runner import Machine
from host_tools.bench.powercuts.units import make_unit
from host_tools.errors import StartlineError

_FAILED = 1
_A_JOB = 100
#: What the agent may use of the heap: the budget of a first boot, with its modules.
AGENT_HEAP = 64 * 1024
#: What the bench holds besides while it plays one answer: flash, log, console, its own judge.
_BENCH_HEAP = 224 * 1024


@dataclass
class Survey:
    """What the answers came to: `bad` must be empty. `longest_ms` is in the device's own time."""

    answers: int = 0
    longest_ms: int = 0
    heap: int = 0
    states: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    examples: list[list[Any]] = field(default_factory=list)

    def add(self, result: dict[str, Any]) -> None:
        """Add what a job came to."""
        self.answers += result["answers"]
        self.longest_ms = max(self.longest_ms, result["longest_ms"])
        self.states.update(result["states"])
        self.bad.update(result["bad"])
        self.examples += result["examples"]


def bombard(count: int, seed: int, *, workers: int) -> Survey:
    """Play `count` answers to first boots, each the one of its own seed, in a small heap.

    Raises BadInput without a MicroPython, Bug when a VM dies.
    """
    spec = next(one for one in specs("rufus") if one["access"] == "READ_WRITE")
    units = {spec["unit"]: make_unit("rufus", spec["table"], spec["run"])}
    survey = Survey()
    with tempfile.TemporaryDirectory(prefix="startline-hostile-") as folder:
        measured, small = Path(folder, "measured"), Path(folder, "small")
        measured.mkdir()
        small.mkdir()
        with Machine(measured, units) as machine:
            allocated = machine.run([{"kind": "room"}])[0]["allocated"]
        survey.heap = allocated + _BENCH_HEAP + AGENT_HEAP
        with Machine(small, units, heap=str(survey.heap), workers=workers) as machine:
            for _, result in machine.run_all(_jobs(spec, count, seed)):
                survey.add(result)
    return survey


def _jobs(spec: dict[str, Any], count: int, seed: int) -> list[Job]:
    first = seed * 1_000_000
    return [
        {"kind": "hostile", "spec": spec, "first": first + at, "count": min(_A_JOB, count - at)}
        for at in range(0, count, _A_JOB)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if every answer was taken as it has to be, 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m host_tools.bench.hostile", description=__doc__
    )
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    began = time.monotonic()
    try:
        survey = bombard(options.count, options.seed, workers=options.jobs)
    except StartlineError as error:
        console.print(f"hostile: {error.message} {error.hint}", markup=False, style="red")
        return error.exit_code
    rests = ", ".join(f"{count} {state}" for state, count in survey.states.most_common())
    console.print(
        f"{survey.answers} hostile answers in {time.monotonic() - began:.0f} s: {rests}. "
        f"Longest first boot {survey.longest_ms / 1000:.1f} s of its own time, "
        f"heap {survey.heap // 1024} KiB with the bench's own."
    )
    for what, count in survey.bad.most_common():
        console.print(f"  {count} times: {what}", markup=False, style="red")
    for seed, what, reason in survey.examples[:10]:
        console.print(f"  answer {seed}: {what} ({reason})", markup=False, style="red")
    return _FAILED if survey.bad else 0


if __name__ == "__main__":
    sys.exit(main())
