"""A pytest plugin for mutants: hypothesis draws the same for each, and what is quick runs first.

Most mutants are noticed by many tests, so it is the order that decides what noticing one costs.
How long each test takes is kept in the file that STARTLINE_TEST_TIMES names, by whatever run
comes to its end.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

#: Up to how many seconds a test is as quick as any other; among those, files stay together.
_STEPS = (0.05, 0.5, 2.0)


def pytest_configure(config: pytest.Config) -> None:
    """Load the profile, once hypothesis has its own, and the times of an earlier run."""
    settings.register_profile(
        "mutants", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
    )
    settings.load_profile("mutants")
    if "STARTLINE_TEST_TIMES" in os.environ:
        config.pluginmanager.register(_TestTimes(Path(os.environ["STARTLINE_TEST_TIMES"])))


class _TestTimes:
    """Seconds by test, in `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}
        self.taken: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put what is slow behind what is not."""
        items.sort(key=lambda item: sum(self.known.get(item.nodeid, 0) > step for step in _STEPS))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what a test takes."""
        taken = self.taken.get(report.nodeid, 0.0)
        self.taken[report.nodeid] = taken + report.duration

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Keep the times of a run that nothing has ended early."""
        if exitstatus == 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.path.with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps({**self.known, **self.taken}))
            fresh.replace(self.path)
