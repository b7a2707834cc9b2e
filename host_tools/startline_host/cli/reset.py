"""`startline reset`: have a device forget a record that is not its own, or that nobody needs."""

from __future__ import annotations

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.device.port_session import PortSession
from startline_host.flows.operator.reset import reset
from startline_host.util import printable


@click.command("reset")
@options.port_option
@options.confirm_option
@click.option("--force-bound", metavar="SERIAL",
              help="Also where the device is bound, or may be: its deviceid is LOST.")  # fmt: skip
@options.hard_option
@options.json_option
def command(
    port: str | None,
    confirm: str | None,
    force_bound: str | None,
    hard: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Clear a device's record: one of another device, a damaged one, or a bench's.

    The device is stopped for it. A record that is its own and bound, or may be, is left (41).
    Nothing is changed at the cloud.
    """
    with (
        output.view(as_json=as_json) as view,
        PortSession(options.chosen_port(port), hard=hard) as line,
    ):
        done = reset(line, options.asker(confirm), force_bound=force_bound, listen=view)
    if as_json:
        output.result(results.Reset(**done.as_dict()))
    elif done.was:
        click.echo(f"{printable(done.serial)} has no record now.")
