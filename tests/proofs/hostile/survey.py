"""Thousands of answers in a row: what they came to, and how much of the heap they took."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.proofs.hostile.boot_judge import wants_memory, wrong
from tests.proofs.hostile.fuzzed_answers import make
from tests.proofs.hostile.vm_pool import BootResult, VmPool

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What the agent may use of the heap above what an empty program takes, gaps between its objects
#: included: the budget of a first boot.
AGENT_HEAP = 72 * 1024
_A_SEED = 1_000_000
_PIECE = 50
_STEP = 1024
_EXAMPLES = 10


@dataclass
class HostileSurvey:
    """What the answers came to: `bad` must be empty. `longest_ms` is in the device's own time.

    `empty` is the smallest heap in bytes for a program that does nothing, `peak` what the agent
    needs above it: the smallest heap in which a sample of the answers comes through without ever
    wanting memory (0: not looked for). `short` counts the boots that did want some, which is bad
    only where it was no named failure.
    """

    empty: int
    answers: int = 0
    longest_ms: int = 0
    short: int = 0
    peak: int = 0
    sample: int = 0
    states: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, booted: BootResult) -> None:
        """Count one life."""
        self.answers += 1
        self.longest_ms = max(self.longest_ms, booted.end.get("ms", 0))
        self.short += wants_memory(booted)
        self.states[booted.end.get("state", "none")] += 1
        for what in wrong(booted):
            self.bad[what] += 1
            if len(self.examples) < _EXAMPLES:
                self.examples.append((booted.answer.seed, what, booted.end.get("reason", "")))


def bombard(
    count: int,
    seed: int,
    *,
    workers: int,
    sample: int = 0,
    agent: Path | None = None,
    console: Console | None = None,
) -> HostileSurvey:
    """Play `count` answers to first boots, each in a heap of the agent's budget and no more.

    Of `sample` of them it is then seen in how small a heap they come through. `agent` is a
    firmware folder to run instead of our own. Raises BadInput without a MicroPython.
    """
    seeds = range(seed * _A_SEED, seed * _A_SEED + count)
    columns = (TextColumn("answers"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="startline-hostile-") as folder,
        VmPool(Path(folder), workers=workers, agent=agent) as pool,
        Progress(*columns, console=console or Console(quiet=True), transient=True) as bar,
    ):
        survey = HostileSurvey(pool.empty())
        task = bar.add_task("", total=count)
        for at in range(0, count, _PIECE):
            for booted in pool.play(map(make, seeds[at : at + _PIECE]), survey.empty + AGENT_HEAP):
                survey.add(booted)
                bar.advance(task)
        if sample and not survey.bad:
            some = seeds[:: max(1, count // sample)]
            survey.sample = len(some)
            survey.peak = _smallest(pool, some, survey.empty)
    return survey


def _smallest(pool: VmPool, seeds: Sequence[int], empty: int) -> int:
    """Return how little above `empty` is enough for each of these answers, in whole KiB."""
    heap = AGENT_HEAP
    while heap > _STEP and _all_come_through(pool, seeds, empty + heap - _STEP):
        heap -= _STEP
    return heap


def _all_come_through(pool: VmPool, seeds: Sequence[int], heap: int) -> bool:
    for at in range(0, len(seeds), _PIECE):
        if any(map(wants_memory, pool.play(map(make, seeds[at : at + _PIECE]), heap))):
            return False
    return True
