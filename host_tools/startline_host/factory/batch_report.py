"""The ledger's report: one HTML page that needs nothing else, for a screen of any size."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from startline_host.factory.entries import iso, short_token
from startline_host.factory.report_parts import (
    columns_chart,
    count_bar,
    legend,
    span_bar,
    state_bar,
    table,
    tile,
)
from startline_host.factory.schema import DEFERRED, FAILED, FREE, PASSED, WORK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from startline_host.factory.entries import LedgerUnit
    from startline_host.factory.report_parts import Cell
    from startline_host.factory.statistics import FailureReason, Statistics

_STATES = {
    PASSED: "passed",
    FAILED: "failed",
    DEFERRED: "shipped unbound",
    WORK: "unfinished",
    FREE: "not made yet",
}
#: Scripts and anything from elsewhere are forbidden: what devices said stays text.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def batch_report_page(
    title: str, told: Statistics, units: Sequence[LedgerUnit], *, made: str
) -> str:
    """Return the page; `made` says when and from what it was made. Tokens are shortened."""
    parts = [
        _head(title, told, made),
        _tiles(told),
        state_bar(told.counts, _STATES),
        legend(told.counts, _STATES),
        '<div class="pair">',
        _failures(told),
        _steps(told),
        "</div>",
        _over_time(told),
        '<div class="pair">',
        _stations(told),
        _cloud(told),
        "</div>",
        _open(told),
        _units(units),
    ]
    style = Path(__file__).with_name("batch_report.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>",
            *(part for part in parts if part),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _head(title: str, told: Statistics, made: str) -> str:
    span = "No units yet."
    if told.end_ms:
        span = f"{_time(told.begin_ms)} to {_time(told.end_ms)} UTC"
    return f'<h1>{escape(title)}</h1>\n<p class="soft">{span} · {escape(made)}</p>'


def _tiles(told: Statistics) -> str:
    tiles = [
        tile(f"{told.counts[PASSED]} / {told.total}", "units passed"),
        tile(_percent(told.yield_), "yield of those finished"),
        tile(_percent(told.first_time_share), "passed at the first attempt"),
        tile(str(told.retries), "attempts beyond the first"),
    ]
    if told.counts[DEFERRED]:
        tiles.append(tile(str(told.counts[DEFERRED]), "shipped unbound"))
    if told.nameless:
        tiles.append(tile(str(told.nameless), "failed before having a serial number"))
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _failures(told: Statistics) -> str:
    most = max((one.count for one in told.failures), default=0)
    rows = [
        (
            ("words", _reason(one)),
            count_bar(one.count, most),
            ("n", str(one.count)),
            ("n", f"{one.mended} of {one.units}"),
        )
        for one in told.failures
    ]
    heads: list[Cell] = ["Reason", "", ("n", "Times"), ("n", "Passed later")]
    return _card("Failures by reason", table(heads, rows) or "<p>None.</p>")


def _reason(one: FailureReason) -> str:
    words = f'<small class="soft">{escape(one.words)}</small>' if one.words else ""
    return f"{escape(one.reason or 'no reason given')}{words}"


def _steps(told: Statistics) -> str:
    most = max((one.most for one in told.steps), default=0.0)
    rows = [
        (
            escape(one.step),
            span_bar(one, most),
            ("n", f"{one.median:.1f}"),
            ("n", f"{one.most_of_them:.1f}"),
            ("n", f"{one.most:.1f}"),
            ("n", str(one.count)),
        )
        for one in told.steps
    ]
    heads: list[Cell] = [
        "Step",
        "",
        ("n", "Median"),
        ("n", "9 in 10"),
        ("n", "Slowest"),
        ("n", "Units"),
    ]
    return _card("Seconds by step", table(heads, rows) or "<p>No times yet.</p>")


def _over_time(told: Statistics) -> str:
    if len(told.periods) < 2:
        return ""
    minutes = told.period_ms // 60_000
    length = f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
    length = {"1 minutes": "minute", "60 minutes": "hour"}.get(length, length)
    last = told.periods[-1].start_ms + told.period_ms
    axis = f"<span>{_time(told.periods[0].start_ms)}</span><span>{_time(last)}</span>"
    chart = columns_chart([one.passed for one in told.periods])
    most = max(one.passed for one in told.periods)
    return _card(
        f"Units passed every {length}",
        f'{chart}<div class="axis">{axis}</div><p class="soft">Most in one: {most}</p>',
    )


def _stations(told: Statistics) -> str:
    rows = [
        (
            escape(one.name or "?"),
            ("n", str(one.slots)),
            ("n", str(one.passed)),
            ("n", str(one.failed)),
            ("n", f"{one.per_hour:.0f}"),
        )
        for one in told.stations
    ]
    heads: list[Cell] = [
        "Station",
        ("n", "Slots"),
        ("n", "Passed"),
        ("n", "Failures"),
        ("n", "Passed an hour"),
    ]
    return _card("Stations", table(heads, rows) or "<p>None yet.</p>")


def _cloud(told: Statistics) -> str:
    if told.verdict is None:
        return _card("The cloud's list", "<p>Not compared yet: startline ledger verify.</p>")
    agrees = told.verdict.reason == "agree"
    words = (
        f'<p><span class="{"yes" if agrees else "no"}">{"Agrees" if agrees else "Differs"}</span> '
        f"on {_time(told.verdict.at_ms)} UTC: {escape(told.verdict.words)}</p>"
    )
    rows = [(escape(one.reason), ("words", escape(one.words))) for one in told.findings]
    return _card("The cloud's list", words + table(["Finding", "Unit"], rows))


def _open(told: Statistics) -> str:
    rows = [
        (
            ("words", escape(one.serial)),
            ("code", escape(one.mac)),
            escape(_STATES[one.state]),
            escape(one.step),
            escape(_question(one)),
            escape(f"{one.station}, slot {one.slot}"),
            ("n", _time(one.changed_ms)),
        )
        for one in told.open
    ]
    heads: list[Cell] = [
        "Serial",
        "MAC",
        "State",
        "Last proven",
        "What is open",
        "Where",
        ("n", "When"),
    ]
    return _card("Units that need attention", table(heads, rows, "stack")) if rows else ""


def _question(unit: LedgerUnit) -> str:
    if unit.sent and not unit.token:
        return "the cloud may have an entry of it: verify"
    return unit.reason or "not finished: plug it in again"


def _units(units: Sequence[LedgerUnit]) -> str:
    rows = [
        (
            ("words", escape(one.serial)),
            escape(one.unit.model),
            ("words", escape(one.unit.alias)),
            ("code", escape(one.mac)),
            ("code", escape(short_token(one.token))),
            escape(_STATES[one.state]),
            ("n", str(one.tries)),
        )
        for one in units
        if one.state != FREE
    ]
    if not rows:
        return ""
    heads: list[Cell] = ["Serial", "Model", "Alias", "MAC", "deviceid", "State", ("n", "Tries")]
    title = f"<summary>All {len(rows)} units that were begun</summary>"
    return f'<details class="card">{title}{table(heads, rows, "stack")}</details>'


def _card(title: str, body: str) -> str:
    return f'<section class="card"><h2>{escape(title)}</h2>{body}</section>'


def _percent(share: float | None) -> str:
    if share is None:
        return "none yet"
    # 99.96 % is no 100 %: what is not all never reads so.
    return "100 %" if share == 1 else f"{min(share * 100, 99.9):.1f} %"


def _time(ms: int) -> str:
    return iso(ms).replace("T", " ").removesuffix("Z")[:16]
