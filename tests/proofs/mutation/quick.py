"""A pytest plugin for mutants: hypothesis draws the same for each, and who may notice runs first.

Most mutants are noticed by many tests, so it is the order that decides what noticing one costs. A
run on the agent as it is, once it has come to its end, writes down how long each test takes and
which functions of firmware/ it enters: the file that STARTLINE_TEST_SURVEY names. In a run on a
mutant, which STARTLINE_MUTANT names, the tests that enter what was changed come first, the quickest
of them before the others. All others follow: who survives has met every test.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Generator
from itertools import count
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from hypothesis import Phase, settings

from tests.proofs.mutation.population import ROOT

#: Up to how many seconds a test is as quick as any other; among those, files stay together.
_STEPS = (0.05, 0.5, 2.0)
#: So many calls tell what a test enters: to watch all of a long one would take as long again.
_SEEN = 20_000


def pytest_configure(config: pytest.Config) -> None:
    """Load the profile, once hypothesis has its own, and what an earlier run wrote down."""
    settings.register_profile(
        "mutants", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
    )
    settings.load_profile("mutants")
    if "STARTLINE_TEST_SURVEY" in os.environ:
        path = Path(os.environ["STARTLINE_TEST_SURVEY"])
        mutant = os.environ.get("STARTLINE_MUTANT", "")
        config.pluginmanager.register(MutantOrder(path, mutant) if mutant else TestSurvey(path))


class MutantOrder:
    """Puts those who may notice `mutant`, "module function", first; `path` is a survey's."""

    def __init__(self, path: Path, mutant: str) -> None:
        self.known = json.loads(path.read_text()) if path.is_file() else {}
        self.mutant = mutant
        self.module = mutant.partition(" ")[0] + " "

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put what is slow, or does not enter what was changed, behind what is and does."""
        items.sort(key=lambda item: self.turn(self.known.get(item.nodeid, {})))

    def turn(self, about: dict[str, Any]) -> tuple[int, int]:
        """Return when it is the turn of a test: how far from the mutant it is, and how slow."""
        entered = about.get("enters", ())
        far = 2 - any(name.startswith(self.module) for name in entered) - (self.mutant in entered)
        return far, sum(about.get("seconds", 0) > step for step in _STEPS)


class TestSurvey:
    """Writes down seconds, and functions entered, by test; keeps in `path` what is not run here."""

    __test__ = False  # its name is no test's

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds: dict[str, float] = {}
        self.enters: dict[str, set[str]] = {}
        self._firmware = str(ROOT / "firmware") + os.sep

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Watch one test, and what is set up for it."""
        entered: dict[int, CodeType] = {}
        calls = count()

        def enter(frame: FrameType, _: str, __: object) -> None:
            code = frame.f_code
            entered[id(code)] = code  # the hash of a code object goes through all of it
            if next(calls) == _SEEN:
                sys.settrace(None)

        sys.settrace(enter)
        threading.settrace(enter)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.enters[item.nodeid] = {
                self._name(code)
                for code in entered.values()
                if code.co_filename.startswith(self._firmware)
            }

    def _name(self, code: CodeType) -> str:
        """Return module and function, as a mutant is named; of what stands within one, its own."""
        function = code.co_qualname.replace("<locals>.", "").partition(".<")[0]
        return f"{code.co_filename.removeprefix(self._firmware)} {function}"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what a test takes."""
        taken = self.seconds.get(report.nodeid, 0.0)
        self.seconds[report.nodeid] = taken + report.duration

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Keep what was seen by a run that nothing has ended early."""
        if exitstatus != 0:
            return
        known = json.loads(self.path.read_text()) if self.path.is_file() else {}
        for name, seconds in self.seconds.items():
            entered = sorted(self.enters.get(name, ()))
            known[name] = {"seconds": round(seconds, 3), "enters": entered}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(known))
        fresh.replace(self.path)
