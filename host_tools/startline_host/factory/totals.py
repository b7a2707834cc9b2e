"""What a run of the line did so far: what the line counts and every view of it shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from startline_host.factory.schema import DEFERRED, PASSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from startline_host.factory.job import UnitResult

#: What a slot says that has nothing else to say, and one to which no board will come.
WAITING, DONE = "waiting for a board", "done"


class RunTotals(msgspec.Struct):
    """What this run did so far: ends by name, failures by reason, and the seconds since it began.

    `whole` is how many units the batch has, 0 where that is not known, and `made` how many of them
    are made by the ledger, in earlier runs and at other stations as well.
    """

    ends: dict[str, int] = {}
    reasons: dict[str, int] = {}
    exit_codes: dict[int, int] = {}
    whole: int = 0
    made: int = 0
    began: float = msgspec.field(default_factory=time.monotonic)

    def add(self, result: UnitResult) -> None:
        """Count a board."""
        self.ends[result.end] = self.ends.get(result.end, 0) + 1
        if result.end == "failed":
            self.reasons[result.reason] = self.reasons.get(result.reason, 0) + 1
            self.exit_codes[result.exit_code] = self.exit_codes.get(result.exit_code, 0) + 1

    def see(self, counts: Mapping[str, int]) -> None:
        """Take how the batch stands in the ledger: its units by their state."""
        self.whole = sum(counts.values())
        # Two slots may look in one order, and tell in the other.
        self.made = max(self.made, counts[PASSED] + counts[DEFERRED])

    @property
    def passed(self) -> int:
        """Boards that passed in this run."""
        return self.ends.get("passed", 0)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the rate of this run; None where nothing tells."""
        here = self.passed + self.ends.get("deferred", 0)
        if not here or self.made >= self.whole:
            return None
        return (self.whole - self.made) * self.seconds / here

    @property
    def failed(self) -> int:
        """Boards that failed in this run."""
        return self.ends.get("failed", 0)

    @property
    def yield_(self) -> float | None:
        """The share that passed of those that ended; None while there is none."""
        ended = self.passed + self.failed
        return self.passed / ended if ended else None

    @property
    def seconds(self) -> float:
        """How long the run has lasted."""
        return time.monotonic() - self.began
