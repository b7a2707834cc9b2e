"""Temporary folders for what esptool reads and writes; one that a killed process left is removed."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from startline_host.device.port_lock import try_lock

_PREFIX = "startline-esptool-"
_LOCK = "lock"

#: Region files may hold keys: they are readable by their owner only.
_PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)

#: Seconds that a folder without a lock is left alone: its maker may be about to lock it.
_GRACE = 60


@contextlib.contextmanager
def temp_dir() -> Iterator[Path]:
    """Make an empty folder of the user's own, and remove it on every path.

    Where no path leads on (`kill -9`, a power failure), the next process that makes one removes
    it. esptool looks for a configuration file in the current folder: here it finds none.
    """
    _remove_stale_once()
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        with (folder / _LOCK).open("wb") as lock:
            try_lock(lock)
            yield folder


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read."""
    with os.fdopen(os.open(path, _PRIVATE, 0o600), "wb") as file:
        file.write(data)


def remove_stale_dirs(root: Path) -> None:
    """Remove the folders in `root` whose maker is dead: the system lets go of a dead one's lock."""
    for folder in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, in use, or just removed
            if time.time() - folder.stat().st_mtime < _GRACE:
                continue
            with (folder / _LOCK).open("ab") as lock:
                try_lock(lock)
            shutil.rmtree(folder)


@functools.cache
def _remove_stale_once() -> None:
    remove_stale_dirs(Path(tempfile.gettempdir()))
