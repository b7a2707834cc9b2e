"""`startline status`: what a device is, without disturbing it."""

from __future__ import annotations

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.device.port_session import PortSession
from startline_host.flows.observe import DeviceStatus, ask_for_status, listen_for_status
from startline_host.util import printable


@click.command("status")
@options.port_option
@options.console_baud_option
@click.option("--seconds", type=click.FloatRange(min=0.1), default=3.0, show_default=True,
              help="How long to listen.")  # fmt: skip
@options.expected_serial_option
@click.option("--interrupt", is_flag=True, help="Stop the device, ask it, and restart it.")
@options.hard_option
@options.json_option
def command(
    port: str | None,
    baud: int,
    seconds: float,
    serial: str,
    interrupt: bool,  # noqa: FBT001
    hard: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show a device's state, from what it prints by itself.

    Neither DTR nor RTS is moved and no Ctrl-C is sent, since the reader may be timing. It reports
    its state when it starts, and while it times a race. A quiet one ends with 12, and is
    asked only with --interrupt.
    """
    with PortSession(options.chosen_port(port), baud, hard=hard) as line:
        if interrupt or hard:
            status = ask_for_status(line, serial=serial)
        else:
            status = listen_for_status(line.port(), seconds, serial=serial)
    if as_json:
        output.result(results.Status(**status.as_dict()))
    else:
        _show(status)


def _show(status: DeviceStatus) -> None:
    for name in ("state", "reason", "serial", "token", "mac", "agent", "micropython"):
        value = getattr(status, name)
        if value:
            click.echo(f"{'deviceid' if name == 'token' else name:<12} {printable(value)}")
    if status.next_step:
        output.note(status.next_step)
