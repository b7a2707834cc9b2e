"""The crystal: what the chip counts as a second is never quite one."""

import time

_BILLION = 1_000_000_000


class Crystal:
    """Microseconds as the chip counts them, `ppb` parts in a billion too fast (or too slow).

    It counts from the same moment in every life, so what is kept over a reset stays true.
    """

    def __init__(self, ppb: int = 0) -> None:
        self._ppb = ppb

    def ticks_us(self) -> int:
        """Return a count that never goes back."""
        now = time.ticks_us()
        return now + now * self._ppb // _BILLION if self._ppb else now

    def real_us(self, counted_us: int) -> int:
        """Return how long the chip's microseconds last."""
        return counted_us * _BILLION // (_BILLION + self._ppb) if self._ppb else counted_us

    def real_ms(self, counted_ms: int) -> int:
        """Return how many whole milliseconds the chip's last; negative stands for no limit."""
        return counted_ms if counted_ms < 0 else -(-self.real_us(counted_ms * 1000) // 1000)
