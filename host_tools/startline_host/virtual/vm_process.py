"""What the system tells about the VM's process, where it tells it (Linux)."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def running_seconds(pid: int) -> float:
    """Return for how many seconds a process has run; where that is not told, any clock's time."""
    if sys.platform == "linux":
        try:
            # A process's clock as the kernel numbers it, see clock_getcpuclockid(3).
            return time.clock_gettime((~pid << 3) | 2)
        except OSError:  # it has ended
            pass
    return time.monotonic()


def is_blocked(pid: int) -> bool:
    """Tell whether a process sleeps in a system call; where that is not told, it may."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:  # it has ended
            return True
        return stat.rpartition(")")[2].split()[0] == "S"
    return True


def waits_for_lock(pid: int) -> bool:
    """Tell whether a process waits for a lock (a futex, see proc_pid_wchan(5)); False if unknown.

    A VM of one thread waits for none that somebody else would give back.
    """
    try:
        return Path(f"/proc/{pid}/wchan").read_text().startswith("futex")
    except OSError:
        return False
