"""`startline provision`: an identity and settings onto a device that has its agent."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from startline_host.boards import load_board
from startline_host.cli import options, output, results
from startline_host.cli.plan_view import show_preview
from startline_host.device.port_session import PortSession
from startline_host.flows.firmware_bundle import make_provision
from startline_host.flows.load_preview import preview
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.provision import checked_with_cloud, provision_device
from startline_host.util import printable, upper_first


@click.command("provision")
@options.port_option
@options.flash_baud_option
@options.board_option
@options.settings_option
@options.unit_options
@options.read_key_option
@click.option(
    "--allow-bound",
    is_flag=True,
    help="Write a bound device's identity anew if it is lost or damaged; its record must name it.",
)
@options.dry_run_option
@options.json_option
def command(
    port: str | None,
    baud: int | None,
    board: str,
    settings_file: Path,
    unit: dict[str, str],
    as_written: bool,  # noqa: FBT001
    read_key_file: Path | None,
    allow_bound: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write a unit's identity and settings; the device then restarts and binds itself.

    With a READ key a serial number that the cloud has already is refused. With link = "usb" in the
    settings the device cannot bind by itself: it is then followed, and its connections are carried,
    until it has finished. A device that is bound, or may be, is left as it is (41).
    """
    provision = make_provision(settings_file, unit, as_written=as_written, warn=output.warn)
    request = LoadRequest(
        board=load_board(board), provision=provision, allow_bound=allow_bound, flash_baud=baud
    )
    key = options.read_key(read_key_file)
    with output.view(as_json=as_json) as view, PortSession(options.chosen_port(port)) as line:
        if dry_run:
            seen = preview(line, checked_with_cloud(request, key, view), view)
        else:
            done = provision_device(line, request, read_key=key, listen=view)
    if dry_run:
        show_preview(seen, as_json=as_json)
        return
    if as_json:
        output.result(results.Provisioned(**done.as_dict()))
        return
    output.repeat(done.load.words())
    if done.outcome is None:
        output.note(f"{upper_first(done.next_step)}.")
    if done.outcome is not None:
        click.echo(f"{printable(done.outcome.serial)} is {done.outcome.state}.")
        click.echo(f"deviceid {printable(done.outcome.token)}")
