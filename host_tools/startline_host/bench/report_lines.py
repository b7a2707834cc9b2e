"""A run as JSON lines: one object for the run, then one for each case."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from startline_host.bench.run_report import BenchRun
from startline_host.bench.scenarios.runner import CaseResult


def json_lines(run: BenchRun) -> bytes:
    """Return the report: `kind` is "run" in the first line, "result" in all others."""
    head = {
        "kind": "run",
        "startline": run.version,
        "began": run.began,
        "seconds": round(run.seconds, 3),
        "seed": run.seed,
        "target": run.target,
        "counts": dict(run.counts),
        "passed": run.passed,
        "interrupted": run.interrupted,
    }
    lines = [
        head,
        *({"kind": "result", **as_object(result, log=True)} for result in run.results),
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def as_object(result: CaseResult, *, log: bool = False) -> dict[str, Any]:
    """Return a result as it stands in a line; with `log` that of a case that went wrong, too."""
    case = result.case
    found: dict[str, Any] = {
        "group": case.scenario.group,
        "scenario": case.scenario.name,
        "variant": case.variant,
        "number": case.number,
        "seed": case.seed,
        "verdict": result.verdict,
        "seconds": round(result.seconds, 3),
        "reason": result.reason,
        "findings": [msgspec.to_builtins(finding) for finding in result.findings],
        "facts": result.facts.short(),
    }
    if log and result.verdict in {"failed", "error"}:
        found["log"] = [msgspec.to_builtins(entry) for entry in result.entries]
    return found
