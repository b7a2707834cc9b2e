"""What all histories came to, by key type and kind of cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.proofs.powercuts.cut_plan import KEY_TYPES, Job
from tests.proofs.powercuts.vm_runner import Result

#: The columns that have to be zero, each with what it counts. A request is covered when `unknown`
#: stands in every copy before its first byte, and what an earlier one came to is recorded, or two
#: complete looks have shown that it came to nothing.
BAD_COLUMNS = {
    "uncovered": "requests that were not covered",
    "second": "second records",
    "lost": "lost tokens",
    "key": "keys left behind",
    "unsettled": "unknown that nothing settles",
    "restless": "histories that never rest",
    "bug": "bugs",
}
_KINDS = {"singles": "single", "doubles": "double"}

#: By what a unit that rests in `unknown` is settled, and in what words that is said. A cloud
#: without a list is asked by the device itself, and a record that says nothing is forgotten.
SETTLED = {
    "reconcile": "settled by reconcile",
    "adopt": "settled by --adopt",
    "retry": "settled by retry",
    "reset": "settled by reset",
    "another's": "reported as another's",
}


@dataclass
class Wear:
    """Programs, erases, and the most erases of one sector: of so many histories, and in one."""

    histories: int = 0
    total: list[int] = field(default_factory=lambda: [0, 0, 0])
    most: list[int] = field(default_factory=lambda: [0, 0, 0])

    def add(self, histories: int, total: list[int], most: list[int]) -> None:
        """Add those of more histories."""
        self.histories += histories
        self.total = [a + b for a, b in zip(self.total, total, strict=True)]
        self.most = [max(a, b) for a, b in zip(self.most, most, strict=True)]

    def as_json(self) -> dict[str, Any]:
        """Return it for the report, with the mean of a history."""
        names = ("programs", "erases", "erases_of_one_sector")
        means = (round(total / max(1, self.histories), 2) for total in self.total)
        found = {
            name: {"mean": mean, "most": most}
            for name, mean, most in zip(names, means, self.most, strict=True)
        }
        return {"histories": self.histories, **found}


@dataclass
class Row:
    """The sums of one kind of cut with one type of key."""

    histories: int = 0
    cuts: int = 0
    boots: int = 0
    requests: int = 0
    unknown: int = 0
    settled: Counter[str] = field(default_factory=Counter)
    wear: dict[str, Wear] = field(default_factory=dict)
    bad: Counter[str] = field(default_factory=Counter)
    rests: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Add what a job came to."""
        self.histories += result["histories"]
        self.cuts += result["cuts"]
        self.boots += result["boots"]
        self.requests += result["requests"]
        self.unknown += result["unknown"]
        self.settled.update(result["settled"])
        for label, sums in result["wear"].items():
            self.wear.setdefault(label, Wear()).add(
                *(sums[name] for name in ("histories", "sum", "most"))
            )
        self.bad.update(result["columns"])
        self.rests.update(result["states"])
        self.reasons.update(result["reasons"])

    def as_json(self) -> dict[str, Any]:
        """Return it for the report."""
        return {
            "histories": self.histories,
            "power_cuts": self.cuts,
            "boots": self.boots,
            "requests_that_reached_the_cloud": self.requests,
            "rested_in_unknown": self.unknown,
            "settled": {name: self.settled[name] for name in SETTLED},
            "flash_wear_of_a_history": {
                label: wear.as_json() for label, wear in sorted(self.wear.items())
            },
            "bad": {name: self.bad[name] for name in BAD_COLUMNS},
            "rests": dict(sorted(self.rests.items())),
            "reasons": dict(sorted(self.reasons.items())),
        }


class Tally:
    """One row for each kind of cut and type of key, and examples of what went wrong."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.failures: list[dict[str, Any]] = []

    def add(self, job: Job, result: Result) -> None:
        """Add what a job came to."""
        key = (_KINDS[job["kind"]], job["group"])
        self.rows.setdefault(key, Row()).add(result)
        self.failures += result["failures"]

    def total(self) -> Row:
        """Return the sum of all rows."""
        return _sum(self.rows.values())

    def kind(self, kind: str) -> Row:
        """Return the sum of one kind of cut, "single" or "double"."""
        return _sum(row for (name, _), row in self.rows.items() if name == kind)

    def in_order(self) -> list[tuple[tuple[str, str], Row]]:
        """Return the rows in the order in which they are shown."""
        order = {key: at for at, key in enumerate(KEY_TYPES)}
        return sorted(
            self.rows.items(), key=lambda item: (item[0][0] == "double", order[item[0][1]])
        )

    @property
    def clean(self) -> bool:
        """Whether every column that has to be zero is."""
        return not any(self.total().bad.values())

    def as_json(self) -> dict[str, Any]:
        """Return the report."""
        return {
            "clean": self.clean,
            "columns": BAD_COLUMNS,
            "total": self.total().as_json(),
            "rows": [
                {"cuts": kind, "key": access, **row.as_json()}
                for (kind, access), row in self.in_order()
            ],
            "failures": self.failures[:100],
        }


def _sum(rows: Iterable[Row]) -> Row:
    total = Row()
    for row in rows:
        for name in ("histories", "cuts", "boots", "requests", "unknown"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
        for name in ("bad", "rests", "reasons", "settled"):
            getattr(total, name).update(getattr(row, name))
        for label, wear in row.wear.items():
            total.wear.setdefault(label, Wear()).add(wear.histories, wear.total, wear.most)
    return total
