"""The groups of benchmarks, each a module of its name with `rows(work)`."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from startline_host.errors import StartlineError
from tests.benchmarks.budgets import BUDGETS, of_group
from tests.benchmarks.row import UNKNOWN, Row

GROUPS = ("size", "heap", "boot", "wire", "wear", "power", "line", "cloud", "herd", "race")
#: Where downloads and drawings go that outlive a run.
KEPT = Path("build/benchmarks")
#: The row of a group that ended before its time and owes no budget.
_FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """A row as it is reported: with its group, its budget and the verdict."""

    group: str
    row: Row

    @property
    def name(self) -> str:
        """The whole name, as budgets know it."""
        return f"{self.group}.{self.row.name}"

    @property
    def met(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        budget = BUDGETS.get(self.name)
        if budget is None:
            return False if self.row.name == _FAILED else None
        return budget.met(self.row)

    def as_json(self) -> dict[str, Any]:
        """Return it for a JSON file; numbers that are not known are null."""
        row, budget = self.row, BUDGETS.get(self.name)
        shown = budget and {"sense": budget.sense, "limit": budget.limit, "of": budget.of}
        return {
            "name": self.name,
            "group": self.group,
            "value": _known(row.value),
            "unit": row.unit,
            "budget": shown,
            "peer": row.peer and {"name": row.peer.name, "value": _known(row.peer.value)},
            "ratio": _known(row.ratio),
            "met": self.met,
            "note": row.note,
        }


def run_group(
    group: str, tell: Callable[[Result], None], module: Any | None = None
) -> Iterator[Result]:
    """Yield a group's rows as they are made, then one for each budget that it left out.

    A StartlineError ends the group: its sentence is the note of what is missing. `module` stands
    in for the group's own.
    """
    module = module or importlib.import_module(f"tests.benchmarks.{group}")
    owed, why = set(of_group(group)), "not measured"
    with tempfile.TemporaryDirectory(prefix=f"startline-{group}-") as folder:
        try:
            for row in module.rows(Path(folder)):
                result = Result(group, row)
                owed.discard(result.name)
                tell(result)
                yield result
        except StartlineError as error:
            why = f"{error.message} {error.hint}".strip()
            owed = owed or {f"{group}.{_FAILED}"}
    for name in sorted(owed):
        result = Result(group, Row(name.partition(".")[2], UNKNOWN, "", note=why))
        tell(result)
        yield result


def _known(number: float) -> float | None:
    return None if number != number else number  # noqa: PLR0124 - what only NaN does
