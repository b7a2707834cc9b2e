"""`startline wait`: for a device to say that it is in a state."""

from __future__ import annotations

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.device.port_session import PortSession
from startline_host.flows.observe import STATES, ask_for_status, is_quiet, wait_for_state
from startline_host.util import Deadline, printable

#: Seconds of silence after which a device counts as quiet: a boot says something more often.
_QUIET = 3.0


@click.command("wait")
@options.port_option
@options.console_baud_option
@click.option("--for", "state", type=click.Choice(STATES), default="bound", show_default=True,
              help="The state to wait for.")  # fmt: skip
@options.expected_serial_option
@click.option("--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True,
              help="Seconds to wait.")  # fmt: skip
@click.option("--interrupt", is_flag=True,
              help="If the device is quiet, stop it, ask it and restart it.")  # fmt: skip
@options.json_option
def command(
    port: str | None,
    baud: int,
    state: str,
    serial: str,
    timeout: float,
    interrupt: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Wait until a device reports a state; ends with 50 if it does not.

    The device is not disturbed, and reports its state only when it starts. One that has done so
    before is asked with --interrupt.
    """
    with (
        output.view(as_json=as_json) as view,
        PortSession(options.chosen_port(port), baud) as line,
    ):
        if interrupt and is_quiet(line.port(), _QUIET, view):
            status = ask_for_status(line, serial=serial)
            if status.state == state:
                _show(state, status.serial, status.token, as_json=as_json)
                return
        event = wait_for_state(line.port(), state, Deadline(timeout), view, serial=serial)
    told = {name: str(event.fields.get(name) or "") for name in ("serial", "token")}
    _show(state, told["serial"], told["token"], as_json=as_json)


def _show(state: str, serial: str, token: str, *, as_json: bool) -> None:
    if as_json:
        output.result(results.DeviceState(state=state, serial=serial, deviceid=token))
    else:
        click.echo(f"{printable(serial) or 'The device'} is {state}.")
