"""`startline wait`: for a device to say that it is in a state."""

from __future__ import annotations

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.device.port_session import PortSession
from startline_host.flows.observe import STATES, wait_for_state
from startline_host.util import Deadline, printable


@click.command("wait")
@options.port_option
@options.console_baud_option
@click.option("--for", "state", type=click.Choice(STATES), default="bound", show_default=True,
              help="The state to wait for.")  # fmt: skip
@options.expected_serial_option
@click.option("--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True,
              help="Seconds to wait.")  # fmt: skip
@options.json_option
def command(
    port: str | None,
    baud: int,
    state: str,
    serial: str,
    timeout: float,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Wait until a device says that it is in a state (50 if it does not); it is not disturbed."""
    with (
        output.view(as_json=as_json) as view,
        PortSession(options.chosen_port(port), baud) as line,
    ):
        event = wait_for_state(line.port(), state, Deadline(timeout), view, serial=serial)
    serial = str(event.fields.get("serial") or "")
    if as_json:
        token = str(event.fields.get("token") or "")
        output.result(results.DeviceState(state=state, serial=serial, deviceid=token))
    else:
        click.echo(f"{printable(serial) or 'The device'} is {state}.")
