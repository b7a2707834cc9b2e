"""What a suite's results mean: failures that are known with their reason, and what is new."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

Outcome = Literal["passed", "failed", "skipped"]
EXPECTED = Path(__file__).with_name("expected.toml")


class Comparison(msgspec.Struct, frozen=True):
    """A suite's results beside its expected failures, by the tests' names."""

    results: Mapping[str, Outcome]
    new: list[str]
    known: dict[str, str]
    mended: list[str]
    unknown: list[str]

    @property
    def good(self) -> bool:
        """Whether nothing failed but what is expected to, and that all did."""
        return bool(self.results) and not (self.new or self.mended or self.unknown)

    def count(self, outcome: Outcome) -> int:
        """Return how many tests came out so."""
        return sum(one == outcome for one in self.results.values())


def expected_failures(path: Path = EXPECTED) -> dict[str, dict[str, str]]:
    """Return the reasons of expected failures, by suite and test."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def compare(
    results: Mapping[str, Outcome], expected: Mapping[str, str], *, whole: bool = True
) -> Comparison:
    """Hold results against the expected failures.

    `unknown` are expected failures of tests that are not there; only a `whole` run can tell.
    """
    failed = {name for name, outcome in results.items() if outcome == "failed"}
    passed = {name for name, outcome in results.items() if outcome == "passed"}
    return Comparison(
        results=results,
        new=sorted(failed - expected.keys()),
        known={name: why for name, why in expected.items() if name in failed},
        mended=sorted(passed & expected.keys()),
        unknown=sorted(expected.keys() - results.keys()) if whole else [],
    )


def looked_at_twice(
    results: Mapping[str, Outcome],
    expected: Mapping[str, str],
    run_again: Callable[[list[str]], Mapping[str, Outcome]],
) -> dict[str, Outcome]:
    """Run what newly failed once more by itself; what comes out then counts.

    Some tests of a board measure time, and a board shares its processor with nobody.
    """
    failed = [
        name for name, outcome in results.items() if outcome == "failed" and name not in expected
    ]
    again = run_again(failed) if failed else {}
    return dict(results) | {name: again.get(name, "failed") for name in failed}
