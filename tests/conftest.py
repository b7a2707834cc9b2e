"""What holds for all tests."""

from __future__ import annotations

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
    """Run a part only of what would run on other versions of MicroPython."""
    selection.thin_out(config, items)


@pytest.fixture
def vm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return which MicroPython a test runs on, and see to it that it does."""
    version: str = getattr(request, "param", selection.UNIX)
    selection.use(version, monkeypatch)
    return version


@pytest.hookimpl(optionalhook=True)  # without xdist the tests run one after another
def pytest_xdist_auto_num_workers() -> int:
    """Run five tests for two cores: most of their time they wait for a device."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return max(2, cores * 5 // 2)
