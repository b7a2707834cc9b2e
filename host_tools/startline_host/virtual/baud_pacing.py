"""One direction of the serial line: instant by default, or at the pace of a baud rate."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BITS_A_BYTE = 10
"""A start bit, eight of data, a stop bit."""
_TICK_SECONDS = 0.002


class BaudPacer:
    """Carries bytes to `deliver`; counts them in `carried`, and in `busy` the line's seconds.

    `rate` gives the baud rate of the moment. `paced`, bytes arrive no faster than the line could
    bring them; a tick's worth at a time, in the running asyncio loop.
    """

    def __init__(
        self, deliver: Callable[[bytes], None], rate: Callable[[], int], *, paced: bool = False
    ) -> None:
        self.carried = 0
        self.busy = 0.0
        self._deliver = deliver
        self._rate = rate
        self._paced = paced
        self._waiting = bytearray()
        self._free_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def backlog(self) -> int:
        """How many bytes wait for their time on the line."""
        return len(self._waiting)

    def push(self, data: bytes) -> None:
        """Send `data` down the line."""
        if not data:
            return
        if not self._paced:
            self._carry(data)
            return
        if not self._waiting:
            self._free_at = max(self._free_at, time.monotonic())
        self._waiting += data
        if self._timer is None:
            self._tick()

    def clear(self) -> None:
        """Drop what has not been delivered."""
        self._waiting.clear()

    def _tick(self) -> None:
        self._timer = None
        rate = self._bytes_a_second()
        due = int((time.monotonic() - self._free_at) * rate)
        piece = bytes(self._waiting[:due])
        del self._waiting[:due]
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)
        if piece:
            self._free_at += len(piece) / rate
            self._carry(piece)

    def _carry(self, data: bytes) -> None:
        self.carried += len(data)
        self.busy += len(data) / self._bytes_a_second()
        self._deliver(data)

    def _bytes_a_second(self) -> float:
        return max(1, self._rate()) / _BITS_A_BYTE
