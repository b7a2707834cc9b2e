"""Shows results on a terminal: one row a number, and in words whether a budget is met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.benchmarks.budgets import BUDGETS, Budget
from tests.benchmarks.groups import Result

#: A file has no edge that a row could not go beyond.
_WIDE = 160
_VERDICTS = {True: "[green]met[/]", False: "[bold red]missed[/]", None: ""}


def show(console: Console, results: Sequence[Result], machine: Mapping[str, str]) -> None:
    """Print the table, what its rows have to say, and the machine."""
    table = Table("row", "value", "peer", "ratio", "budget", "", box=None, pad_edge=False)
    for column in table.columns[1:4]:
        column.justify = "right"
    for column in table.columns:
        column.no_wrap = True
    for result in results:
        table.add_row(*_cells(result))
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table)
    for result in results:
        if result.row.note:
            console.print(f"  {result.name}: {result.row.note}", markup=False, style="dim")
    console.print("; ".join(f"{key} {value}" for key, value in machine.items()), markup=False)


def one_line(result: Result) -> str:
    """Say one result in one line, for progress."""
    row = result.row
    verdict = {True: ", met", False: ", missed", None: ""}[result.met]
    return f"{result.name}: {number(row.value)} {row.unit}{verdict}"


def number(value: float) -> str:
    """Write a number with the digits that matter, "-" for one that is not known."""
    if value != value:  # noqa: PLR0124 - what only NaN does
        return "-"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _cells(result: Result) -> tuple[str, ...]:
    row, budget = result.row, BUDGETS.get(result.name)
    peer = f"{number(row.peer.value)} [dim]{escape(row.peer.name)}[/]" if row.peer else ""
    return (
        result.name,
        f"{number(row.value)} {escape(row.unit)}",
        peer,
        number(row.ratio) if row.peer else "",
        _bound(budget) if budget else "",
        _VERDICTS[result.met],
    )


def _bound(budget: Budget) -> str:
    of = "ratio " if budget.of == "ratio" else ""
    return f"{of}{budget.sense} {number(budget.limit)}"
