"""`startline virtual`: a virtual ESP32 in the foreground."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from pathlib import Path

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.cli.written_files import WRITTEN
from startline_host.errors import BadInput
from startline_host.util import write_whole
from startline_host.virtual.chip_options import DEFAULT_MAC, ChipEndpoints, ChipOptions, parse_size
from startline_host.virtual.jumpstarter_file import exporter_file
from startline_host.virtual.world_file import WorldWatch, check_world
from startline_host.virtual.world_keys import ACCESS_POINT_KEYS, WORLD_KEYS


def _world_help() -> str:
    """Return the keys of a world for `--help`, each with its meaning."""
    points = {f"access_points.NAME.{key}": one for key, one in ACCESS_POINT_KEYS.items()}
    lines = [
        f"{key} ({one.type}): {one.meaning} Without it: {one.default}".replace("`", "")
        for key, one in {**WORLD_KEYS, **points}.items()
    ]
    return "\n\n".join(
        [
            "The world is a file of JSON that is read again at each use; every key may be missing.",
            *lines,
            'Such as {"access_points": {"paddock": {"password": "start-line"}}}',
        ]
    )


@click.command("virtual", epilog=_world_help())
@click.option("--flash", required=True, type=options.FILE,
              help="File that is the flash chip; made blank if there is none.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True,
              help="TCP port of the RFC 2217 server; 0 takes a free one.")  # fmt: skip
@click.option("--pty", is_flag=True, help="Open a pseudo-terminal as well.")
@click.option("--raw-port", type=click.IntRange(0, 65535),
              help="TCP port of a bare byte stream, without modem lines.")  # fmt: skip
@click.option("--mac", default=DEFAULT_MAC, show_default=True, help="The chip's MAC address.")
@click.option("--world", type=options.FILE,
              help="JSON file that says what the radio and the network are like: see below.")  # fmt: skip
@click.option("--flash-size", help="1MB to 16MB; the file's, or 4MB for a new one.")
@click.option("--paced", is_flag=True, help="Make the line as slow as its baud rate.")
@click.option("--uart1", type=click.IntRange(0, 65535),
              help="TCP port of the other end of machine.UART(1); 0 takes a free one.")  # fmt: skip
@click.option("--uart2", type=click.IntRange(0, 65535),
              help="TCP port of the other end of machine.UART(2).")  # fmt: skip
@click.option("--ppm", type=float, default=0.0, show_default=True,
              help="Parts per million by which the crystal is too fast; negative is slow.")  # fmt: skip
@click.option("--time-port", type=click.IntRange(0, 65535),
              help="UDP port at which this computer's time is served (SNTP), for race.servers.")  # fmt: skip
@click.option("--jumpstarter", type=WRITTEN,
              help="Write an exporter file that offers the chip to Jumpstarter; with --pty.")  # fmt: skip
@options.json_option
def command(
    *,
    flash: Path,
    port: int,
    pty: bool,
    raw_port: int | None,
    mac: str,
    world: Path | None,
    flash_size: str | None,
    paced: bool,
    uart1: int | None,
    uart2: int | None,
    ppm: float,
    time_port: int | None,
    jumpstarter: Path | None,
    as_json: bool,
) -> None:
    """Run a virtual ESP32 on a serial URL until Ctrl-C."""
    if os.name == "nt":
        raise BadInput(
            "The virtual ESP32 needs Linux or macOS.", "Real boards are served from here as well."
        )
    if world is not None:
        check_world(world)
    from startline_host.virtual.process import serve
    from startline_host.virtual.time_server import TimeServer

    settings = ChipOptions(
        flash=flash, port=port, raw_port=raw_port, pty=pty or jumpstarter is not None, mac=mac,
        world=world, paced=paced,
        flash_size=parse_size(flash_size) if flash_size else None,
        uart1=uart1, uart2=uart2, ppm=ppm,
    )  # fmt: skip

    def tell(listening: ChipEndpoints) -> None:
        if jumpstarter is not None and listening.pty is not None:
            text = exporter_file(listening.url, listening.pty, mac)
            write_whole(jumpstarter, text.encode(), title="The exporter file ")
        if as_json:
            output.event("virtual", "listening", **dataclasses.asdict(listening))
            return
        places = [place for place in (listening.url, listening.raw, listening.pty) if place]
        output.note(f"A virtual ESP32 listens on {', '.join(places)} (Ctrl-C stops it)")
        for number, url in ((1, listening.uart1), (2, listening.uart2)):
            if url:
                output.note(f"machine.UART({number}) ends at {url}")

    watch = WorldWatch(world, output.warn) if world is not None else contextlib.nullcontext()
    clock = TimeServer(time_port) if time_port is not None else contextlib.nullcontext()
    began = time.monotonic()
    with watch, clock as serving:
        if serving is not None and not as_json:
            output.note(f"The time is served at {serving.server}")
        serve(settings, tell)
    if as_json:
        output.result(results.Served(seconds=round(time.monotonic() - began, 1)))
