"""The table of power cuts on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from startline_host.util import counted
from tests.proofs.powercuts.cut_results import BAD_COLUMNS, REACHED, SETTLED, CutResults, CutRow
from tests.proofs.powercuts.mutants import FAULTS

_STATES = ("bound", "unknown", "unbound", "refused", "unprovisioned")
_SHOWN = 12
#: What is shown world by world; the report has every mark of every world.
_SHOWN_MARKS = {
    "collection": "nvs page\ncollected",
    "switch": "bind sector\nswitched",
    "wrap": "generation\nwrapped",
}


def show(console: Console, results: CutResults, seconds: float) -> None:
    """Print the sums, and some of the lifetimes that went wrong."""
    groups = [(f"{kind}\n{access}", row) for (kind, access), row in results.in_order()]
    groups.append(("\nall", results.total()))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Power cuts", title_justify="left")
    table.add_column("")
    for title, _ in groups:
        table.add_column(title, justify="right")
    for title, cell in _LINES:
        table.add_row(title, *(cell(row) for _, row in groups))
    table.add_section()
    for name, title in BAD_COLUMNS.items():
        table.add_row(title, *(must_be_zero(row.bad[name]) for _, row in groups))
    table.add_section()
    for state in _STATES:
        table.add_row(f"rest: {state}", *(str(row.rests[state]) for _, row in groups))
    table.add_section()
    table.add_row("came to rest unknown", *(str(row.unknown) for _, row in groups))
    for name, title in SETTLED.items():
        if results.total().settled[name]:
            table.add_row(title, *(str(row.settled[name]) for _, row in groups))
    console.print(table)
    console.print(_wear_table(results.total()))
    console.print(_reached_table(results))
    for name, marks in results.missed.items():
        reasons = ", ".join(REACHED[mark] for mark in marks)
        console.print(f"  {name}: never {reasons}", markup=False, style="red", soft_wrap=True)
    for failure in results.failures[:_SHOWN]:
        show_failure(console, failure)
    total = results.total()
    bad = total.bad.total()
    verdict = "[bold red]Not all survived[/]" if bad else "[bold green]All survived[/]"
    console.print(
        f"{verdict}: {total.cuts} power cuts in {total.lifetimes} lifetimes, {seconds:.0f} s."
    )
    if results.missed:
        worlds = counted(len(results.missed), "world")
        console.print(
            f"[bold red]Not all proven[/]: {worlds} never reached what the red lines above name."
        )


def show_broken(console: Console, caught: Mapping[str, tuple[CutResults, CutResults]]) -> None:
    """Print what each broken agent came to, and our own in the same world."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Broken agents", title_justify="left")
    columns = [
        name for name in BAD_COLUMNS if any(one.total().bad[name] for one, _ in caught.values())
    ]
    table.add_column("broken rule", no_wrap=True)
    for title in ("lifetimes", *columns, "ours"):
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    for name, (theirs, ours) in caught.items():
        row = theirs.total()
        bad = [str(row.bad[column]) for column in columns]
        own = must_be_zero(ours.total().bad.total())
        table.add_row(FAULTS[name].words, str(row.lifetimes), *bad, own)
    console.print(table)
    missed = [name for name, (theirs, _) in caught.items() if theirs.clean]
    console.print(f"Not caught: {', '.join(missed)}." if missed else "Each of them is caught.")


def _wear_table(row: CutRow) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, title="Flash wear of a lifetime", title_justify="left"
    )
    for title in ("", "programs\nmean", "\nmost", "erases\nmean", "\nmost", "of a sector\nmost"):
        table.add_column(title, justify="right")
    for label, wear in sorted(row.wear.items()):
        said = wear.as_json()
        programs, erases = said["programs"], said["erases"]
        numbers = (programs["mean"], programs["most"], erases["mean"], erases["most"])
        table.add_row(label, *map(str, numbers), str(said["erases_of_one_sector"]["most"]))
    return table


_LINES: tuple[tuple[str, Callable[[CutRow], str]], ...] = (
    ("lifetimes", lambda row: str(row.lifetimes)),
    ("power cuts", lambda row: str(row.cuts)),
    ("boots", lambda row: str(row.boots)),
    ("requests", lambda row: str(row.requests)),
)


def must_be_zero(count: int) -> str:
    """Return the markup of a count that speaks against the agent unless it is 0."""
    return f"[bold red]{count}[/]" if count else "[green]0[/]"


def _reached_table(results: CutResults) -> Table:
    """Return by world in how many lifetimes it did what only a few worlds do to the flash."""
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title="Worlds and what their lifetimes reached",
        title_justify="left",
    )
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for title in ("lifetimes", *_SHOWN_MARKS.values()):
        table.add_column(title, justify="right")
    others: Counter[str] = Counter()
    silent = 0
    for name, world in sorted(results.worlds.items()):
        others.update(world.reached)
        if any(world.reached[mark] for mark in _SHOWN_MARKS):
            numbers = (world.lifetimes, *(world.reached[mark] for mark in _SHOWN_MARKS))
            table.add_row(name, *map(str, numbers))
        else:
            silent += 1
    table.add_section()
    table.add_row(f"{silent} other worlds", "", *("0" for _ in _SHOWN_MARKS))
    table.caption = "\n".join(
        f"{words}: {others[mark]}" for mark, words in REACHED.items() if mark not in _SHOWN_MARKS
    )
    table.caption_justify = "left"
    return table


def show_failure(console: Console, failure: Mapping[str, Any]) -> None:
    """Print a lifetime that went wrong: its world, its cuts, and what is wrong."""
    spec = failure["spec"]
    cuts = ",".join(f"{number}/{way}" for number, way in failure["plan"]) or "none"
    seed = f"@{spec['seed']}" if "seed" in spec else ""
    reasons = "; ".join(f"{column}: {sentence}" for column, sentence in failure["bad"])
    words = f"  {spec['name']}: cuts {cuts}{seed}: {reasons}"
    console.print(words, markup=False, style="red", soft_wrap=True)
