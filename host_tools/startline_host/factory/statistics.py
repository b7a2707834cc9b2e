"""What a batch's history amounts to: yield, failures, seconds a step, stations, open questions."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

from startline_host.factory.entries import STEPS
from startline_host.factory.schema import DEFERRED, FAILED, FREE, PASSED, WORK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from startline_host.factory.entries import HistoryEntry, LedgerUnit

_HOUR_MS = 3_600_000
#: So many columns of time at most; beyond it they grow wider than an hour.
_COLUMNS = 48


class FailureReason(msgspec.Struct, frozen=True):
    """One reason: how often, at how many units, how many of these passed later, last words."""

    reason: str
    count: int
    units: int
    mended: int
    words: str


class StepTime(msgspec.Struct, frozen=True):
    """Seconds that a step took: how many were timed, fastest, median, nine in ten, slowest."""

    step: str
    count: int
    least: float
    median: float
    most_of_them: float
    most: float


class StationWork(msgspec.Struct, frozen=True):
    """What a station did: slots used, units passed, failures, and units passed an hour."""

    name: str
    slots: int
    passed: int
    failed: int
    per_hour: float


class Period(msgspec.Struct, frozen=True):
    """Units passed from a moment on (Unix ms), for as long as each period lasts."""

    start_ms: int
    passed: int


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, for one batch or the whole ledger."""

    counts: dict[str, int]
    first_time: int
    retries: int
    nameless: int
    begin_ms: int
    end_ms: int
    failures: tuple[FailureReason, ...]
    steps: tuple[StepTime, ...]
    stations: tuple[StationWork, ...]
    periods: tuple[Period, ...]
    period_ms: int
    open: tuple[LedgerUnit, ...]
    verdict: HistoryEntry | None
    findings: tuple[HistoryEntry, ...]

    @property
    def total(self) -> int:
        """All units."""
        return sum(self.counts.values())

    @property
    def finished(self) -> int:
        """Units that ended one way or the other, deferred ones aside."""
        return self.counts[PASSED] + self.counts[FAILED]

    @property
    def yield_(self) -> float | None:
        """The share of the finished units that passed; None while there are none."""
        return self.counts[PASSED] / self.finished if self.finished else None

    @property
    def first_time_share(self) -> float | None:
        """The share of the finished units that passed at their first go."""
        return self.first_time / self.finished if self.finished else None


def make_statistics(units: Sequence[LedgerUnit], records: Sequence[HistoryEntry]) -> Statistics:
    """Work everything out from the units as they stand and all their history."""
    counts = Counter(unit.state for unit in units)
    stumbled = {line.serial for line in records if line.kind in {"fail", "resume"}}
    passed = {unit.serial for unit in units if unit.passed}
    work = [line for line in records if line.kind not in {"verify", "finding"}]
    period_ms, periods = _periods(records)
    verdict, findings = _last_verdict(records)
    return Statistics(
        counts={state: counts[state] for state in (FREE, WORK, DEFERRED, PASSED, FAILED)},
        first_time=len(passed - stumbled),
        retries=sum(line.kind == "resume" for line in records),
        nameless=sum(line.kind == "fail" and not line.serial for line in records),
        begin_ms=work[0].at_ms if work else 0,
        end_ms=work[-1].at_ms if work else 0,
        failures=_failures(records, passed),
        steps=_steps(records),
        stations=_stations(records),
        periods=periods,
        period_ms=period_ms,
        open=tuple(unit for unit in units if unit.failed or unit.at_work),
        verdict=verdict,
        findings=findings,
    )


def _failures(records: Iterable[HistoryEntry], passed: set[str]) -> tuple[FailureReason, ...]:
    groups: dict[str, list[HistoryEntry]] = defaultdict(list)
    for line in records:
        if line.kind == "fail":
            groups[line.reason].append(line)
    found = []
    for reason, lines in groups.items():
        serials = {line.serial for line in lines if line.serial}
        found.append(
            FailureReason(reason, len(lines), len(serials), len(serials & passed), lines[-1].words)
        )
    return tuple(sorted(found, key=lambda one: (-one.count, one.reason)))


def _steps(records: Iterable[HistoryEntry]) -> tuple[StepTime, ...]:
    times: dict[str, list[float]] = defaultdict(list)
    for line in records:
        if line.kind == "step" and line.seconds is not None:
            times[line.step].append(line.seconds)
    found = []
    for step in [*STEPS, *sorted(times.keys() - set(STEPS))]:
        if values := sorted(times.get(step, ())):
            nine = values[min(len(values) - 1, int(len(values) * 0.9))]
            found.append(
                StepTime(step, len(values), values[0], statistics.median(values), nine, values[-1])
            )
    return tuple(found)


def _stations(records: Iterable[HistoryEntry]) -> tuple[StationWork, ...]:
    groups: dict[str, list[HistoryEntry]] = defaultdict(list)
    for line in records:
        if line.kind in {"allot", "resume", "pass", "fail", "defer"}:
            groups[line.station].append(line)
    found = []
    for name, lines in sorted(groups.items()):
        passed = sum(line.kind == "pass" for line in lines)
        hours = (lines[-1].at_ms - lines[0].at_ms) / _HOUR_MS
        found.append(
            StationWork(
                name=name,
                slots=len({line.slot for line in lines}),
                passed=passed,
                failed=sum(line.kind == "fail" for line in lines),
                per_hour=passed / hours if hours else 0.0,
            )
        )
    return tuple(found)


def _periods(records: Iterable[HistoryEntry]) -> tuple[int, tuple[Period, ...]]:
    """Count the passes in each period; empty periods in between are there too."""
    moments = [line.at_ms for line in records if line.kind == "pass"]
    if not moments:
        return _HOUR_MS, ()
    length = _period(moments[-1] - moments[0])
    start = moments[0] // length * length
    counts = Counter((moment - start) // length for moment in moments)
    return length, tuple(
        Period(start + number * length, counts[number]) for number in range(max(counts) + 1)
    )


def _period(span_ms: int) -> int:
    """Return a length of time that people count in, of which a span has not too many."""
    minute = 60_000
    for length in (minute, 5 * minute, 15 * minute, _HOUR_MS, 6 * _HOUR_MS, 24 * _HOUR_MS):
        if span_ms <= length * (_COLUMNS - 1):
            return length
    return 7 * 24 * _HOUR_MS * (1 + span_ms // (7 * 24 * _HOUR_MS * _COLUMNS))


def _last_verdict(
    records: Sequence[HistoryEntry],
) -> tuple[HistoryEntry | None, tuple[HistoryEntry, ...]]:
    """Return the last comparison with the cloud, and what it found."""
    verdict = next((line for line in reversed(records) if line.kind == "verify"), None)
    if verdict is None:
        return None, ()
    return verdict, tuple(
        line for line in records if line.kind == "finding" and line.number > verdict.number
    )
