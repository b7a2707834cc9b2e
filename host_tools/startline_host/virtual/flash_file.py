"""The file that a virtual flash chip lives in: made blank, and used by one chip at a time."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from startline_host.errors import BadInput
from startline_host.file_access import check_file

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_SIZE = 4 * 1024 * 1024
_SIZES = tuple(megabytes << 20 for megabytes in (1, 2, 4, 8, 16))
_LOCK_SECONDS = 2.0
_LOOK_SECONDS = 0.02


class FlashFile:
    """An exclusive hold on a flash file, which is made (all bits set) if there is none.

    The hold is on `lock_fd`: a child that inherits it holds the file as well, until it dies.
    Raises BadInput if the file has an impossible size or another chip keeps it.
    """

    def __init__(self, path: Path, size: int | None = None) -> None:
        self.path = path
        _make_blank(path, size or DEFAULT_SIZE)
        try:
            check_file(path)
            self.lock_fd = os.open(path, os.O_RDWR)
        except OSError as error:
            raise BadInput(f"The flash file {path} cannot be opened: {error.strerror}.") from error
        try:
            self.size = _check_size(path, os.fstat(self.lock_fd).st_size, size)
            self._lock()
        except BadInput:
            self.close()
            raise

    def close(self) -> None:
        """Give the file up."""
        os.close(self.lock_fd)

    def _lock(self) -> None:
        if not _lock(self.lock_fd, _LOCK_SECONDS):
            raise BadInput(
                f"The flash file {self.path} is in use by another virtual ESP32.",
                "Stop that one, or name another file.",
            )


def wait_until_free(path: Path, seconds: float = _LOCK_SECONDS) -> bool:
    """Wait until no chip holds `path`; return whether that came true within `seconds`."""
    fd = os.open(path, os.O_RDWR)
    try:
        return _lock(fd, seconds)
    finally:
        os.close(fd)


def _make_blank(path: Path, size: int) -> None:
    if path.exists():
        return
    _check_size(path, size, None)
    # Made aside and linked into place: nobody ever sees a part of it, and nobody's is replaced.
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        aside.write_bytes(b"\xff" * size)
        os.link(aside, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise BadInput(f"The flash file {path} cannot be made: {error.strerror}.") from error
    finally:
        aside.unlink(missing_ok=True)


def _check_size(path: Path, size: int, wanted: int | None) -> int:
    if size not in _SIZES:
        raise BadInput(
            f"The flash file {path} has {size} bytes; a flash chip has 1, 2, 4, 8 or 16 MB.",
            "Name another file, or delete this one.",
        )
    if wanted not in {None, size}:
        raise BadInput(
            f"The flash file {path} has {size >> 20} MB, not {(wanted or 0) >> 20} MB.",
            "Leave the size out, or name another file.",
        )
    return size


def _lock(fd: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        else:
            return True
