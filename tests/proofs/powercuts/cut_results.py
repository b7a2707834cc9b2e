"""What all lifetimes came to, by key type and kind of cut."""

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
    "restless": "lifetimes that never rest",
    "missed": "units that could bind and did not",
    "wear": "more than 2 erases of a sector in a boot",
    "bug": "bugs",
}
#: What a lifetime can reach, by the name in `vm/reached.py` and its callers.
REACHED = {
    "collection": "a page of nvs collected",
    "switch": "a sector of bind switched",
    "wrap": "the generation wrapped",
    "flip": "a bit of a record flipped",
    "decay": "a weak cell decayed",
    "garbage": "a torn erase left garbage",
    "level": "copies with one generation",
    "list": "an entry not to be compared",
    "jump": "a clock that jumped",
    "network": "a network that came late",
    "reset": "a reset given",
}
#: These need a cut in a certain way, which a sample may leave out.
_BY_CUT = {"decay", "garbage", "level"}
_KINDS = {"singles": "single", "doubles": "double", "one": "single"}

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
    """Programs, erases, and the most erases of one sector: of so many lifetimes, and in one."""

    lifetimes: int = 0
    total: list[int] = field(default_factory=lambda: [0, 0, 0])
    most: list[int] = field(default_factory=lambda: [0, 0, 0])

    def add(self, lifetimes: int, total: list[int], most: list[int]) -> None:
        """Add those of more lifetimes."""
        self.lifetimes += lifetimes
        self.total = [a + b for a, b in zip(self.total, total, strict=True)]
        self.most = [max(a, b) for a, b in zip(self.most, most, strict=True)]

    def as_json(self) -> dict[str, Any]:
        """Return it for the report, with the mean of a lifetime."""
        names = ("programs", "erases", "erases_of_one_sector")
        means = (round(total / max(1, self.lifetimes), 2) for total in self.total)
        found = {
            name: {"mean": mean, "most": most}
            for name, mean, most in zip(names, means, self.most, strict=True)
        }
        return {"lifetimes": self.lifetimes, **found}


@dataclass
class CutRow:
    """The sums of one kind of cut with one type of key."""

    lifetimes: int = 0
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
        self.lifetimes += result["lifetimes"]
        self.cuts += result["cuts"]
        self.boots += result["boots"]
        self.requests += result["requests"]
        self.unknown += result["unknown"]
        self.settled.update(result["settled"])
        for label, sums in result["wear"].items():
            self.wear.setdefault(label, Wear()).add(
                *(sums[name] for name in ("lifetimes", "sum", "most"))
            )
        self.bad.update(result["columns"])
        self.rests.update(result["states"])
        self.reasons.update(result["reasons"])

    def as_json(self) -> dict[str, Any]:
        """Return it for the report."""
        return {
            "lifetimes": self.lifetimes,
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


@dataclass
class WorldCount:
    """How many lifetimes one world had, and in how many of them what was reached."""

    means: tuple[str, ...] = ()
    lifetimes: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    whole: bool = False

    @property
    def missed(self) -> list[str]:
        """What it is meant to reach, and never did, although there were the lifetimes for it."""
        return [
            mark
            for mark in self.means
            if self.lifetimes and not self.reached[mark] and (self.whole or mark not in _BY_CUT)
        ]

    def as_json(self) -> dict[str, Any]:
        """Return it for the report: every mark, with how many of the lifetimes reached it."""
        reached = {mark: self.reached[mark] for mark in REACHED}
        return {"lifetimes": self.lifetimes, "means": list(self.means), "reached": reached}


class CutResults:
    """One row for each kind of cut and type of key, what each world reached, and failures."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], CutRow] = {}
        self.failures: list[dict[str, Any]] = []
        self.worlds: dict[str, WorldCount] = {}

    def add(self, job: Job, result: Result) -> None:
        """Add what a job came to."""
        key = (_KINDS[job["kind"]], job["group"])
        self.rows.setdefault(key, CutRow()).add(result)
        self.failures += result["failures"]
        for spec in job.get("specs", [job.get("spec")]):
            self.worlds.setdefault(spec["name"], WorldCount(tuple(spec.get("means", ()))))
        for name, sums in result["worlds"].items():
            world = self.worlds[name]
            world.lifetimes += sums["lifetimes"]
            world.reached.update(sums["reached"])
            world.whole = world.whole or job.get("every") == 1

    def total(self) -> CutRow:
        """Return the sum of all rows."""
        return _sum(self.rows.values())

    def kind(self, kind: str) -> CutRow:
        """Return the sum of one kind of cut, "single" or "double"."""
        return _sum(row for (name, _), row in self.rows.items() if name == kind)

    def in_order(self) -> list[tuple[tuple[str, str], CutRow]]:
        """Return the rows in the order in which they are shown."""
        order = {key: at for at, key in enumerate(KEY_TYPES)}
        return sorted(
            self.rows.items(), key=lambda item: (item[0][0] == "double", order[item[0][1]])
        )

    @property
    def missed(self) -> dict[str, list[str]]:
        """The worlds that did not reach what they are meant to, and what that is."""
        return {name: world.missed for name, world in self.worlds.items() if world.missed}

    @property
    def clean(self) -> bool:
        """Whether every column that has to be zero is, and every world reached what it is for."""
        return not any(self.total().bad.values()) and not self.missed

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
            "reached": REACHED,
            "worlds": {name: world.as_json() for name, world in sorted(self.worlds.items())},
            "failures": self.failures[:100],
        }


def _sum(rows: Iterable[CutRow]) -> CutRow:
    total = CutRow()
    for row in rows:
        for name in ("lifetimes", "cuts", "boots", "requests", "unknown"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
        for name in ("bad", "rests", "reasons", "settled"):
            getattr(total, name).update(getattr(row, name))
        for label, wear in row.wear.items():
            total.wear.setdefault(label, Wear()).add(wear.lifetimes, wear.total, wear.most)
    return total
