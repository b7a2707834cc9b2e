"""The box that a virtual line takes its boards from: a folder with the flash of each."""

from __future__ import annotations

import secrets
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
        #: The first four octets of its boards' MACs, which no box elsewhere has.
        self.mac_prefix = _mac_prefix(folder)
        self._ready = [n for n in range(1, count + 1) if not self._done(n).exists()]

    def take(self) -> int | None:
        """Take out the next board, None when the box is empty."""
        with self._lock:
            return self._ready.pop(0) if self._ready else None

    @property
    def left(self) -> int:
        """How many boards are still in the box."""
        return len(self._ready)

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


def _mac_prefix(folder: Path) -> str:
    """Return the beginning of the MACs of a box, made up once and kept beside its boards.

    Several stations may share a ledger, in which a MAC is one board's. It is a locally
    administered address, as nobody's chips have.
    """
    file = folder / "mac-prefix"
    if not file.exists():
        octets = secrets.token_bytes(3)
        file.write_text(f"26:{octets.hex(':')}", encoding="ascii")
    return file.read_text(encoding="ascii")
