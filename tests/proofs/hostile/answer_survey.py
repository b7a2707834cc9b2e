"""Thousands of answers in a row: what they came to, and how much of the heap they took.

How an answer is played, and what must hold of it, is each proof's own: `survey` has first boots,
`tests.proofs.racehostile.race_survey` races.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_A_SEED = 1_000_000
_PIECE = 500
_STEP = 1024
_KIB = 1024
_EXAMPLES = 10

Outcome = TypeVar("Outcome")


def seeds(seed: int, count: int) -> range:
    """Return the seeds of `count` answers."""
    return range(seed * _A_SEED, seed * _A_SEED + count)


class AnswerSurvey(ABC, Generic[Outcome]):
    """What the answers came to: `bad` must be empty.

    `empty` is the smallest heap in bytes for a program that does nothing, `peak` what the agent
    needs above it: the smallest heap in which a sample of the answers comes through without ever
    wanting memory (0: not looked for). `short` counts those that did want some, which is bad only
    where it was no named failure. `examples` are (seed, what is wrong).
    """

    HEAP: ClassVar[int]
    """What the agent may use of the heap above what an empty program takes, in bytes."""

    def __init__(self, empty: int) -> None:
        self.empty = empty
        self.answers = self.short = self.peak = self.sample = 0
        self.ends: Counter[str] = Counter()
        self.bad: Counter[str] = Counter()
        self.examples: list[tuple[int, str]] = []

    @abstractmethod
    def play(self, answers: Sequence[int], heap: int) -> Iterable[Outcome]:
        """Play the answers of these seeds, each in a heap of so many bytes."""

    @abstractmethod
    def add(self, outcome: Outcome) -> None:
        """Count what came of one, with the help of `count`."""

    @abstractmethod
    def wants_memory(self, outcome: Outcome) -> bool:
        """Tell whether it ever wanted memory, also where it named that and went on."""

    def count(self, seed: int, end: str, wrong: Iterable[str], more: str = "") -> None:
        """Count an answer by how it ended, and what is wrong with that; `more` explains it."""
        self.answers += 1
        self.ends[end] += 1
        for what in wrong:
            self.bad[what] += 1
            if len(self.examples) < _EXAMPLES:
                self.examples.append((seed, what + more))

    def run(
        self, answers: Sequence[int], *, sample: int = 0, console: Console | None = None
    ) -> None:
        """Play the answers of these seeds, each in a heap of HEAP and no more.

        Of `sample` of them it is then seen in how small a heap they come through.
        """
        columns = (TextColumn("answers"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console or Console(quiet=True), transient=True) as bar:
            task = bar.add_task("", total=len(answers))
            for outcome in self._play_all(answers, self.HEAP):
                self.short += self.wants_memory(outcome)
                self.add(outcome)
                bar.advance(task)
        if sample and not self.bad:
            some = answers[:: max(1, len(answers) // sample)]
            self.sample = len(some)
            self.peak = self._smallest(some)

    def _play_all(self, answers: Sequence[int], heap: int) -> Iterator[Outcome]:
        for at in range(0, len(answers), _PIECE):
            yield from self.play(answers[at : at + _PIECE], self.empty + heap)

    def _smallest(self, some: Sequence[int]) -> int:
        """Return how little above `empty` is enough for each of these answers, in whole KiB."""
        few, enough = 0, self.HEAP
        while enough - few > _STEP:
            heap = (few + enough) // 2 // _STEP * _STEP
            if any(map(self.wants_memory, self._play_all(some, heap))):
                few = heap
            else:
                enough = heap
        return enough

    def room(self) -> str:
        """Say in how large a heap all of it was played."""
        return (
            f"each in a heap of {self.HEAP // _KIB} KiB above the {self.empty // _KIB} KiB of an "
            f"empty program; {self.short} ever wanted more."
        )

    def show(self, console: Console, summary: str) -> None:
        """Print a summary, the peak of the heap, and all that is wrong."""
        console.print(summary, markup=False)
        if self.peak:
            console.print(
                f"Peak: {self.peak // _KIB} KiB is the smallest such heap in which none of a sample "
                f"of {self.sample} wants more."
            )
        for what, count in self.bad.most_common():
            console.print(f"  {count} times: {what}", markup=False, style="red")
        for seed, what in self.examples:
            console.print(f"  --answer {seed}: {what}", markup=False, style="red")
