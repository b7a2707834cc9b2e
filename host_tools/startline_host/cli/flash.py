"""`startline flash`: the agent and its firmware onto a device, its identity untouched."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.cli.plan_view import show_preview
from startline_host.device.port_session import PortSession
from startline_host.flows.backup import new_file
from startline_host.flows.load_preview import preview
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.loading import load
from startline_host.flows.restart import restart


@click.command("flash")
@options.port_option
@options.flash_baud_option
@options.board_option
@options.several(options.firmware_options)
@options.allow_bound_option
@options.dry_run_option
@options.json_option
def command(
    port: str | None,
    baud: int | None,
    board: str,
    firmware_version: str | None,
    firmware_file: Path | None,
    accept_firmware: str | None,
    app_folder: Path | None,
    recreate_files: bool,  # noqa: FBT001
    backup_file: Path | None,
    overwrite: bool,  # noqa: FBT001
    allow_bound: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Load firmware and agent, as far as they differ; `provision` or `up` gives an identity."""
    profile = options.chosen_board(board, firmware_version, firmware_file)
    backup = new_file(backup_file)
    options.look_for_port(port, firmware_file, app_folder)
    request = LoadRequest(
        board=profile,
        bundle=options.chosen_bundle(profile, firmware_file, accept_firmware, app_folder),
        allow_bound=allow_bound,
        recreate_files=recreate_files,
        backup=backup,
        may_replace=options.replacing(overwrite=overwrite, ask=not dry_run),
        flash_baud=baud,
    )
    with output.view(as_json=as_json) as view, PortSession(options.chosen_port(port)) as line:
        if dry_run:
            seen = preview(line, request, view)
        else:
            report = load(line, request, view)
            restart(line, view)
    if dry_run:
        show_preview(seen, as_json=as_json)
        return
    if as_json:
        output.result(results.Flashed(**report.as_dict()))
    else:
        output.repeat(report.words())
