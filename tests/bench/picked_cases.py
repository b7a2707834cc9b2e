"""Which cases of the scenarios that come along a test runs, and which of them fail."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from startline_host.bench.scenarios.base_flash import make_base
from startline_host.bench.scenarios.catalog import Case
from startline_host.bench.scenarios.runner import Bench, run_cases


def first_of_each(cases: Iterable[Case]) -> list[Case]:
    """Return the first case of every scenario: with its first key type and envelope."""
    found: dict[str, Case] = {}
    for case in cases:
        found.setdefault(case.scenario.name, case)
    return list(found.values())


def failing(agent: Path, cases: Iterable[Case], jobs: int) -> dict[str, str]:
    """Return which scenarios fail with an agent out of a folder, and why."""
    results = run_cases(Bench(base=make_base(agent=agent)), cases, jobs=jobs)
    return {r.case.scenario.name: r.reason for r in results if r.verdict in {"failed", "error"}}
