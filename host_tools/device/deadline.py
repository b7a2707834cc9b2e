"""A point in time that every wait on a device is measured against."""

from __future__ import annotations

import time


class Deadline:
    """The end of an allowance of `seconds`, counted from when it is made."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds that are left, never below 0."""
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether nothing is left."""
        return time.monotonic() >= self._end

    def at_most(self, seconds: float) -> Deadline:
        """Return a deadline `seconds` from now, or this one where that is earlier."""
        return Deadline(min(seconds, self.remaining))
