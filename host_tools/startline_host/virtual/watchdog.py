"""The chip's watchdog: calls back unless it is fed in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Watchdog:
    """Calls `bite` in a thread of its own when the time that the last `feed` gave is over.

    A bite that returns milliseconds was none yet: it is called again after them.
    """

    def __init__(self, bite: Callable[[], int | None]) -> None:
        self._bite = bite
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._thread: threading.Thread | None = None
        self.has_bitten = False

    def feed(self, milliseconds: int) -> None:
        """Give it another `milliseconds`."""
        with self._changed:
            self._deadline = time.monotonic() + milliseconds / 1000
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self) -> None:
        """Take it away; it does not call back any more."""
        with self._changed:
            self._deadline = None
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _watch(self) -> None:
        with self._changed:
            while self._deadline is not None:
                left = self._deadline - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                self._deadline = None
                more = self._bite()
                if more is None:
                    self.has_bitten = True
                else:
                    self._deadline = time.monotonic() + more / 1000
