"""`startline retry`: have a device try again what is undone."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.device.port_session import PortSession
from startline_host.flows.operator.retry import retry
from startline_host.util import printable


@click.command("retry")
@options.port_option
@options.several(options.place_options)
@click.option("--timeout", type=click.FloatRange(min=1), help="Seconds for the try.")
@options.hard_option
@options.json_option
def command(
    port: str | None,
    settings_file: Path | None,
    base_url: str | None,
    ca_file: Path | None,
    timeout: float | None,
    hard: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Stop a device and have it try again, even after a refusal or an inconclusive look.

    It ends as `up` does. A request whose outcome is unknown is never sent again: the device looks.
    The cloud has to be named only for a device that reaches it over this very cable.
    """
    cloud_target = partial(options.chosen_cloud, settings_file, base_url, ca_file)
    if settings_file or base_url or ca_file:
        cloud_target()  # what was named and cannot be used is said before a device is stopped
    with (
        output.view(as_json=as_json) as view,
        PortSession(options.chosen_port(port), hard=hard) as line,
    ):
        outcome = retry(line, cloud_target, listen=view, limit=timeout)
    failure = outcome.error()
    if failure is not None:
        raise failure
    if as_json:
        output.result(
            results.DeviceState(state=outcome.state, serial=outcome.serial, deviceid=outcome.token)
        )
        return
    click.echo(f"{printable(outcome.serial)} is {outcome.state}.")
    click.echo(f"deviceid {printable(outcome.token)}")
