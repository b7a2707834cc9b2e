"""A run as one HTML page that needs nothing else: outcome matrix, timings, the log of each failure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from startline_host.bench.report_style import STYLE
from startline_host.bench.run_report import BenchRun
from startline_host.bench.scenarios.runner import CaseResult
from startline_host.bench.scenarios.transcript import TranscriptEntry

_MARKS = {"passed": "✓", "failed": "✗", "error": "!", "skipped": "–"}
_SLOWEST = 12
#: Up to so many failures, their logs are open from the start.
_UNFOLDED = 3
_SOURCES = {"first": "reader", "second": "reader 2"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def report_page(run: BenchRun) -> bytes:
    """Return the page; nothing in it is code, and everything from a device is escaped."""
    body = "\n".join([_head(run), _failures(run), _matrix(run), _timings(run)])
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>Startline bench: {escape(_verdict(run))}</title>
<style>{STYLE}</style>
</head>
<body>
{body}
</body>
</html>
""".encode()


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


def _head(run: BenchRun) -> str:
    counts = "".join(
        f'<li class="{name}"><b>{run.counts[name]}</b>{_MARKS[name]} {name}</li>'
        for name in _MARKS
        if run.counts[name]
    )
    facts = {"reader": run.target, **run.facts, "began": run.began, "seed": str(run.seed),
             "took": f"{run.seconds:.1f} s", "startline": run.version}  # fmt: skip
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    return (
        f"<header><h1>Startline bench: {escape(_verdict(run))}</h1>"
        f'<ul class="sum">{counts}</ul><dl>{rows}</dl></header>'
    )


def _failures(run: BenchRun) -> str:
    bad = [result for result in run.results if result.verdict in {"failed", "error"}]
    if not bad:
        return ""
    unfolded = len(bad) <= _UNFOLDED
    cases = "".join(_failure(result, unfolded=unfolded) for result in bad)
    return f"<section><h2>What went wrong</h2>{cases}</section>"


def _failure(result: CaseResult, *, unfolded: bool) -> str:
    words = [finding.words() for finding in result.findings] or [result.reason]
    found = "".join(f"<li>{escape(one)}</li>" for one in words)
    log = "".join(map(_log_line, result.entries))
    return (
        f'<article class="case" id="{_anchor(result)}">'
        f'<h3><span class="{result.verdict}">{_MARKS[result.verdict]}</span> '
        f"{escape(result.case.name)}</h3> <span class=soft>{result.seconds:.1f} s</span>"
        f'<p class="says">{escape(result.case.scenario.says)}</p><ul>{found}</ul>'
        f"<details{' open' if unfolded else ''}><summary>Console, cloud and bench, in order of time</summary>"
        f'<div class="log">{log}</div></details></article>'
    )


def _log_line(entry: TranscriptEntry) -> str:
    fields = ""
    if entry.kind == "event":
        fields = f" <i>{escape(_told(entry))}</i>"
    return (
        f'<div class="{escape(entry.kind)}"><time>{entry.at:.3f} s</time>'
        f"<em>{escape(_SOURCES.get(entry.source, entry.source))}</em><span>{escape(entry.text)}{fields}</span></div>"
    )


def _told(entry: TranscriptEntry) -> str:
    """Say an event as it stood on the line: its name and what it told."""
    told = [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in entry.fields.items()
        if value not in ("", None)
    ]
    return " ".join([entry.name, *told])


def _matrix(run: BenchRun) -> str:
    sections = []
    for group in dict.fromkeys(result.case.scenario.group for result in run.results):
        results = [one for one in run.results if one.case.scenario.group == group]
        sections.append(_group(group, results))
    return "<section><h2>Outcomes</h2>" + "".join(sections) + "</section>"


def _group(group: str, results: Sequence[CaseResult]) -> str:
    variants = list(dict.fromkeys(result.case.variant for result in results))
    heads = "".join(f"<th>{escape(one)}</th>" for one in variants)
    rows = "".join(_row(name, cells, variants) for name, cells in _by_scenario(results))
    return (
        f'<div class="scroll"><table class="matrix"><thead><tr><th>{escape(group)}</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _by_scenario(results: Sequence[CaseResult]) -> Iterator[tuple[str, list[CaseResult]]]:
    for name in dict.fromkeys(result.case.scenario.name for result in results):
        yield name, [one for one in results if one.case.scenario.name == name]


def _row(name: str, results: Sequence[CaseResult], variants: Iterable[str]) -> str:
    says = escape(results[0].case.scenario.says)
    cells = "".join(
        f'<td class="cell" data-variant="{escape(variant)}">{_cell([r for r in results if r.case.variant == variant])}</td>'
        for variant in variants
    )
    return f'<tr><td class="name">{escape(name)}<div class="says">{says}</div></td>{cells}</tr>'


def _cell(results: Sequence[CaseResult]) -> str:
    return "<br>".join(map(_mark, results))


def _mark(result: CaseResult) -> str:
    mark = f'<span class="{result.verdict}">{_MARKS[result.verdict]}</span>'
    if result.verdict == "skipped":
        return f'<span title="{escape(result.reason)}">{mark} <small>skipped</small></span>'
    words = f"{mark} {escape(result.facts.state or result.verdict)}"
    if result.verdict != "passed":
        words = f'<a href="#{_anchor(result)}">{words}</a>'
    return f"{words} <small>{result.seconds:.1f} s</small>"


def _timings(run: BenchRun) -> str:
    timed = sorted(run.results, key=lambda result: -result.seconds)[:_SLOWEST]
    if not timed or not timed[0].seconds:
        return ""
    rows = "".join(
        f"<tr><td>{escape(result.case.name)}</td><td class=num>{result.seconds:.1f} s</td>"
        f'<td><div class="bar {result.verdict}" '
        f'style="width:{result.seconds / timed[0].seconds * 100:.1f}%"></div></td></tr>'
        for result in timed
    )
    return (
        f"<section><h2>The {len(timed)} longest</h2>"
        f'<table class="slow"><tbody>{rows}</tbody></table></section>'
    )


def _anchor(result: CaseResult) -> str:
    case = result.case
    text = f"{case.scenario.name}-{case.variant}-{case.number}"
    return "".join(char if char.isalnum() else "-" for char in text)
