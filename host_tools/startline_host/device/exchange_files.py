"""Files between this process and esptool's, which may hold keys and outlive neither.

Where the system has them (Linux) they are memory without a name: whatever kills the two processes,
nothing is left. Elsewhere they lie in a folder of the user's own that is removed after each verb.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from startline_host.device.temp_dirs import temp_dir, write_private

_OPEN_FILES = "/proc/self/fd"


class ExchangeFiles:
    """The files of one verb. `passed` are the descriptors that the other process must inherit."""

    def __init__(self, folder: Path) -> None:
        self.passed: list[int] = []
        self._folder = folder
        self._count = 0

    def add(self, data: bytes = b"") -> str:
        """Make a file with these bytes; return the path by which the other process opens it."""
        self._count += 1
        in_memory = _memory_file(data)
        if in_memory is not None:
            self.passed.append(in_memory)
            return f"{_OPEN_FILES}/{in_memory}"
        path = self._folder / f"{self._count}.bin"
        write_private(path, data)
        return str(path)

    def read(self, path: str) -> bytes:
        """Return what a file holds by now."""
        return Path(path).read_bytes()

    def close(self) -> None:
        """Let go of those in memory."""
        while self.passed:
            os.close(self.passed.pop())


@contextlib.contextmanager
def exchange_files() -> Iterator[ExchangeFiles]:
    """Make room for the files of one verb, and let nothing of them stay on any path."""
    with temp_dir() as folder:
        files = ExchangeFiles(folder)
        try:
            yield files
        finally:
            files.close()


def _memory_file(data: bytes) -> int | None:
    """Return the descriptor of a file in memory; None where there is no such thing."""
    if not hasattr(os, "memfd_create") or not Path(_OPEN_FILES).is_dir():
        return None
    try:
        number = os.memfd_create("startline")
    except OSError:  # an old kernel, or one that forbids it
        return None
    with os.fdopen(number, "wb", closefd=False) as file:
        file.write(data)
    return number
