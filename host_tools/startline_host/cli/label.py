"""`startline label`: labels for units that have passed, and labels read back."""

from __future__ import annotations

import io
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.cli.ledger import chosen_units, ledger_option
from startline_host.errors import BadInput, StartlineError
from startline_host.factory.entries import StationSlot
from startline_host.factory.label import Label, check_scan, make_label
from startline_host.factory.label_layout import LabelSize
from startline_host.factory.label_svg import file_name, label_svg
from startline_host.factory.ledger import Ledger
from startline_host.util import counted, printable, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@click.command("label")
@click.argument("units", nargs=-1)
@ledger_option
@click.option("--batch", help="All units of this batch that have passed.")
@click.option("--format", "form", type=click.Choice(["svg", "png", "pdf"]), default="svg",
              show_default=True, help="A file a label, a file a page, or one file.")  # fmt: skip
@click.option(
    "--out", type=options.FILE, default="labels", show_default=True, help="Folder for them."
)
@click.option("--size", default="50x25", show_default=True, help="Of a label, in millimetres.")
@click.option("--page", type=click.Choice(["a4", "letter"]), default="a4", show_default=True,
              help="Paper of a sheet.")  # fmt: skip
@click.option("--cut-lines/--no-cut-lines", default=True, help="Hairlines between the labels.")
@click.option(
    "--font", type=options.FILE, help="Font file of a sheet, for scripts that are missing."
)
@click.option("--scan", is_flag=True, help="Check labels that a scanner types, one a line.")
@options.json_option
def command(
    units: tuple[str, ...],
    where: str,
    batch: str | None,
    form: str,
    out: Path,
    size: str,
    page: str,
    cut_lines: bool,  # noqa: FBT001
    font: Path | None,
    scan: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Make labels with a QR code for UNITS, by serial number or MAC, or for a whole batch.

    Only units that have passed get one. With --scan, a label is read back and compared with the
    ledger.
    """
    if not scan and not units and batch is None:
        raise click.UsageError("Name units, or a batch with --batch; or --scan labels.")
    with Ledger.open(where, create=False) as ledger:
        if scan:
            if as_json:
                output.result(results.Labels(labels=0, files=[]))
            _scan(ledger, as_json=as_json)
            return
        chosen = chosen_units(ledger, units, batch)
        labels = [make_label(unit) for unit in chosen]
        if not labels:
            raise BadInput("No unit of the batch has passed yet, so there is no label to make.")
        names = []
        for name, data in _files(labels, form, _size(size), page, font, cut_lines=cut_lines):
            write_whole(out / name, data)
            names.append(str(out / name))
        ledger.note_all(StationSlot(socket.gethostname()), "label", chosen)
    _show(names, len(labels), as_json=as_json)


def _files(
    labels: Sequence[Label],
    form: str,
    size: LabelSize,
    page: str,
    font: Path | None,
    *,
    cut_lines: bool,
) -> Iterator[tuple[str, bytes]]:
    if form == "svg":
        for label in labels:
            yield f"{file_name(label.serial)}.svg", label_svg(label, size).encode()
        return
    # Drawing takes a while to load: only what needs it waits for it.
    from startline_host.factory.label_pdf import write_pdf
    from startline_host.factory.label_sheet import LabelSheet, png_pages

    sheet = LabelSheet(page=page, size=size, font=font, cut_lines=cut_lines)
    if form == "pdf":
        paper = io.BytesIO()
        write_pdf(labels, sheet, paper)
        yield "labels.pdf", paper.getvalue()
        return
    for number, data in enumerate(png_pages(labels, sheet), 1):
        yield f"labels-{number}.png", data


def _size(text: str) -> LabelSize:
    width, _, height = text.lower().partition("x")
    try:
        return LabelSize(float(width), float(height))
    except ValueError:
        raise click.UsageError(f"--size {text!r} is not WIDTHxHEIGHT, such as 50x25.") from None


def _scan(ledger: Ledger, *, as_json: bool) -> None:
    """Check each line that comes; the last error is the command's."""
    failure: StartlineError | None = None
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            unit = check_scan(ledger, line)
        except StartlineError as error:
            failure = error
            _tell({"ok": False, "error": error.message}, f"NO   {error.message}", as_json=as_json)
            continue
        told = {"ok": True, "serial": unit.serial, "mac": unit.mac}
        _tell(told, f"ok   {unit.serial}  {unit.mac}", as_json=as_json)
    if failure is not None:
        raise failure


def _tell(told: dict[str, object], words: str, *, as_json: bool) -> None:
    if as_json:
        output.event("label", "scan", **told)
    else:
        click.echo(printable(words))


def _show(files: Sequence[str], count: int, *, as_json: bool) -> None:
    if as_json:
        output.result(results.Labels(labels=count, files=list(files)))
        return
    for name in files:
        click.echo(name)
    output.note(f"{counted(count, 'label')}.")
