"""`startline bench`: whether a reader binds once, whatever a venue does to it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import rich_click as click
from rich.console import Console

from startline_host.bench.case_log import write_case_log
from startline_host.bench.live_table import LiveTable
from startline_host.bench.report_junit import junit_report
from startline_host.bench.report_lines import as_object, json_lines
from startline_host.bench.report_page import report_page
from startline_host.bench.run_report import BenchRun, ReportFiles
from startline_host.bench.scenarios.base_flash import VIRTUAL_BOARD, make_base
from startline_host.bench.scenarios.catalog import Case, load_scenarios, make_cases
from startline_host.bench.scenarios.runner import CaseResult
from startline_host.bench.suite import BenchPlan, run_bench, usual_jobs
from startline_host.cli import options, output, results
from startline_host.cli.link_options import (
    check_readers,
    chosen_link,
    lent_board_options,
    link_options,
)
from startline_host.cli.written_files import WRITTEN
from startline_host.clouds.cloud_registry import DEFAULT_CLOUD
from startline_host.flows.notice_view import ConsoleNoticeView
from startline_host.util import counted

#: How a run ends whose cases did not all pass, as test runners do; and one that was ended early.
_FAILED = 1
_INTERRUPTED = {"Ctrl-C": 130, "SIGTERM": 143}


@click.command("bench")
@options.several(lent_board_options)
@click.option(
    "-k",
    "words",
    multiple=True,
    metavar="TEXT",
    help="Only cases with TEXT in their name; !TEXT leaves out. Repeatable.",
)
@click.option(
    "--repeat", type=click.IntRange(1, 1000), default=1, help="Run each case this many times."
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the random faults: the same seed, the same faults.",
)
@click.option("-j", "--jobs", type=click.IntRange(1, 64), help="Virtual readers at a time.")
@click.option(
    "--cloud",
    type=options.CloudChoice(),
    default=DEFAULT_CLOUD,
    show_default=True,
    help="The cloud whose scenarios run.",
)
@click.option(
    "--scenarios",
    "files",
    multiple=True,
    type=options.FILE,
    metavar="FILE",
    help="Your own scenario files, instead of the built-in ones.",
)
@options.several(link_options)
@options.firmware_version_option
@click.option("--firmware", type=options.FILE, help="A firmware file, used as it is.")
@click.option("--agent", type=options.FILE, help="Folder with another agent to test.")
@click.option("--junit", "junit_file", type=WRITTEN, help="Write JUnit XML.")
@click.option("--jsonl", "lines_file", type=WRITTEN, help="Write JSON lines.")
@click.option("--html", "page_file", type=WRITTEN, help="Write one self-contained HTML page.")
@click.option("--list", "only_list", is_flag=True, help="List what would run, and exit.")
@options.json_option
def command(
    port: str | None,
    board: str,
    words: tuple[str, ...],
    repeat: int,
    seed: int,
    jobs: int | None,
    link: Literal["wifi", "usb"],
    cloud: str,
    files: tuple[Path, ...],
    ssid: str | None,
    wifi_password_file: Path | None,
    cloud_host: str,
    firmware_version: str | None,
    firmware: Path | None,
    agent: Path | None,
    junit_file: Path | None,
    lines_file: Path | None,
    page_file: Path | None,
    only_list: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Test a reader against everything that can go wrong at a venue.

    Ends with 0 if every case passed, and with 1 if any did not. Ctrl-C ends it early: the reports
    are written, and say so. A board that is bound is refused
    (41); any other is given back with a blank record.
    """
    cases = make_cases(
        load_scenarios(files), cloud=cloud, link=link, words=words, repeat=repeat, seed=seed
    )
    if not cases:
        raise click.UsageError("No scenario is left to run by that choice; --list names them.")
    if only_list:
        _list(cases, as_json=as_json)
        return
    reports = ReportFiles(
        {
            path: writer
            for path, writer in (
                (junit_file, junit_report),
                (lines_file, json_lines),
                (page_file, report_page),
            )
            if path is not None
        }
    )
    way = chosen_link(link, port, ssid, wifi_password_file)
    check_readers(port)
    plan = BenchPlan(
        cases=cases,
        base=make_base(
            options.chosen_board(board if port else VIRTUAL_BOARD, firmware_version, firmware),
            agent=agent,
            firmware=firmware,
        ),
        link=way,
        port=port,
        cloud_host=cloud_host,
        jobs=jobs or usual_jobs(),
        seed=seed,
    )
    run = _run(plan, as_json=as_json)
    reports.write(run)
    _sum_up(run, as_json=as_json)
    if run.interrupted:
        sys.exit(_INTERRUPTED[run.interrupted])
    if not run.passed:
        sys.exit(_FAILED)


def _run(plan: BenchPlan, *, as_json: bool) -> BenchRun:
    console = Console(stderr=True, highlight=False)
    with LiveTable(console, plan.cases) as table:

        def ended(result: CaseResult) -> None:
            log = write_case_log(result)
            table.ended(result, log)
            if as_json:
                output.event("bench", "case", **as_object(result), log=str(log or ""))

        return run_bench(
            plan, on_start=table.started, on_end=ended, listen=ConsoleNoticeView(console)
        )


def _list(cases: Sequence[Case], *, as_json: bool) -> None:
    if as_json:
        listed = [{"case": case.name, "says": case.scenario.says} for case in cases]
        output.result(results.Benched(cases=listed))
        return
    for case in cases:
        click.echo(f"{case.name}\n    {case.scenario.says}")


def _sum_up(run: BenchRun, *, as_json: bool) -> None:
    if as_json:
        output.result(
            results.Benched(
                counts=dict(run.counts),
                seconds=round(run.seconds, 3),
                passed=run.passed,
                interrupted=run.interrupted or "",
            )
        )
        return
    counts = ", ".join(f"{count} {verdict}" for verdict, count in run.counts.items())
    ended = f"Interrupted by {run.interrupted}. " if run.interrupted else ""
    click.echo(f"{ended}{counted(len(run.results), 'case')}: {counts}; {run.seconds:.0f} s.")
