"""`startline inspect`: what a device, or a dump of one, is and holds."""

from __future__ import annotations

from pathlib import Path

import rich_click as click
from rich.console import Console

from startline_host.cli import options, output, results
from startline_host.device.port_session import PortSession
from startline_host.flows.inspect_device import inspect_device, inspect_dump
from startline_host.flows.inspect_view import next_step, show_inspection


@click.command("inspect")
@options.port_option
@options.flash_baud_option
@click.option("--dump", "dump_file", type=options.FILE,
              help="Inspect this file, a whole flash, in place of a device.")  # fmt: skip
@click.option("--quick", is_flag=True,
              help="Leave the file system out where the flash has to be read.")  # fmt: skip
@options.json_option
def command(
    port: str | None,
    baud: int | None,
    dump_file: Path | None,
    quick: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show what a device holds: table, versions, identity, record, and what is missing.

    The device is interrupted, asked at its prompt or read through its boot loader, and restarted;
    nothing is written. Keys and passwords are masked.
    """
    if dump_file is not None:
        options.check_dump_alone()
        seen = inspect_dump(dump_file)
    else:
        with output.view(as_json=as_json) as view, PortSession(options.chosen_port(port)) as line:
            seen = inspect_device(line, flash_baud=baud, quick=quick, listen=view)
    if as_json:
        output.result(results.Inspected(**seen.as_dict(), next=next_step(seen.found)))
    else:
        show_inspection(Console(highlight=False), seen)
