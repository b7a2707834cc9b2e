"""`startline up`: flash, provision, watch and verify one device."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.cli.plan_view import show_preview
from startline_host.device.port_session import PortSession
from startline_host.flows.backup import new_file
from startline_host.flows.firmware_bundle import make_provision
from startline_host.flows.load_preview import preview
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.provision import checked_with_cloud
from startline_host.flows.up import UpResult, up


@click.command("up")
@options.port_option
@options.flash_baud_option
@options.board_option
@options.settings_option
@options.unit_options
@options.several(options.firmware_options)
@options.allow_bound_option
@options.read_key_option
@click.option("--timeout", type=click.FloatRange(min=1), help="Seconds for the first boot.")
@options.dry_run_option
@options.json_option
def command(
    port: str | None,
    baud: int | None,
    board: str,
    settings_file: Path,
    unit: dict[str, str],
    as_written: bool,  # noqa: FBT001
    firmware_version: str | None,
    firmware_file: Path | None,
    accept_firmware: str | None,
    app_folder: Path | None,
    recreate_files: bool,  # noqa: FBT001
    backup_file: Path | None,
    overwrite: bool,  # noqa: FBT001
    allow_bound: bool,  # noqa: FBT001
    read_key_file: Path | None,
    timeout: float | None,
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Take a device from any state to bound and verified.

    Everything given is checked first, then the device is asked, and only what differs is written.
    A device that is bound, or may be, is left as it is (41). With link = "usb" in the settings it
    reaches its cloud through this cable and this computer, and nothing else.
    """
    profile = options.chosen_board(board, firmware_version, firmware_file)
    provision = make_provision(settings_file, unit, as_written=as_written, warn=output.warn)
    key, backup = options.read_key(read_key_file), new_file(backup_file)
    options.look_for_port(port, firmware_file, app_folder)
    request = LoadRequest(
        board=profile,
        bundle=options.chosen_bundle(profile, firmware_file, accept_firmware, app_folder),
        provision=provision,
        allow_bound=allow_bound,
        recreate_files=recreate_files,
        backup=backup,
        may_replace=options.replacing(overwrite=overwrite, ask=not dry_run),
        flash_baud=baud,
    )
    url = options.chosen_port(port)
    with output.view(as_json=as_json) as view:
        if dry_run:
            with PortSession(url) as line:
                seen = preview(line, checked_with_cloud(request, key, view), view)
        else:
            result = up(url, request, read_key=key, limit=timeout, listen=view)
    if dry_run:
        show_preview(seen, as_json=as_json)
        return
    _show(result, as_json=as_json)


def _show(result: UpResult, *, as_json: bool) -> None:
    if as_json:
        output.result(results.Upped(**result.as_dict()))
        return
    click.echo(f"{result.serial} is {result.state}.")
    click.echo(f"deviceid {result.token}")
