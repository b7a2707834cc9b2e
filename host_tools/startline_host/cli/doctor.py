"""`startline doctor`: what could stand in the way, each finding with its remedy."""

from __future__ import annotations

import textwrap
from pathlib import Path

import msgspec
import rich_click as click
from click.core import ParameterSource
from rich.console import Console
from rich.text import Text

from startline_host.boards import load_board
from startline_host.cli import options, output, results
from startline_host.flows.doctor.checks import DoctorContext, run_checks
from startline_host.flows.doctor.finding import DoctorFinding, exit_code
from startline_host.util import counted, printable

_MARKS = {"good": ("ok", "green"), "note": ("note", "yellow"), "bad": ("BAD", "bold red")}


@click.command("doctor")
@options.port_option
@options.console_baud_option
@options.board_option
@options.firmware_version_option
@click.option("--settings", "settings_file", type=options.FILE,
              default="settings.toml", envvar="STARTLINE_SETTINGS", show_default=True,
              help="Settings shared by all units: cloud, network, CA.")  # fmt: skip
@options.read_key_option
@click.option("--seconds", type=click.FloatRange(min=0.1), default=2.0, show_default=True,
              help="How long to listen on the line.")  # fmt: skip
@options.json_option
@click.pass_context
def command(
    context: click.Context,
    port: str | None,
    baud: int,
    board: str,
    firmware_version: str | None,
    settings_file: Path,
    read_key_file: Path | None,
    seconds: float,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Check tools, firmware, port, line, clock, CA and keys, and say what to fix.

    Nothing is written or bound, and no device is disturbed: the cloud is asked for a list, the
    line is listened to. Ends with 0, or with the exit code that `up` would meet first.
    """
    doctor_context = DoctorContext(
        board=load_board(board, firmware_version),
        port=port,
        usb_ids=options.usb_ids().keys(),
        baud=baud,
        settings=settings_file,
        settings_named=context.get_parameter_source("settings_file") != ParameterSource.DEFAULT,
        read_key=options.read_key(read_key_file),
        seconds=seconds,
    )
    terminal = Console(highlight=False)
    findings = []
    for finding in run_checks(doctor_context):
        findings.append(finding)
        if not as_json:
            _show(terminal, finding)
    code = exit_code(findings)
    if as_json:
        told = [msgspec.to_builtins(finding) for finding in findings]
        output.result(results.Examined(findings=told))
    else:
        _sum_up(terminal, findings)
    return code


def _show(terminal: Console, finding: DoctorFinding) -> None:
    word, style = _MARKS[finding.verdict]
    lines = _wrapped(finding.text, terminal.width)
    terminal.print(Text.assemble((f"{word:<6}", style), "\n".join(lines).lstrip()), soft_wrap=True)
    if finding.remedy:
        lines = _wrapped(finding.remedy, terminal.width)
        terminal.print(Text("\n".join(lines), "dim"), soft_wrap=True)


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text into indented lines; what is to be copied, an address or a path, stays whole."""
    indent = " " * 6
    return textwrap.wrap(
        printable(text), width, initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _sum_up(terminal: Console, findings: list[DoctorFinding]) -> None:
    wrong = sum(finding.verdict == "bad" for finding in findings)
    if wrong:
        terminal.print(f"\n{counted(wrong, 'thing')} to fix.", style="bold red")
    else:
        terminal.print("\nNo problems found.", style="bold green")
