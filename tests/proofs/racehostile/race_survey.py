"""Thousands of races in a row, each with a hostile answer, and what must hold of each."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from tests.proofs.hostile.answer_survey import AnswerSurvey
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
_BATCH = 25


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


class RaceSurvey(AnswerSurvey[RaceResult]):
    """What the races came to; times are in the reader's own.

    `spoilt` counts the answers, `asked` the requests of all races.
    """

    HEAP = RACE_HEAP

    def __init__(self, pool: RacePool) -> None:
        super().__init__(pool.empty())
        self._pool = pool
        self.spoilt = self.asked = self.exchange_us = self.held_us = 0
        self.kinds: Counter[str] = Counter()

    def play(self, answers: Sequence[int], heap: int) -> Iterator[RaceResult]:
        """Play them to races."""
        some: list[RaceAnswer] = [make_race_answer(seed) for seed in answers]
        return self._pool.play(some, heap, _BATCH)

    def add(self, outcome: RaceResult) -> None:
        """Count one race."""
        told = outcome.told
        self.spoilt += told.get("spoilt", 0)
        self.asked += told.get("requests", 0)
        self.exchange_us = max(self.exchange_us, told.get("exchange_us", 0))
        self.held_us = max(self.held_us, told.get("held_us", 0))
        self.kinds[outcome.answer.kind] += told.get("spoilt", 0)
        self.count(outcome.answer.seed, told.get("outcome", "none"), wrong(outcome))

    def wants_memory(self, outcome: RaceResult) -> bool:
        """Tell whether a race ever wanted memory."""
        return wants_memory(outcome)


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
    with (
        tempfile.TemporaryDirectory(prefix="startline-hostile-") as folder,
        RacePool(Path(folder), workers=workers, agent=agent) as pool,
    ):
        survey = RaceSurvey(pool)
        survey.run(answers, sample=sample, console=console)
    return survey


def play_all(answers: Iterable[RaceAnswer], agent: Path | None = None) -> list[RaceResult]:
    """Play these answers in one process, in the heap that a survey has. Raises BadInput."""
    with (
        tempfile.TemporaryDirectory(prefix="startline-hostile-") as folder,
        RacePool(Path(folder), agent=agent) as pool,
    ):
        told = [*answers]
        return [*pool.play(told, pool.empty() + RACE_HEAP, len(told))]
