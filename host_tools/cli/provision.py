"""`startline provision`: an identity and settings onto a device that has its agent."""

from __future__ import annotations

import json
from pathlib import Path

import rich_click as click

from host_tools.bench.kit import make_provision
from host_tools.bench.loading import load
from host_tools.bench.order import Order
from host_tools.bench.restart import restart
from host_tools.boards import load_board
from host_tools.cli import options
from host_tools.device.line import Line


@click.command("provision")
@options.port_option
@options.flash_baud_option
@options.board_option
@options.several(options.unit_options)
@options.json_option
def command(
    port: str | None,
    baud: int | None,
    board: str,
    settings_file: Path,
    serial: str | None,
    model: str | None,
    kind: str | None,
    alias: str | None,
    mac: str | None,
    made_at: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write a unit's identity and settings; the device then restarts and binds itself."""
    unit = {"serial": serial, "model": model, "type": kind, "alias": alias, "mac": mac,
            "made_at": made_at}  # fmt: skip
    provision = make_provision(
        settings_file, {key: text or "" for key, text in unit.items()}, warn=options.warn
    )
    order = Order(board=load_board(board), provision=provision, flash_baud=baud)
    with options.view(as_json=as_json) as view, Line(options.chosen_port(port)) as line:
        report = load(line, order, view)
        restart(line, view)
    if as_json:
        click.echo(json.dumps({"kind": "result", **report.as_dict()}))
    else:
        click.echo(report.words())
