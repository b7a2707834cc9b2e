"""Shows a line as it works, how it ended, and with --dry-run what it would do."""

from __future__ import annotations

import contextlib
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import rich_click as click
from rich.console import Console

from startline_host.cli import output
from startline_host.cli.line_results import LineEnded, LinePlanned
from startline_host.cli.plan_view import show_steps
from startline_host.errors import CloudDisagrees, StartlineError
from startline_host.factory.entries import said_counts
from startline_host.factory.job import LinePlan
from startline_host.factory.ledger import Ledger
from startline_host.factory.line_preview import BoardPreview, LinePreview
from startline_host.factory.line_views import JsonView, LiveView, PlainView, totals_line
from startline_host.factory.slots import Slot
from startline_host.factory.totals import RunTotals
from startline_host.factory.verify import VerifyResult
from startline_host.util import counted, printable

#: How many findings of a comparison are shown.
_SHOWN = 20
_WOULD = {
    "load": "would be loaded",
    "verify": "would be verified with the cloud only",
    "leave": "would be left as it is",
    "fail": "would fail",
}


def line_view(slots: Sequence[Slot], *, as_json: bool) -> LiveView | PlainView:
    """Return what shows a line at work: a table, lines in a log, or objects for a program."""
    console = Console(stderr=True, highlight=False)
    if as_json:
        return JsonView(click.echo)
    if console.is_terminal:
        return LiveView(console, [slot.name for slot in slots])
    return PlainView(lambda text: click.echo(text, err=True))


def show_end(
    totals: RunTotals, ledger: Ledger, batch: str, verdict: VerifyResult | None, *, as_json: bool
) -> None:
    """Show how a run ended, and what the cloud says to it."""
    counts: dict[str, int] = {}
    with contextlib.suppress(StartlineError):
        counts = ledger.counts(batch)
        totals.see(counts)
    if as_json:
        output.result(
            LineEnded(
                seconds=round(totals.seconds, 1),
                ends=dict(totals.ends),
                reasons=dict(totals.reasons),
                batch=counts,
                agrees=verdict.agrees if verdict else None,
            )
        )
        return
    click.echo(totals_line(totals, ended=True))
    for reason, count in sorted(totals.reasons.items()):
        click.echo(f"  {count} failed: {reason}")
    click.echo(f"The batch: {said_counts(counts)}")
    if verdict is not None:
        click.echo(f"The cloud lists {counted(verdict.listed, 'device')}: {verdict.words}.")
        for one in verdict.findings[:_SHOWN]:
            click.echo(f"  {one.kind}: {printable(one.words)}")
        if len(verdict.findings) > _SHOWN:
            click.echo(f"  and {len(verdict.findings) - _SHOWN} more.")


def raise_for(totals: RunTotals, verdict: VerifyResult | None, where: str) -> None:
    """Raise what most of the failed boards failed with, or that the cloud disagrees."""
    if totals.exit_codes:
        raise most_frequent(totals.exit_codes)(
            f"{counted(totals.failed, 'board')} failed: {said_reasons(totals.reasons)}.",
            f"See each: startline ledger list --state failed --ledger {shlex.quote(where)}. Boards "
            "that never had a serial number are in startline ledger report alone.",
        )
    if verdict is not None and not verdict.agrees:
        raise CloudDisagrees("The cloud's list and the ledger tell different stories.")


def show_preview(seen: LinePreview, plan: LinePlan, *, as_json: bool) -> None:
    """Show what a line would do. Raises what most of its boards would fail with."""
    if as_json:
        output.result(
            LinePlanned(
                batch=seen.counts,
                board=plan.board.full_name,
                micropython=plan.bundle.firmware.version,
                next_serial=seen.next_serial,
                steps=[msgspec.to_builtins(step) for step in seen.blank],
                slots=[one.as_dict() for one in seen.boards],
            )
        )
    else:
        _show_text(seen, plan)
    failed = [one.failure for one in seen.boards if one.failure is not None]
    if failed:
        reasons = Counter(one.summary for one in failed)
        codes = Counter(one.exit_code for one in failed)
        raise most_frequent(codes)(
            f"{counted(len(failed), 'board')} would fail: {said_reasons(reasons)}."
        )


def _show_text(seen: LinePreview, plan: LinePlan) -> None:
    click.echo(f"The batch: {said_counts(seen.counts)}")
    for one in seen.boards:
        click.echo(_said(one))
        if one.would == "load":
            show_steps(one.steps)
    if not seen.boards and seen.next_serial:
        kind = f"{plan.board.full_name} with MicroPython {plan.bundle.firmware.version}"
        click.echo(f"No board is there. A blank {kind} would become {seen.next_serial}:")
        show_steps(seen.blank)
    click.echo("Nothing was written, and no serial number was given away.")


def _said(one: BoardPreview) -> str:
    who = ", ".join(part for part in (one.serial, one.mac and f"chip {one.mac}") if part)
    why = f": {one.words}" if one.words else ""
    text = f"{who or 'a board'} {_WOULD[one.would]}{why}"
    return f"slot {printable(one.slot)}: {printable(text)}"


def most_frequent(codes: Mapping[int, int]) -> type[StartlineError]:
    """Return the class of the exit code that is there most often."""
    code = max(codes, key=lambda one: codes[one])
    return {kind.exit_code: kind for kind in StartlineError.__subclasses__()}[code]


def said_reasons(reasons: Mapping[str, int]) -> str:
    """Say how often there was which reason."""
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
