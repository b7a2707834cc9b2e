"""Microseconds since boot in 64 bits, over every wrap of the chip's own counters.

`ticks_ms` wraps after 12.4 days and `ticks_us` after 18 minutes (2**30 on a chip). Whoever uses
the race comes by more often than that; where not, the seconds of the calendar clock tell how many
wraps went by, unless it was set meanwhile.
"""

if False:  # for mypy; a device has none of these
    from agent_types import Chip

_MASK = (1 << 30) - 1
_HALF = 1 << 29
_WRAP_S = (1 << 30) // 1000
_SET = 1577836800  # 2020-01-01: before it, the calendar clock was never set


class Uptime:
    """The clock of this boot; `chip` is as `startline.chip.Chip`."""

    def __init__(self, chip: "Chip") -> None:
        self.chip = chip
        self._ticks = chip.ms() & _MASK
        self._ms = self._ticks
        self._unix = chip.unix()

    def now(self) -> int:
        """Return the microseconds since boot."""
        ticks = self.chip.ms() & _MASK
        passed = (ticks - self._ticks) & _MASK
        self._ticks = ticks
        self._ms += passed
        if passed > 60000:
            self._count_wraps(passed // 1000)
        exact = self._ms * 1000
        return exact + _signed(self.chip.us() - exact)

    def _count_wraps(self, passed: int) -> None:
        unix = self.chip.unix()
        wraps, rest = divmod(unix - self._unix - passed + 3600, _WRAP_S)
        if self._unix > _SET and wraps > 0 and rest < 7200:
            self._ms += wraps << 30
        self._unix = unix

    def at_ms(self, ticks: int) -> int:
        """Return when `time.ticks_ms()` was `ticks`, up to 6 days ago. Raises ValueError."""
        _check(ticks)
        now = self.now()
        # The same for the same ticks whenever it is asked: what is seen together has one time.
        return self._past(now, (self._ms - _signed(self._ticks - ticks)) * 1000)

    def at_us(self, ticks: int) -> int:
        """Return when `time.ticks_us()` was `ticks`, up to 8 minutes ago. Raises ValueError."""
        _check(ticks)
        now = self.now()
        return self._past(now, now - _signed(now - ticks))

    def _past(self, now: int, time_us: int) -> int:
        if time_us < 0:
            raise ValueError("the time of the passing lies before this boot")
        if time_us > now + 2000000:
            raise ValueError("the time of the passing lies in the future")
        return min(time_us, now)


def _check(ticks: int) -> None:
    if not isinstance(ticks, int):
        raise ValueError("the time of a sighting has to be what the chip's own counter said")


def _signed(ticks: int) -> int:
    """Return a difference of two counters that wrap."""
    return ((ticks + _HALF) & _MASK) - _HALF
