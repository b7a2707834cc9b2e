"""Thousands of first boots in a row, each with a hostile answer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from tests.proofs.hostile.answer_survey import AnswerSurvey, seeds
from tests.proofs.hostile.boot_judge import wants_memory, wrong
from tests.proofs.hostile.fuzzed_answers import make
from tests.proofs.hostile.vm_pool import BootResult, VmPool

#: What the agent may use of the heap above what an empty program takes, gaps between its objects
#: included: the budget of a first boot.
AGENT_HEAP = 72 * 1024


class HostileSurvey(AnswerSurvey[BootResult]):
    """What the answers came to. `longest_ms` is in the device's own time."""

    HEAP = AGENT_HEAP

    def __init__(self, pool: VmPool) -> None:
        super().__init__(pool.empty())
        self._pool = pool
        self.longest_ms = 0

    def play(self, answers: Sequence[int], heap: int) -> Iterator[BootResult]:
        """Play them to first boots."""
        return self._pool.play(map(make, answers), heap)

    def add(self, outcome: BootResult) -> None:
        """Count one life."""
        self.longest_ms = max(self.longest_ms, outcome.end.get("ms", 0))
        wrongs = wrong(outcome)
        reason = outcome.end.get("reason")
        told = f" ({reason})" if reason else ""
        self.count(outcome.answer.seed, outcome.end.get("state", "none"), wrongs, told)

    def wants_memory(self, outcome: BootResult) -> bool:
        """Tell whether a boot ever wanted memory."""
        return wants_memory(outcome)


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
    with (
        tempfile.TemporaryDirectory(prefix="startline-hostile-") as folder,
        VmPool(Path(folder), workers=workers, agent=agent) as pool,
    ):
        survey = HostileSurvey(pool)
        survey.run(seeds(seed, count), sample=sample, console=console)
    return survey


def play_boot(seed: int) -> BootResult:
    """Play the answer of a seed to a first boot, as a survey does. Raises BadInput."""
    with (
        tempfile.TemporaryDirectory(prefix="startline-hostile-") as folder,
        VmPool(Path(folder)) as pool,
    ):
        (result,) = pool.play([make(seed)], pool.empty() + AGENT_HEAP)
        return result
