"""The ledger's report: one HTML page that needs nothing else, for a screen of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from startline_host.factory.entries import iso, short_token
from startline_host.factory.schema import DEFERRED, FAILED, FREE, PASSED, WORK
from startline_host.html_report import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from startline_host.factory.entries import LedgerUnit
    from startline_host.factory.statistics import Statistics

_STATES = {
    PASSED: "passed",
    FAILED: "failed",
    DEFERRED: "shipped unbound",
    WORK: "unfinished",
    FREE: "not made yet",
}


def batch_report_page(
    title: str, told: Statistics, units: Sequence[LedgerUnit], *, made: str
) -> bytes:
    """Return the page; `made` says when and from what it was made. Tokens are shortened."""
    return render(
        "factory/batch_report.html",
        title=title,
        told=told,
        made=made,
        states=_STATES,
        tiles=list(_tiles(told)),
        period=_period(told),
        begun=[one for one in units if one.state != FREE],
        question=_question,
        short_token=short_token,
        time=_time,
    )


def _tiles(told: Statistics) -> Iterator[tuple[str, str]]:
    yield f"{told.counts[PASSED]} / {told.total}", "units passed"
    yield _percent(told.yield_), "yield of those finished"
    yield _percent(told.first_time_share), "passed at the first attempt"
    yield str(told.retries), "attempts beyond the first"
    if told.counts[DEFERRED]:
        yield str(told.counts[DEFERRED]), "shipped unbound"
    if told.nameless:
        yield str(told.nameless), "failed before having a serial number"


def _period(told: Statistics) -> str:
    """Say how long a column of the chart is: "hour", "5 minutes"."""
    minutes = told.period_ms // 60_000
    if minutes in {1, 60}:
        return "minute" if minutes == 1 else "hour"
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


def _question(unit: LedgerUnit) -> str:
    if unit.sent and not unit.token:
        return "the cloud may have an entry of it: verify"
    return unit.reason or "not finished: plug it in again"


def _percent(share: float | None) -> str:
    if share is None:
        return "none yet"
    # 99.96 % is no 100 %: what is not all never reads so.
    return "100 %" if share == 1 else f"{min(share * 100, 99.9):.1f} %"


def _time(ms: int) -> str:
    return iso(ms).replace("T", " ").removesuffix("Z")[:16]
