"""Shows what a load would do: a table, or with --json a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from startline_host.cli import output, results

if TYPE_CHECKING:
    from collections.abc import Iterable

    from startline_host.flows.load_preview import LoadPreview, PlannedStep


def show_preview(seen: LoadPreview, *, as_json: bool) -> None:
    """Show a plan. Raises its refusal, so that the verb ends with the load's own exit code."""
    if as_json:
        output.result(results.LoadPlanned(**seen.as_dict()))
    else:
        show_steps(seen.steps())
        click.echo("Nothing was written.")
    if seen.plan.refusal is not None:
        raise seen.plan.refusal


def show_steps(steps: Iterable[PlannedStep]) -> None:
    """Show what would be done, a row each."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="", pad_edge=False)
    for heading in ("action", "what", "bytes", "why"):
        table.add_column(heading, justify="right" if heading == "bytes" else "left")
    for step in steps:
        size = f"{step.size:,}" if step.size else ""
        table.add_row(step.action, escape(step.what), size, escape(step.why))
    Console(highlight=False).print(table)
