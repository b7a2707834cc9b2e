"""What holds for all tests."""

from __future__ import annotations

import gc
import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.versions import selection

#: One profile for all: what is drawn is judged by what comes of it, never by how long it took.
settings.register_profile(
    "startline", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("startline")

#: Tests that last long and run six readers at a time: most of them side by side would be forty.
CROWDED = (
    "tests/bench/test_planted",
    "tests/bench/test_scenarios.py::test_every_scenario_holds",
)
#: Where the other tests are that last longest, from ten seconds on. None that share a long setup: it
#: would be made by each worker.
LAST_LONG = (
    "tests/book/test_book.py::test_the_commands_of_a_page_work[docs/guides",
    "tests/end_to_end/test_console_taken.py",
    "tests/end_to_end/test_lies.py",
    "tests/end_to_end/test_loading_cuts.py",
    "tests/end_to_end/test_operator_reconcile.py",
    "tests/end_to_end/test_set_try.py",
    "tests/end_to_end/test_vms_verbs.py",
    "tests/end_to_end/web/",
    "tests/factory/test_work.py",
    "tests/labs/",
    "tests/liveport/test_metarace.py",
    "tests/proofs/test_hostile.py",
    "tests/proofs/test_powercuts.py",
    "tests/proofs/test_racecuts.py",
    "tests/race/test_beside.py",
    "tests/race/test_day_on_a_board.py",
    "tests/race/test_resend.py",
    "tests/test_paths.py",
    "tests/virtual/test_esptool.py",
)

pytest_addoption = selection.add_option
pytest_generate_tests = selection.run_on_versions


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known that say where a test can run, and set the stage for what tests start.

    They can be ended by Ctrl-C, also where this one was started in the background, which ignores
    it for good; and pytests among them do without the plugins that this one does without.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    unused = [word for word in config.getini("addopts") if word.startswith("-pno:")]
    os.environ["PYTEST_ADDOPTS"] = " ".join(unused)
    for marker in selection.MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run a part only of what would run on other versions of MicroPython, and begin with what lasts."""
    selection.thin_out(config, items)
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers > 1:
        items[:] = deal_out(items, workers)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep the tests out of garbage collections: the agent asks for one at each boot.

    Each would go through thousands of tests and all that they import, which stay to the end.
    """
    gc.freeze()


def deal_out(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Give each worker tests that last, first: else the others wait for the last.

    Tests come to the workers in equal parts, in their order, and are passed on from the ends. A third
    of the workers has the crowded ones, the others as many of the long ones each.
    """
    crowded = [item for item in items if item.nodeid.startswith(CROWDED)]
    long = [item for item in items if item.nodeid.startswith(LAST_LONG)]
    lasting = {*crowded, *long}
    short = [item for item in items if item not in lasting]
    few = max(1, workers // 3)
    dealt = [crowded[turn::few] for turn in range(few)]
    dealt += [long[turn :: workers - few] for turn in range(workers - few)]
    found: list[pytest.Item] = []
    for turn, own in enumerate(dealt):
        size = (len(items) - len(found)) // (workers - turn)
        room = max(0, size - len(own))
        found += [*own, *short[:room]]
        del short[:room]
    return found + short


@pytest.fixture
def vm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return which MicroPython a test runs on, and see to it that it does."""
    version: str = getattr(request, "param", selection.UNIX)
    selection.use(version, monkeypatch)
    return version


@pytest.hookimpl(optionalhook=True)  # without xdist the tests run one after another
def pytest_xdist_auto_num_workers() -> int:
    """Run seven tests for two cores: most of their time they wait for a device."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return max(2, cores * 7 // 2)
