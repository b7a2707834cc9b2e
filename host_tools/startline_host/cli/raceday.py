"""`startline raceday`: a whole race with virtual readers or a board, and what came of it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

import rich_click as click
from rich.console import Console

from startline_host.cli import options, output, results
from startline_host.cli.link_options import (
    board_link_options,
    check_readers,
    chosen_link,
    lent_board_options,
)
from startline_host.cli.raceday_view import DayTable
from startline_host.cli.written_files import WRITTEN
from startline_host.errors import BadInput
from startline_host.flows.firmware_bundle import make_bundle
from startline_host.flows.notice_view import ConsoleNoticeView
from startline_host.flows.notices import Listener
from startline_host.race.board_venue import BoardVenue
from startline_host.race.day_report import WORDS, day_page, json_report, verdict
from startline_host.race.day_result import DayResult, share
from startline_host.race.day_script import DayOptions
from startline_host.race.day_venue import VirtualVenue
from startline_host.race.export_formats import check_export
from startline_host.race.race_day import RaceDay
from startline_host.util import write_whole

_FAILED = 1
_READERS = 3


@click.command("raceday")
@options.several(lent_board_options)
@options.several(board_link_options)
@options.firmware_version_option
@options.firmware_file_option
@click.option(
    "--readers",
    type=click.IntRange(1, 12),
    help="Virtual readers: at the start, at the finish, and in between. 3, or the board alone.",
)
@click.option(
    "--runners",
    type=click.IntRange(1, 10_000),
    default=500,
    show_default=True,
    help="Runners, each with a chip; all pass every reader once.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0.1, 240),
    default=1.25,
    show_default=True,
    help="From the gun to the last runner; binding and the end come on top.",
)
@click.option(
    "--outages",
    type=click.IntRange(0, 20),
    default=2,
    show_default=True,
    help="In turn a reader without Wi-Fi, and a cloud that answers 503.",
)
@click.option(
    "--power-cuts",
    type=click.IntRange(0, 20),
    default=3,
    show_default=True,
    help="Readers without power for some seconds, while runners pass them.",
)
@click.option(
    "--closings",
    type=click.IntRange(0, 20),
    default=1,
    show_default=True,
    help="Sessions that somebody else closes.",
)
@click.option(
    "--dead-time",
    type=click.IntRange(0, 60_000),
    default=5000,
    show_default=True,
    help="Milliseconds within which repeats of one chip are one passing.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The same seed, the same day.",
)
@click.option("--html", "page_file", type=WRITTEN, help="Write one self-contained HTML page.")
@click.option("--report", "json_file", type=WRITTEN, help="Write everything as JSON.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@options.json_option
def command(
    *, readers: int | None, runners: int, minutes: float, outages: int, power_cuts: int,
    closings: int, dead_time: int, seed: int, page_file: Path | None, json_file: Path | None,
    overwrite: bool, as_json: bool, **at_board: Any,
) -> None:  # fmt: skip
    """Rehearse a race: virtual readers, a mock cloud, and everything that goes wrong on a day.

    Runners start in a wave and finish in a bell, past two antennas each time. Wi-Fi and power go,
    crystals are off, somebody closes a session. Ends with 1 if a passing was lost, doubled or
    invented. What a boot saw that never had the time is set aside, as on a real day: `race resend`.

    With --port the reader is a board, which is told its sightings over the console, and reset for a
    power cut. One that is bound is refused (41), and so is one with passings that are at no cloud
    (60). Afterwards it is as it was, files and journal, at its prompt.
    """
    console = Console(stderr=True, highlight=False)
    board = _at_board(readers, ConsoleNoticeView(console), **at_board)
    written = [
        (path, render)
        for path, render in ((page_file, day_page), (json_file, json_report))
        if path is not None
    ]
    for path, _ in written:
        check_export(path, overwrite=overwrite)
    asked = DayOptions(
        readers=1 if board else readers or _READERS, runners=runners, minutes=minutes,
        outages=outages, power_cuts=power_cuts, closings=closings, dead_time=dead_time, seed=seed,
    )  # fmt: skip
    with (
        tempfile.TemporaryDirectory(prefix="startline-", ignore_cleanup_errors=True) as folder,
        DayTable(console, quiet=output.this_run().quiet) as table,
    ):
        day = RaceDay(asked, board or VirtualVenue(Path(folder)), table.show).run()
    for path, render in written:
        write_whole(path, render(day), title="The report ", hint="Nothing was written.")
        output.note(f"{path} is written.")
    if as_json:
        output.result(_result(day))
    else:
        _show(day)
    if not day.good:
        sys.exit(_FAILED)


def _at_board(
    readers: int | None, listen: Listener, *, port: str | None, board: str,
    link: Literal["wifi", "usb"], ssid: str | None, wifi_password_file: Path | None,
    cloud_host: str, firmware_version: str | None, firmware_file: Path | None,
) -> BoardVenue | None:  # fmt: skip
    """Return the board that was named as a venue, None for virtual readers.

    Raises BadInput for what does not go with it, or with them.
    """
    if port is not None and readers not in (None, 1):
        raise BadInput("A race day at a port has one reader, the board.", "Leave --readers out.")
    way = chosen_link(link, port, ssid, wifi_password_file)
    bundle = None
    check_readers(port)
    if port is not None or firmware_file is not None:
        kind = options.chosen_board(board, firmware_version, firmware_file)
        bundle = make_bundle(kind, options.firmware_store().obtain(kind, firmware_file))
    if port is not None and bundle is not None:
        return BoardVenue(port, bundle, way, cloud_host, listen)
    if link != "wifi" or ssid or wifi_password_file or cloud_host or firmware_version or bundle:
        raise BadInput(
            "Virtual readers have a Wi-Fi and a firmware of their own.",
            "--link, --ssid, --wifi-password-file, --cloud-host and --firmware are for a board: "
            "--port URL.",
        )
    return None


def _result(day: DayResult) -> results.RaceDayEnded:
    delays = day.delays()
    return results.RaceDayEnded(
        seed=day.options.seed,
        passed=day.good,
        seconds=round(day.seconds, 1),
        stored=day.count("stored"),
        at_cloud=day.count("at_cloud"),
        bad=day.bad,
        aside=day.count("aside"),
        dark=day.count("dark"),
        in_flight=day.count("in_flight"),
        delay_p50=round(share(delays, 0.5), 3),
        delay_p99=round(share(delays, 0.99), 3),
        worst_error_ms=round(day.worst_error_ms, 1),
    )


def _show(day: DayResult) -> None:
    told = _result(day)
    click.echo(f"Race day, seed {told.seed}: {verdict(day)}.")
    click.echo(f"{'stored':<22}{told.stored}")
    click.echo(f"{'at the cloud':<22}{told.at_cloud}")
    for name, count in told.bad.items():
        click.echo(f"{WORDS[name]:<22}{count}")
    click.echo(f"{'set aside':<22}{told.aside}")
    click.echo(f"{'no power at the time':<22}{told.dark}")
    click.echo(f"{'on the wire at a cut':<22}{told.in_flight}")
    click.echo(f"{'delay p50, p99':<22}{told.delay_p50:.2f} s, {told.delay_p99:.2f} s")
    click.echo(f"{'worst time':<22}{told.worst_error_ms:+.1f} ms")
    click.echo(f"{'took':<22}{told.seconds:.0f} s")
