"""What UTC is, how sure that is, and how the times of a boot become UTC.

Between UTC and the microseconds since boot lie two bounds; each sample that is taken narrows them,
and the crystal widens them as time goes by. How fast the crystal runs is measured over hours and
kept in `nvs`. Samples come from `sntp`, from the host, or from a module with a clock of its own.
"""

from .time_map import TimeMap
from .utc_text import utc_ms_of

if False:  # for mypy; a device has none of these
    from collections.abc import Sequence
    from typing import Any

    from agent_types import Chip, Emit, Note, Uptime

SOURCES = ("none", "ntp", "usb", "module", "holdover")
NTP, USB, MODULE, HOLDOVER = range(1, 5)  # type: int, int, int, int # indexes in SOURCES

_UNKNOWN_RATE = 50000  # parts per billion that a crystal is off when nothing is known of it
_KEPT_RATE = 3000  # when its rate is one that `nvs` has kept
_TEMPERATURE = 500  # what weather does to a rate that was measured
_FRESH_US = 1900 * 1000000  # a time that is older than that is held over
_STEEPEST = 500000000  # parts per billion: more is no clock, and a map has no room for it
_MOST_POINTS = 12  # an even number
_MOST_MS = 1 << 30  # that a time which is taken may be off
_STEP_US = 1000  # maps that differ by less are one


class Point:
    """A moment of a boot whose UTC is known, each in microseconds, `error_us` either way."""

    def __init__(self, time_us: int, utc_us: int, error_us: int, source: int) -> None:
        self.time_us = time_us
        self.utc_us = utc_us
        self.error_us = error_us
        self.source = source


class Timekeeper:
    """The time of this boot. `low` and `high` bound UTC minus our own time, as it was `at`.

    `note(point)` is called with every point that is taken, and what it raises is raised.
    """

    def __init__(self, chip: "Chip", uptime: "Uptime", note: "Note", emit: "Emit") -> None:
        self.chip = chip
        self.uptime = uptime
        self.note = note
        self.emit = emit
        self.points = []  # type: list[Point]
        # (boot id, its points), as whoever reads a journal has found them last
        self.past = -1, ()  # type: tuple[int, Sequence[Point]]
        self.low = self.high = self.at = 0
        self.rate, self.rate_error = self._kept_rate()
        self._written_rate = self.rate

    def known(self) -> bool:
        """Tell whether this boot has had a time."""
        return bool(self.points)

    def set_to(self, utc: "int | str", error_ms: int, source: int) -> None:
        """Take in what UTC is now, as `utc_ms_of` reads it, and how far off it may be.

        Raises ValueError; nothing is taken then.
        """
        utc_ms = utc_ms_of(utc)
        if (
            isinstance(error_ms, bool)
            or not isinstance(error_ms, int)
            or not 0 <= error_ms <= _MOST_MS
        ):
            raise ValueError("the error has to be a number from 0 to %d" % _MOST_MS)
        if source not in (NTP, USB, MODULE):
            raise ValueError("the source has to be 1 (ntp), 2 (usb) or 3 (module)")
        ahead = utc_ms * 1000 + 500 - self.uptime.now()
        error = error_ms * 1000 + 500
        self.take(ahead - error, ahead + error, source)

    def take(self, low: int, high: int, source: int) -> None:
        """Take in that UTC minus our own time lies between `low` and `high`, in microseconds."""
        now = self.uptime.now()
        if self.points:
            before = self._bounds(now)
            if low > before[1] or high < before[0]:
                # One of the two was wrong; this is what is said now.
                self.emit("race_clock", {"step_ms": ((low + high) - sum(before)) // 2000})
                self.rate_error = max(self.rate_error, _KEPT_RATE)
                self.points = []
            else:
                low, high = max(low, before[0]), min(high, before[1])
        self.low, self.high, self.at = low, high, now
        point = Point(now, now + (low + high) // 2, (high - low) // 2 + 1, source)
        self._measure_rate(point)
        self.points.append(point)
        thin(self.points)
        self._set_calendar(point.utc_us // 1000000)
        self.note(point)

    def quality(self) -> "tuple[str, int]":
        """Return (name of the source, error in milliseconds, rounded up); ("none", 0)."""
        if not self.points:
            return SOURCES[0], 0
        now = self.uptime.now()
        low, high = self._bounds(now)
        source = self.points[-1].source
        if now - self.at > _FRESH_US:
            source = HOLDOVER
        return SOURCES[source], (high - low) // 2000 + 1

    def utc_us(self) -> int:
        """Return what Unix time it is, in microseconds; 0 where that is not known."""
        if not self.points:
            return 0
        now = self.uptime.now()
        return now + sum(self._bounds(now)) // 2

    def _bounds(self, now: int) -> "tuple[int, int]":
        passed = now - self.at
        moved = passed * self.rate // 1000000000
        wider = passed * (self.rate_error + _TEMPERATURE) // 1000000000
        return self.low + moved - wider, self.high + moved + wider

    def _set_calendar(self, seconds: int) -> None:
        """Set the calendar clock, which certificates are judged by."""
        if abs(self.chip.unix() - seconds) > 1:
            self.chip.set_unix(seconds)

    # The crystal's rate.

    def _measure_rate(self, point: Point) -> None:
        """Take the rate since an earlier point where it is surer than what is known."""
        for one in self.points:
            passed = point.time_us - one.time_us
            if passed < 300000000:
                continue
            error = (point.error_us + one.error_us) * 1000000000 // passed
            if error < self.rate_error:
                gained = point.utc_us - one.utc_us - passed
                self.rate = gained * 1000000000 // passed
                self.rate_error = error
        if self.rate_error < _KEPT_RATE and abs(self.rate - self._written_rate) > 200:
            self._keep_rate()

    def _kept_rate(self) -> "tuple[int, int]":
        try:
            return self.chip.nvs("race").get_i32("rate_ppb"), _KEPT_RATE
        except OSError:
            return 0, _UNKNOWN_RATE

    def _keep_rate(self) -> None:
        self._written_rate = self.rate
        try:
            nvs = self.chip.nvs("race")
            nvs.set_i32("rate_ppb", self.rate)
            nvs.commit()
        except OSError:
            pass  # the next boot has to measure it again

    # Times of a boot.

    def map_for(
        self,
        boot: int,
        points: "Sequence[Point]",
        first_us: int,
        last_us: int,
        now_map: "TimeMap | None",
    ) -> TimeMap:
        """Return the map for what lies between two times of a boot; `now_map` where that will do.

        The times of a boot never go backwards: a map that turns out to have been ahead is followed
        by one that is slower until it is right.
        """
        # A point that is much less sure than another one makes this moment tells nothing of it.
        least = min(
            [
                point.error_us + abs(point.time_us - first_us) * self.rate_error // 1000000000
                for point in points
            ]
        )
        points = [point for point in points if point.error_us <= 4 * least]
        before = after = None  # type: Point | None
        for point in points:
            if point.time_us <= first_us:
                before = point
            elif not after or after.time_us < last_us:
                after = point
        start: "Any" = before or after
        one = TimeMap()
        one.boot = boot
        one.rate = self.rate
        if before and after:
            passed = after.time_us - before.time_us
            slope = (after.utc_us - before.utc_us - passed) * 1000000000 // passed
            one.rate = max(min(slope, _STEEPEST), -_STEEPEST)
        one.time_us = start.time_us
        one.utc_us = start.utc_us
        one.utc_us = one.utc(first_us)
        one.time_us = first_us
        far = min([abs(first_us - point.time_us) for point in points])
        one.error_ms = (start.error_us + far * self.rate_error // 1000000000) // 1000 + 1
        one.source = start.source if far < _FRESH_US else HOLDOVER
        if now_map and now_map.boot == boot:
            ahead = now_map.utc(first_us) - one.utc_us
            if max(abs(ahead), abs(now_map.utc(last_us) - one.utc(last_us))) < _STEP_US:
                return now_map
            if ahead > 0:
                one.utc_us += ahead
                one.error_ms += ahead // 1000
                # Right again at the last passing, or as soon as 5 % slower can be.
                one.rate -= ahead * 1000000000 // max(last_us - first_us, ahead * 20)
        return one


def thin(points: "list[Any]") -> None:
    """Drop every second of too many points; the first and the last stay."""
    if len(points) > _MOST_POINTS:
        points[:] = points[::2]
