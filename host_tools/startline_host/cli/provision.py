"""`startline provision`: an identity and settings onto a device that has its agent."""

from __future__ import annotations

import json
from pathlib import Path

import rich_click as click

from startline_host.boards import load_board
from startline_host.cli import options
from startline_host.device.port_session import Line
from startline_host.flows.firmware_bundle import make_provision
from startline_host.flows.first_boot import Outcome, run_first_boot
from startline_host.flows.load_request import Order
from startline_host.flows.loading import load
from startline_host.flows.restart import restart
from startline_host.flows.usb_link import over_usb


@click.command("provision")
@options.port_option
@options.flash_baud_option
@options.board_option
@options.settings_option
@options.unit_options
@options.json_option
def command(
    port: str | None,
    baud: int | None,
    board: str,
    settings_file: Path,
    unit: dict[str, str],
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write a unit's identity and settings; the device then restarts and binds itself.

    With link = "usb" in the settings it cannot do so by itself: it is then followed, and its
    connections are carried, until it has come to rest.
    """
    provision = make_provision(settings_file, unit, warn=options.warn)
    order = Order(board=load_board(board), provision=provision, flash_baud=baud)
    outcome: Outcome | None = None
    with options.view(as_json=as_json) as view, Line(options.chosen_port(port)) as line:
        report = load(line, order, view)
        if over_usb(provision.settings):
            outcome = run_first_boot(line, provision.settings, listen=view)
        else:
            restart(line, view)
    failure = outcome.error() if outcome is not None else None
    if failure is not None:
        raise failure
    told = {"state": outcome.state, "deviceid": outcome.token} if outcome is not None else {}
    if as_json:
        click.echo(json.dumps({"kind": "result", **report.as_dict(), **told}))
        return
    click.echo(report.words())
    if outcome is not None:
        click.echo(f"{outcome.serial} is {outcome.state}.")
        click.echo(f"deviceid {outcome.token}")
