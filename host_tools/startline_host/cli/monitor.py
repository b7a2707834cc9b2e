"""`startline monitor`: what a device prints, told apart into events and text."""

from __future__ import annotations

import contextlib
from pathlib import Path

import rich_click as click
from rich.console import Console as Terminal

from startline_host.cli import options, output, results
from startline_host.device.console import ConsoleLine, ConsoleParser, Event
from startline_host.device.port_session import PortSession
from startline_host.flows.notice_view import ConsoleNoticeView, JsonNoticeView
from startline_host.flows.restart import restart
from startline_host.flows.settings_file import load_cloud_target
from startline_host.flows.usb_link import linked
from startline_host.util import Deadline

_FOR_EVER = 10 * 365 * 86400.0


@click.command("monitor")
@options.port_option
@options.console_baud_option
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop after this many seconds.")
@click.option("--settings", "settings_file", type=options.FILE,
              help="Carry the connections of a device with link = \"usb\" to this file's cloud.")  # fmt: skip
@click.option("--reset", is_flag=True, help="Restart the device first, to see it from its start.")
@options.json_option
def command(
    port: str | None,
    baud: int,
    seconds: float | None,
    settings_file: Path | None,
    reset: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show what a device prints until Ctrl-C; it is not disturbed.

    Control characters are shown, never sent to the terminal.
    """
    show = JsonNoticeView(click.echo) if as_json else ConsoleNoticeView(Terminal(highlight=False))
    base_url = load_cloud_target(settings_file, warn=output.warn)[0] if settings_file else ""
    heard_events = heard_lines = 0
    with (
        PortSession(options.chosen_port(port), baud) as line,
        contextlib.suppress(KeyboardInterrupt),
    ):
        if reset:
            restart(line)
        with linked(line.port(), base_url) as heard:
            for item in ConsoleParser().follow(heard, Deadline(seconds or _FOR_EVER)):
                show(item)
                heard_events += isinstance(item, Event)
                heard_lines += isinstance(item, ConsoleLine)
    if as_json:
        output.result(results.Monitored(events=heard_events, lines=heard_lines))
