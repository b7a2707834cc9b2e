"""The box that a virtual line takes its boards from: a folder with the flash of each."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class VirtualBoardPool:
    """The boards, by number; each is handed out until it is done with. For several threads.

    A board that is done is marked by a file, and its flash is removed unless `keep` is set.
    """

    def __init__(self, folder: Path, count: int, *, keep: bool = False) -> None:
        self._folder = folder
        self._keep = keep
        self._lock = threading.Lock()
        self._ready = [n for n in range(1, count + 1) if not self._done(n).exists()]

    def take(self) -> int | None:
        """Take out the next board, None when the box is empty."""
        with self._lock:
            return self._ready.pop(0) if self._ready else None

    def flash(self, number: int) -> Path:
        """Name the file that is a board's flash."""
        return self._folder / f"board-{number:04d}.flash"

    def done(self, number: int) -> None:
        """Put a board aside for good."""
        self._done(number).touch()
        if not self._keep:
            self.flash(number).unlink(missing_ok=True)

    def _done(self, number: int) -> Path:
        return self._folder / f"board-{number:04d}.done"
