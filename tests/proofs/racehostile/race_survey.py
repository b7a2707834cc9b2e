"""Thousands of races in a row: what must hold of each, and how much of the heap they took."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.proofs.hostile.boot_judge import wrong_on_console
from tests.proofs.racehostile.race_answers import RaceAnswer, make_race_answer
from tests.proofs.racehostile.race_pool import RacePool, RaceResult

#: What the agent and its role may use of the heap above what an empty program takes, gaps between
#: its objects included, with TLS open. On a chip, whose objects are half as large, it is about half.
RACE_HEAP = 120 * 1024
#: What an exchange may take, and what one last wait may add.
EXCHANGE_MS = 15_500
#: For so long one call of the sender may keep the reader's program waiting, whatever is answered.
HELD_MS = 60
_A_SEED = 1_000_000
_BATCH = 25
_PIECE = 500
_STEP = 1024
_EXAMPLES = 10


def wrong(result: RaceResult) -> list[str]:
    """Return what is wrong with one race, each in a few words; nothing is as it should be."""
    told = result.told
    if not told:
        return [result.words]
    found = {
        "an exchange past its deadline": told["exchange_us"] > EXCHANGE_MS * 1000,
        "the reader's program was kept waiting": told["held_us"] > HELD_MS * 1000,
        "a socket was left open": bool(told["open"]),
    }
    bad = [what for what, is_so in found.items() if is_so]
    return [*told["bad"], *bad, *wrong_on_console(result.console)]


def wants_memory(result: RaceResult) -> bool:
    """Tell whether a race ever wanted memory, also where it named that and went on."""
    return not result.told or "MemoryError" in result.console or "no_memory" in result.console


@dataclass
class RaceSurvey:
    """What the answers came to: `bad` must be empty; times are in the reader's own.

    `empty` is the smallest heap in bytes for a program that does nothing, `peak` what agent and
    role need above it: the smallest heap in which a sample comes through without ever wanting
    memory (0: not looked for). `spoilt` counts the answers, `asked` the requests of all races.
    """

    empty: int
    races: int = 0
    spoilt: int = 0
    asked: int = 0
    exchange_us: int = 0
    held_us: int = 0
    short: int = 0
    peak: int = 0
    sample: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str]] = field(default_factory=list)

    def add(self, result: RaceResult) -> None:
        """Count one race."""
        told = result.told
        self.races += 1
        self.spoilt += told.get("spoilt", 0)
        self.asked += told.get("requests", 0)
        self.exchange_us = max(self.exchange_us, told.get("exchange_us", 0))
        self.held_us = max(self.held_us, told.get("held_us", 0))
        self.short += wants_memory(result)
        self.outcomes[told.get("outcome", "none")] += 1
        self.kinds[result.answer.kind] += told.get("spoilt", 0)
        for what in wrong(result):
            self.bad[what] += 1
            if len(self.examples) < _EXAMPLES:
                self.examples.append((result.answer.seed, what))


def seeds(seed: int, count: int) -> range:
    """Return the seeds of `count` answers."""
    return range(seed * _A_SEED, seed * _A_SEED + count)


def bombard_races(
    answers: Sequence[int],
    *,
    workers: int,
    sample: int = 0,
    agent: Path | None = None,
    console: Console | None = None,
) -> RaceSurvey:
    """Play the answers of these seeds to races, each in a heap of RACE_HEAP and no more.

    Of `sample` of them it is then seen in how small a heap they come through. `agent` is a
    firmware folder to run instead of our own. Raises BadInput without a MicroPython.
    """
    columns = (TextColumn("races"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="startline-hostile-") as folder,
        RacePool(Path(folder), workers=workers, agent=agent) as pool,
        Progress(*columns, console=console or Console(quiet=True), transient=True) as bar,
    ):
        survey = RaceSurvey(pool.empty())
        task = bar.add_task("", total=len(answers))
        for result in _play(pool, answers, survey.empty + RACE_HEAP):
            survey.add(result)
            bar.advance(task)
        if sample and not survey.bad:
            some = answers[:: max(1, len(answers) // sample)]
            survey.sample = len(some)
            survey.peak = _smallest(pool, some, survey.empty)
    return survey


def play_all(answers: Iterable[RaceAnswer], agent: Path | None = None) -> list[RaceResult]:
    """Play these answers in one process, in the heap that a survey has. Raises BadInput."""
    with (
        tempfile.TemporaryDirectory(prefix="startline-hostile-") as folder,
        RacePool(Path(folder), agent=agent) as pool,
    ):
        told = [*answers]
        return [*pool.play(told, pool.empty() + RACE_HEAP, len(told))]


def _play(pool: RacePool, answers: Sequence[int], heap: int) -> Iterator[RaceResult]:
    for at in range(0, len(answers), _PIECE):
        some: list[RaceAnswer] = [make_race_answer(seed) for seed in answers[at : at + _PIECE]]
        yield from pool.play(some, heap, _BATCH)


def _smallest(pool: RacePool, some: Sequence[int], empty: int) -> int:
    """Return how little above `empty` is enough for each of these races, in whole KiB."""
    few, enough = 0, RACE_HEAP
    while enough - few > _STEP:
        heap = (few + enough) // 2 // _STEP * _STEP
        if any(map(wants_memory, _play(pool, some, empty + heap))):
            few = heap
        else:
            enough = heap
    return enough
