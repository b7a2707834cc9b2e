"""What all lifetimes of the race came to, by key type and kind of cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.proofs.powercuts.results_table import must_be_zero, show_failure
from tests.proofs.racecuts.race_cut_plan import Job

#: The columns that have to be zero: the invariants of a race, each with what it counts.
INVARIANTS = {
    "lost": "passings that were stored, and lost",
    "invented": "passings at the cloud that nobody saw",
    "doubled": "passings twice where that cannot be",
    "unnamed": "doubles that the journal does not name",
    "number": "numbers with gaps, or out of order",
    "backwards": "times of a boot that go backwards",
    "time": "times that are wrong",
    "backlog": "sessions opened over a backlog",
    "erase": "calls of passing() that erased",
    "binding": "bindings that were touched",
    "refused": "requests that no cloud takes",
    "again": "requests at rest",
    "restless": "lifetimes that never rest",
    "bug": "bugs",
}
_COUNTS = ("lifetimes", "cuts", "links", "boots", "requests", "passings")
_WORDS = {"cuts": "power_cuts", "links": "link_cuts"}
_SHOWN = 12


@dataclass
class RaceRow:
    """The sums of one kind of cut with one type of key."""

    counts: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    wear: list[int] = field(default_factory=lambda: [0, 0, 0])

    def add(self, result: Mapping[str, Any]) -> None:
        """Add what a job came to."""
        self.counts.update({name: result[name] for name in _COUNTS})
        self.bad.update(result["columns"])
        self.states.update(result["states"])
        self.reached.update(result["reached"])
        programs, erases, most = result["wear"]
        self.wear = [self.wear[0] + programs, self.wear[1] + erases, max(self.wear[2], most)]

    def as_json(self) -> dict[str, Any]:
        """Return it for the report."""
        return {
            **{_WORDS.get(name, name): self.counts[name] for name in _COUNTS},
            "bad": {name: self.bad[name] for name in INVARIANTS},
            "rests": dict(self.states),
            "reached": dict(self.reached),
            "programs": self.wear[0],
            "erases": self.wear[1],
        }


class RaceCutResults:
    """One row for each kind of cut and type of key, and examples of what went wrong."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], RaceRow] = {}
        self.failures: list[dict[str, Any]] = []

    def add(self, job: Job, result: Mapping[str, Any]) -> None:
        """Add what a job came to."""
        kind = "double" if job["kind"] == "doubles" else "single"
        self.rows.setdefault((kind, job["spec"]["access"]), RaceRow()).add(result)
        self.failures += result["failures"]

    def total(self) -> RaceRow:
        """Return the sum of all rows."""
        return _sum(self.rows.values())

    @property
    def clean(self) -> bool:
        """Whether every invariant held."""
        return not any(self.total().bad.values())

    def as_json(self) -> dict[str, Any]:
        """Return the report."""
        return {
            "clean": self.clean,
            "invariants": INVARIANTS,
            "total": self.total().as_json(),
            "rows": [
                {"cuts": kind, "key": access, **row.as_json()}
                for (kind, access), row in sorted(self.rows.items())
            ],
            "failures": self.failures[:100],
        }

    def show(self, console: Console, seconds: float) -> None:
        """Print the sums, and some of the lifetimes that went wrong."""
        groups = [(f"{kind}\n{key}", row) for (kind, key), row in sorted(self.rows.items())]
        groups.append(("\nall", self.total()))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Power cuts of the race")
        table.title_justify = "left"
        table.add_column("")
        for title, _ in groups:
            table.add_column(title, justify="right")
        for name in _COUNTS:
            words = _WORDS.get(name, name).replace("_", " ")
            table.add_row(words, *(str(row.counts[name]) for _, row in groups))
        table.add_section()
        for name, words in INVARIANTS.items():
            table.add_row(words, *(must_be_zero(row.bad[name]) for _, row in groups))
        table.add_section()
        for mark in sorted(self.total().reached):
            table.add_row(mark, *(str(row.reached[mark]) for _, row in groups))
        console.print(table)
        for failure in self.failures[:_SHOWN]:
            show_failure(console, failure)
        total = self.total()
        verdict = "[bold green]All held[/]" if self.clean else "[bold red]Not all held[/]"
        cuts = total.counts["cuts"] + total.counts["links"]
        console.print(
            f"{verdict}: {cuts} cuts in {total.counts['lifetimes']} lifetimes, {seconds:.0f} s."
        )


def _sum(rows: Iterable[RaceRow]) -> RaceRow:
    total = RaceRow()
    for row in rows:
        for name in ("counts", "bad", "states", "reached"):
            getattr(total, name).update(getattr(row, name))
        total.wear = [
            total.wear[0] + row.wear[0],
            total.wear[1] + row.wear[1],
            max(total.wear[2], row.wear[2]),
        ]
    return total
