"""A run as one HTML page that needs nothing else: outcome matrix, timings, the log of each failure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from startline_host.bench.run_report import BenchRun
from startline_host.bench.scenarios.model import Scenario
from startline_host.bench.scenarios.runner import CaseResult
from startline_host.bench.scenarios.transcript import TranscriptEntry
from startline_host.html_report import render

_MARKS = {"passed": "✓", "failed": "✗", "error": "!", "skipped": "–"}
_SLOWEST = 12
#: Up to so many failures, their logs are open from the start.
_UNFOLDED = 3
_SOURCES = {"first": "reader", "second": "reader 2"}


class _Group(msgspec.Struct, frozen=True):
    """A table of the outcomes: for each scenario the results by variant."""

    name: str
    variants: Sequence[str]
    rows: Sequence[tuple[Scenario, Mapping[str, Sequence[CaseResult]]]]


def report_page(run: BenchRun) -> bytes:
    """Return the page; nothing in it is code, and everything from a device is escaped."""
    bad = [result for result in run.results if result.verdict in {"failed", "error"}]
    longest = sorted(run.results, key=lambda result: -result.seconds)[:_SLOWEST]
    return render(
        "bench/report_page.html",
        run=run,
        verdict=_verdict(run),
        marks=_MARKS,
        sources=_SOURCES,
        facts={"reader": run.target, **run.facts, "began": run.began, "seed": str(run.seed),
               "took": f"{run.seconds:.1f} s", "startline": run.version},
        bad=bad,
        unfolded=len(bad) <= _UNFOLDED,
        groups=list(_groups(run.results)),
        longest=longest if longest and longest[0].seconds else [],
        anchor=_anchor,
        seconds=_seconds,
        told=_told,
    )  # fmt: skip


def _verdict(run: BenchRun) -> str:
    bad = run.counts["failed"] + run.counts["error"]
    if run.interrupted:
        ended = len(run.results) - run.counts["skipped"]
        wrong = f"{bad or 'none'} went wrong"
        return (
            f"interrupted by {run.interrupted}, {ended} of {len(run.results)} cases ran, {wrong}"
        )
    if not bad:
        return "all passed"
    return f"{bad} of {len(run.results)} cases went wrong"


def _groups(results: Sequence[CaseResult]) -> Iterator[_Group]:
    for name in dict.fromkeys(result.case.scenario.group for result in results):
        own = [one for one in results if one.case.scenario.group == name]
        variants = list(dict.fromkeys(one.case.variant for one in own))
        scenarios = {one.case.scenario.name: one.case.scenario for one in own}
        rows = [
            (scenario, {variant: _of(own, scenario, variant) for variant in variants})
            for scenario in scenarios.values()
        ]
        yield _Group(name, variants, rows)


def _of(results: Sequence[CaseResult], scenario: Scenario, variant: str) -> list[CaseResult]:
    return [
        one
        for one in results
        if (one.case.scenario.name, one.case.variant) == (scenario.name, variant)
    ]


def _told(entry: TranscriptEntry) -> str:
    """Say an event as it stood on the line: its name and what it told."""
    told = [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in entry.fields.items()
        if value not in ("", None)
    ]
    return " ".join([entry.name, *told])


def _seconds(result: CaseResult) -> str:
    return f"{result.seconds:.1f} s"


def _anchor(result: CaseResult) -> str:
    case = result.case
    text = f"{case.scenario.name}-{case.variant}-{case.number}"
    return "".join(char if char.isalnum() else "-" for char in text)
