"""`startline panel`: a page that shows one reader, for people who would rather look than type."""

from __future__ import annotations

import signal
import time
from functools import partial
from pathlib import Path

import rich_click as click

from startline_host.boards import load_board
from startline_host.cli import options, output, results
from startline_host.device.port import check_url
from startline_host.flows.doctor.checks import DoctorContext
from startline_host.local_web.stop_signal import stop_on_signals, until_stopped
from startline_host.panel import PanelOptions, PanelServer

#: Seconds that the checks listen to the line.
_LISTEN = 2.0


@click.command("panel")
@options.port_option
@options.console_baud_option
@click.option("--http-port", type=click.IntRange(0, 65535), default=8481, show_default=True,
              help="Port of the page on this computer; 0 takes a free one.")  # fmt: skip
@click.option("--control", is_flag=True,
              help="Let the page change the reader: set, retry, reconcile.")  # fmt: skip
@options.several(options.place_options)
@options.read_key_option
@options.board_option
@options.json_option
def command(
    port: str | None,
    baud: int,
    http_port: int,
    control: bool,  # noqa: FBT001
    settings_file: Path | None,
    base_url: str | None,
    ca_file: Path | None,
    read_key_file: Path | None,
    board: str,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show one reader on a page of this computer until Ctrl-C, as it is from moment to moment.

    The page listens and disturbs nothing. What stops the reader's program (status, inspect, the
    journal of its race) says so, and is done only when it is asked for. Nothing can be changed
    without --control. A cloud that is named here is also where the connections of a reader with
    link = "usb" are carried to.
    """
    find_cloud = partial(options.chosen_cloud, settings_file, base_url, ca_file)
    named = find_cloud() if settings_file or base_url or ca_file else None
    read_key = options.read_key(read_key_file)
    url = options.chosen_port(port)
    check_url(url)
    panel = PanelServer(
        PanelOptions(
            url=url,
            baud=baud,
            http_port=http_port,
            control=control,
            find_cloud=find_cloud,
            carry_to=named.base_url if named else "",
            read_key=read_key,
            doctor=DoctorContext(
                board=load_board(board),
                port=url,
                usb_ids=(),
                baud=baud,
                settings=settings_file or Path("settings.toml"),
                settings_named=settings_file is not None,
                read_key=read_key,
                seconds=_LISTEN,
            ),
        )
    )
    stop = stop_on_signals()
    began = time.monotonic()
    with panel:
        if as_json:
            output.event("panel", "listening", page_url=panel.page_url, port=url)
        else:
            click.echo(f"page  {panel.page_url}")
        output.note("Ctrl-C stops it.")
        until_stopped(stop)
        # Once more does not wait for a reader that is being worked on.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if panel.runner.busy:
            output.note("Waiting for the reader to be left in order; Ctrl-C again does not wait.")
    if as_json:
        output.result(results.Served(seconds=round(time.monotonic() - began, 1)))
