"""What holds for all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

#: One profile for all: what is drawn is judged by what comes of it, never by how long it took.
settings.register_profile(
    "startline", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("startline")


@pytest.hookimpl(optionalhook=True)  # without xdist the tests run one after another
def pytest_xdist_auto_num_workers() -> int:
    """Run three tests for two cores: most of their time they wait for a device."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return max(2, cores * 3 // 2)
