"""`startline ledger`: what became of every unit."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
import rich_click as click
from click.core import ParameterSource
from rich.cells import cell_len
from startline import __version__

from startline_host.cli import options, output, results
from startline_host.cli.written_files import WRITTEN
from startline_host.clouds.cloud_registry import kind_of
from startline_host.errors import BadInput, CloudDisagrees
from startline_host.factory.batch_report import batch_report_page
from startline_host.factory.entries import (
    HistoryEntry,
    LedgerUnit,
    StationSlot,
    iso,
    said_counts,
    short_token,
)
from startline_host.factory.export import record_rows, to_csv, to_json, unit_rows
from startline_host.factory.ledger import Ledger, check_release
from startline_host.factory.schema import STATES
from startline_host.factory.statistics import make_statistics
from startline_host.factory.verify import compare_with_cloud, record_verdict
from startline_host.flows.operator.confirmation import Confirmation
from startline_host.flows.operator.confirmation import confirm as confirm_question
from startline_host.util import counted, printable, write_whole

Command = TypeVar("Command", bound=Callable[..., Any])
_SHOWN = ("serial", "state", "step", "mac", "deviceid", "station", "slot", "reason")


def _checked(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """Take the ledger's name; a password on the command line is in everybody's process list."""
    given = context.get_parameter_source(str(parameter.name)) == ParameterSource.COMMANDLINE
    words, at, _ = (value or "").partition("://")[2].partition("@")
    if given and at and ":" in words:
        raise click.UsageError(
            "No passwords on the command line: put it into ~/.pgpass or PGPASSWORD, or the whole "
            "URL into STARTLINE_LEDGER."
        )
    return value or str(platformdirs.user_data_path("startline", ensure_exists=True) / "ledger.db")


def ledger_option(command: Command) -> Command:
    """Add the option that names the ledger."""
    decorate = click.option(
        "--ledger", "where", envvar="STARTLINE_LEDGER", metavar="FILE|URL", callback=_checked,
        help="A file, or postgresql://host/name; by default one of this user's.",
    )  # fmt: skip
    return decorate(command)


batch_option = click.option("--batch", help="Of this batch only.")


@click.group("ledger")
def command() -> None:
    """Show the ledger of the units that were made, and compare it with the cloud."""


@command.command("list")
@ledger_option
@batch_option
@click.option("--state", "states", multiple=True, type=click.Choice(STATES),
              help="Of this state only; can be repeated.")  # fmt: skip
@options.json_option
def list_(where: str, batch: str | None, states: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001
    """List units with their state, chip and deviceid."""
    with Ledger.open(where, create=False) as ledger:
        units = ledger.entries(_known(ledger, batch), states)
        counts = ledger.counts(batch)
    if as_json:
        output.result(results.LedgerList(counts=counts, units=unit_rows(units)))
        return
    rows = [{**row, "deviceid": short_token(row["deviceid"])} for row in unit_rows(units)]
    for line in _aligned([[printable(str(row[name])) for name in _SHOWN] for row in rows]):
        click.echo(line)
    shown = {state: count for state, count in counts.items() if not states or state in states}
    click.echo(said_counts(shown), err=True)
    warn_of_old(units)


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    """Yield a table's lines, its head first; an empty cell is a dash, so that none is missed."""
    table = [list(_SHOWN), *([cell or "-" for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def warn_of_old(units: Sequence[LedgerUnit]) -> None:
    """Say which units an older startline took, and what becomes of them."""
    old = [one for one in units if one.problem]
    if not old:
        return
    output.warn(
        f"{counted(len(old), 'unit')} would be refused today, the first of them "
        f"{old[0].serial!r}: {old[0].problem} Chips keep what they have; free ones are given to no "
        "chip. A new list may have these serial numbers in their right form."
    )


@command.command()
@click.argument("unit")
@ledger_option
@options.json_option
def show(unit: str, where: str, as_json: bool) -> None:  # noqa: FBT001
    """Show all that is known of a unit, by its serial number or MAC."""
    with Ledger.open(where, create=False) as ledger:
        found = ledger.find(unit)
    row = unit_rows([found])[0]
    if as_json:
        output.result(results.LedgerUnitShown(unit=row))
        return
    for name, value in row.items():
        if value != "":
            click.echo(f"{name:<12} {printable(str(value))}")
    warn_of_old([found])


@command.command()
@click.argument("unit")
@ledger_option
@options.json_option
def history(unit: str, where: str, as_json: bool) -> None:  # noqa: FBT001
    """Show what happened to a unit, by its serial number or MAC."""
    with Ledger.open(where, create=False) as ledger:
        records = ledger.history(ledger.find(unit))
    if as_json:
        output.result(results.LedgerHistory(history=record_rows(records)))
        return
    for one in records:
        took = f"{one.seconds:.1f} s" if one.seconds is not None else ""
        words = "  ".join(filter(None, [*_once(one.kind, one.step), took, _said(one)]))
        click.echo(f"{iso(one.at_ms)}  {one.station}/{one.slot}  {printable(words)}")


def _once(*words: str) -> list[str]:
    return list(dict.fromkeys(words))


def _said(one: HistoryEntry) -> str:
    """Return why and how something happened; a reason that the words begin with is not said twice."""
    reason = one.reason.replace("_", " ")
    if one.words.casefold().startswith(reason.casefold()):
        return one.words
    return ": ".join(filter(None, [reason, one.words]))


@command.command()
@ledger_option
@batch_option
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv",
              show_default=True, help="JSON is exact; CSV is safe to open in a spreadsheet.")  # fmt: skip
@click.option("--history", "with_history", is_flag=True, help="All events in place of the units.")
@click.option("--out", type=WRITTEN, help="A file, by default the standard output.")
@options.json_option
def export(
    where: str,
    batch: str | None,
    form: str,
    with_history: bool,  # noqa: FBT001
    out: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write all units, or all history, as CSV or JSON."""
    with Ledger.open(where, create=False) as ledger:
        batch = _known(ledger, batch)
        if with_history:
            rows = record_rows(ledger.records(batch))
        else:
            rows = unit_rows(ledger.entries(batch))
    text = to_json(rows) if form == "json" else to_csv(rows)
    if out is not None:
        # The mark tells spreadsheets that a CSV is UTF-8.
        write_whole(out, text.encode("utf-8-sig" if form == "csv" else "utf-8"))
        output.note(f"{out}: {counted(len(rows), 'row')}")
    elif not as_json:
        click.echo(text.encode(), nl=False)
    if as_json:
        output.result(
            results.LedgerExport(file=str(out or ""), count=len(rows), rows=[] if out else rows)
        )


@command.command("report")
@ledger_option
@batch_option
@click.option("--out", type=WRITTEN, default="startline-report.html", show_default=True,
              help="The HTML file.")  # fmt: skip
@options.json_option
def report_(where: str, batch: str | None, out: Path, as_json: bool) -> None:  # noqa: FBT001
    """Write a report as one HTML page: yield, failures, times, stations, open questions."""
    with Ledger.open(where, create=False) as ledger:
        units = ledger.entries(_known(ledger, batch))
        told = make_statistics(units, ledger.records(batch))
    title = f"Batch {batch}" if batch else "All batches"
    page = batch_report_page(title, told, units, made=f"made by startline {__version__}")
    write_whole(out, page)
    if as_json:
        output.result(
            results.LedgerReport(
                file=str(out),
                counts=dict(told.counts),
                passed_share=told.yield_,
                first_time_share=told.first_time_share,
            )
        )
    else:
        click.echo(str(out))


@command.command()
@ledger_option
@batch_option
@options.several(options.place_options)
@options.read_key_option
@options.json_option
def verify(
    where: str,
    batch: str | None,
    settings_file: Path | None,
    base_url: str | None,
    ca_file: Path | None,
    read_key_file: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Compare the cloud's list with the ledger: missing, duplicate and unknown devices.

    Needs a READ key. Ends with 32 where the two differ; devices that are not in the ledger are no
    difference. Units that left unbound and have bound since are recorded in the ledger. Where batches belong to
    different clouds or companies, name one with --batch.
    """
    key = options.read_key(read_key_file)
    place = options.chosen_cloud(settings_file, base_url, ca_file)
    list_devices = kind_of(place.cloud).list_devices if place is not None else None
    if place is not None and list_devices is None:
        raise BadInput(
            f"A cloud of kind {place.cloud} has no list to hold the ledger against.",
            "Each of its units was checked by itself when it was made: startline ledger history.",
        )
    if key is None or place is None or list_devices is None:
        raise BadInput(
            "The cloud's list can only be read with a READ key, at a cloud that is named.",
            f"Put the key into {options.READ_KEY_VARIABLE}, and name --settings or --base-url.",
        )
    with Ledger.open(where, create=False, hide=[key]) as ledger:
        units = ledger.entries(_known(ledger, batch))
        listed = list_devices(place.base_url, place.ca, key, whole=True)
        verdict = compare_with_cloud(units, listed, ledger.entries())
        record_verdict(ledger, verdict, StationSlot(socket.gethostname()), batch or "")
    if as_json:
        found = [
            {"kind": one.kind, "serial": one.serial, "deviceid": one.token}
            for one in verdict.findings
        ]
        output.result(
            results.LedgerVerified(
                agrees=verdict.agrees,
                listed=verdict.listed,
                alike=verdict.alike,
                findings=found,
            )
        )
    else:
        for one in verdict.findings:
            click.echo(f"{one.kind:<9} {printable(one.words)}")
        click.echo(f"The cloud lists {counted(verdict.listed, 'device')}: {verdict.words}.")
    if not verdict.agrees:
        raise CloudDisagrees(
            "The cloud's list and the ledger tell different stories.",
            "Take the units named above off the shelf, and settle each with startline reconcile.",
        )


@command.command()
@click.argument("unit")
@ledger_option
@options.confirm_option
@options.json_option
def release(unit: str, where: str, confirm: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Give the serial number of a failed unit back, whose board was destroyed.

    Only where no request can have been sent. The line itself gives numbers back when it could
    erase the board.
    """
    with Ledger.open(where, create=False) as ledger:
        found = ledger.find(unit)
        check_release(found)
        question = Confirmation(
            f"The board {found.mac} may still carry {printable(found.serial)}, and would bind "
            "itself with it. Go on only if it is destroyed, or its flash was erased.",
            found.serial,
            "--confirm",
        )
        confirm_question(options.asker(confirm), question)
        freed = ledger.release(found, StationSlot(socket.gethostname()))
    if as_json:
        output.result(results.LedgerUnitShown(unit=unit_rows([freed])[0]))
    else:
        click.echo(f"{printable(freed.serial)} is free.")


def chosen_units(ledger: Ledger, names: tuple[str, ...], batch: str | None) -> list[LedgerUnit]:
    """Return the units that were named, or all of a batch that have passed."""
    if names:
        return [ledger.find(name) for name in names]
    return [unit for unit in ledger.entries(_known(ledger, batch)) if unit.passed]


def _known(ledger: Ledger, batch: str | None) -> str | None:
    known = ledger.batches()
    if batch is not None and batch not in known:
        raise BadInput(
            f"There is no batch {batch!r} in the ledger {ledger.name}.",
            f"There are: {', '.join(known) or 'none yet'}.",
        )
    return batch
