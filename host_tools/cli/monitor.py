"""`startline monitor`: what a device prints, told apart into events and text."""

from __future__ import annotations

import contextlib

import rich_click as click
from rich.console import Console as Terminal

from host_tools.bench.restart import restart
from host_tools.bench.view import ConsoleView, JsonView
from host_tools.cli import options
from host_tools.device.console import Console
from host_tools.device.deadline import Deadline
from host_tools.device.line import Line

_FOR_EVER = 10 * 365 * 86400.0


@click.command("monitor")
@options.port_option
@options.console_baud_option
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop after so long.")
@click.option("--reset", is_flag=True, help="Restart the device first, to see it from its start.")
@options.json_option
def command(
    port: str | None,
    baud: int,
    seconds: float | None,
    reset: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show what a device prints until Ctrl-C; it is not disturbed.

    Control characters are shown, never sent to the terminal.
    """
    show = JsonView(click.echo) if as_json else ConsoleView(Terminal(highlight=False))
    with Line(options.chosen_port(port), baud) as line, contextlib.suppress(KeyboardInterrupt):
        if reset:
            restart(line)
        for item in Console().follow(line.port(), Deadline(seconds or _FOR_EVER)):
            show(item)
