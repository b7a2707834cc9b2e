"""What holds for all tests."""

from __future__ import annotations

import os


def pytest_xdist_auto_num_workers() -> int:
    """Run three tests for two cores: most of their time they wait for a device."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return max(2, cores * 3 // 2)
