"""The time of a boot by itself: its bounds, the crystal's rate, and the map that a batch is frozen by."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from startline_online.time_map import TimeMap
from startline_online.timekeeper import HOLDOVER, MODULE, NTP, Point, Timekeeper, thin

S = 1_000_000
UTC = 1_795_000_000 * S


class KeptRate:
    """The namespace `race` of `nvs`: a rate, and how often it was written."""

    def __init__(self, rate: int | None) -> None:
        self.rate = rate
        self.written: list[int] = []

    def get_i32(self, _key: str) -> int:
        """Return it. Raises OSError for none."""
        if self.rate is None:
            raise OSError(-4354, "")
        return self.rate

    def set_i32(self, _key: str, value: int) -> None:
        """Keep it."""
        self.rate = value

    def commit(self) -> None:
        """Make it durable."""
        assert self.rate is not None
        self.written.append(self.rate)


class Time:
    """A timekeeper and its clock; `told` are its events, `entries` the points that were noted."""

    def __init__(self, rate: int | None = None) -> None:
        self.now = 0
        self.kept = KeptRate(rate)
        self.told: list[dict[str, Any]] = []
        self.entries: list[Point] = []
        self.calendar = 0
        chip = SimpleNamespace(
            nvs=lambda _: self.kept, unix=lambda: self.calendar, set_unix=self.set_unix
        )
        uptime = SimpleNamespace(now=lambda: self.now)
        self.keeper: Any = Timekeeper(
            chip, uptime, self.entries.append, lambda _, fields: self.told.append(fields)
        )

    def set_unix(self, seconds: int) -> None:
        """Set the calendar."""
        self.calendar = seconds

    def take(self, at: int, ahead: int, error: int = 1000, source: int = NTP) -> None:
        """Take a time at that moment, so far off either way, in microseconds."""
        self.now = at
        self.keeper.take(ahead - error, ahead + error, source)


def test_points_are_thinned() -> None:
    """Of more than twelve every second stays, the first and the last among them."""
    for count, left in ((12, 12), (13, 7)):
        points = list(range(count))
        thin(points)
        assert (len(points), points[0], points[-1]) == (left, 0, count - 1)


def test_bounds_widen_and_move() -> None:
    """With the rate both move, and by what is not known of it they part."""
    time = Time(rate=10_000)  # 10 ppm
    time.take(0, UTC, 1000)
    assert time.keeper.utc_us() == UTC
    time.now = 1000 * S
    assert time.keeper.utc_us() == UTC + 1000 * S + 10_000
    low, high = time.keeper._bounds(time.now)
    assert high - low == 2 * (1000 + 3500)
    assert time.keeper.quality() == ("ntp", 5)
    time.now = 1901 * S
    assert time.keeper.quality()[0] == "holdover"


def test_samples_narrow_and_a_step_is_told() -> None:
    """What all say holds; what contradicts all before takes their place."""
    time = Time(rate=0)
    time.take(0, UTC, 5000)
    time.take(0, UTC + 4000, 2000)
    assert (time.keeper.low, time.keeper.high) == (UTC + 2000, UTC + 5000)
    time.take(0, UTC + 60 * S, 1000)
    assert [one["step_ms"] for one in time.told] == [59_996]
    assert len(time.keeper.points) == 1
    assert (time.keeper.low, time.keeper.high) == (UTC + 60 * S - 1000, UTC + 60 * S + 1000)


def test_the_calendar_is_set_where_it_is_off() -> None:
    """By more than a second, and not for less: certificates are judged by it."""
    time = Time()
    time.calendar = UTC // S - 1
    time.take(0, UTC)
    assert time.calendar == UTC // S - 1
    time.calendar = UTC // S + 2
    time.take(0, UTC)
    assert time.calendar == UTC // S


def test_the_rate_is_measured_over_minutes() -> None:
    """Two points that lie five minutes apart tell it, if surely enough; it is kept where it changed."""
    time = Time()
    time.take(0, UTC, 10)
    time.take(299 * S, UTC + 299 * 20, 10)
    assert (time.keeper.rate, time.kept.written) == (0, [])
    time.take(300 * S, UTC + 300 * 20, 10)
    assert time.keeper.rate == 20_000  # 20 us a second
    assert time.keeper.rate_error == 22 * 1000 // 300
    assert time.kept.written == [20_000]
    time.take(700 * S, UTC + 700 * 20, 10)
    assert time.kept.written == [20_000]


def test_a_rate_that_is_not_sure_is_not_kept() -> None:
    """Half a millisecond in five minutes says little; the kept rate of an earlier boot is better."""
    time = Time(rate=7_000)
    assert (time.keeper.rate, time.keeper.rate_error) == (7_000, 3_000)
    time.take(0, UTC, 500)
    time.take(300 * S, UTC, 500)
    assert (time.keeper.rate, time.kept.written) == (7_000, [])
    assert Time().keeper.rate_error == 50_000


def test_a_rate_that_hardly_changed_is_not_written() -> None:
    """A change of 0.2 ppm is worth no flash, one more is."""
    for more, written in ((200, []), (201, [7_201])):
        time = Time(rate=7_000)
        time.take(0, UTC, 1)
        time.take(1000 * S, UTC + 7_000 + more, 1)
        assert (time.keeper.rate, time.kept.written) == (7_000 + more, written)


def points(*places: tuple[int, int]) -> list[Point]:
    """Return points: so many seconds after the boot, so many microseconds ahead of an even clock."""
    return [Point(at * S, UTC + at * S + ahead, 1000, NTP) for at, ahead in places]


@pytest.mark.parametrize(
    ("found", "first", "last", "ahead"),
    [
        (points((0, 0)), 100, 200, (0, 0)),
        (points((300, 30)), 100, 200, (30, 30)),  # dated backwards
        (points((0, 0), (1000, 1000)), 100, 200, (100, 200)),  # a line between two
        (points((0, 0), (500, 0), (1000, 1000)), 600, 700, (200, 400)),
        (
            points((0, 0), (150, 0), (1000, 1000)),
            100,
            200,
            (100, 200),
        ),  # the next that is behind all
        (points((0, 0), (100, 100)), 200, 300, (100, 100)),  # none behind
    ],
)
def test_how_times_become_utc(
    found: list[Point], first: int, last: int, ahead: tuple[int, int]
) -> None:
    """By the last point before the first passing and the one behind the last, where there are both."""
    one = Time(rate=0).keeper.map_for(3, found, first * S, last * S, None)
    assert one.boot == 3
    for at, more in zip((first, last), ahead, strict=True):
        assert abs(one.utc(at * S) - (UTC + at * S + more)) <= 1
    assert one.source == NTP


def test_a_map_that_will_do_stays() -> None:
    """One that differs by less than a millisecond is the one that is used already; of another boot not."""
    keeper = Time(rate=0).keeper
    now = keeper.map_for(3, points((0, 0)), 0, S, None)
    assert keeper.map_for(3, points((0, 999)), 10 * S, 20 * S, now) is now
    assert keeper.map_for(3, points((0, -999)), 10 * S, 20 * S, now) is now
    assert keeper.map_for(3, points((0, 1000)), 10 * S, 20 * S, now) is not now
    assert keeper.map_for(4, points((0, 0)), 10 * S, 20 * S, now) is not now


def test_times_never_go_backwards() -> None:
    """A map that was ahead is followed by a slower one, which is right in the end, and never slow at once."""
    keeper = Time(rate=0).keeper
    now = keeper.map_for(3, points((0, 2 * S)), 0, S, None)
    after = keeper.map_for(3, points((0, 0)), 10 * S, 100 * S, now)
    assert after.utc(10 * S) == now.utc(10 * S)
    assert after.utc(100 * S) == UTC + 100 * S
    short = keeper.map_for(3, points((0, 0)), 10 * S, 11 * S, now)
    assert short.rate == -50_000_000  # 5 %
    assert isinstance(short, TimeMap)
    behind = keeper.map_for(3, points((0, 4 * S)), 10 * S, 11 * S, now)
    assert behind.utc(10 * S) == UTC + 14 * S


def test_a_map_that_is_a_microsecond_ahead_is_followed_from_there() -> None:
    """Not even by the least bit do times go backwards where one map follows another."""
    keeper = Time(rate=0).keeper
    now = keeper.map_for(3, points((0, 1)), 0, S, None)
    now.rate = 1_000_000  # a millisecond in a second: at the last passing it is far ahead
    now.time_us, now.utc_us = 10 * S, UTC + 10 * S + 1
    after = keeper.map_for(3, points((0, 0)), 10 * S, 100 * S, now)
    assert after is not now
    assert after.utc(10 * S) == now.utc(10 * S)


def test_how_sure_a_map_is() -> None:
    """The error of its point and what the crystal adds on the way; far from it, it is held over."""
    keeper = Time(rate=0).keeper  # 3 ppm
    near = keeper.map_for(3, points((0, 0)), 1899 * S, 1900 * S, None)
    far = keeper.map_for(3, points((0, 0)), 1900 * S, 1901 * S, None)
    assert (near.source, far.source) == (NTP, HOLDOVER)
    assert near.error_ms == (1000 + 1899 * 3) // 1000 + 1
    nearest = keeper.map_for(3, points((0, 0), (5000, 0)), 4999 * S, 5000 * S, None)
    assert nearest.error_ms == (1000 + 3) // 1000 + 1


def test_no_time_yet() -> None:
    """Until there is one, nothing is known, and no error either."""
    time = Time()
    assert not time.keeper.known()
    assert (time.keeper.quality(), time.keeper.utc_us()) == (("none", 0), 0)
    time.take(5 * S, UTC, source=MODULE)
    assert time.keeper.known()
    assert time.keeper.quality() == ("module", 2)
    assert len(time.entries) == 1


def test_a_point_that_is_not_sure_tells_nothing_beside_one_that_is() -> None:
    """A module's clock that may be a second off draws no line with what a server says to the millisecond."""
    keeper = Time(rate=0).keeper
    coarse = Point(0, UTC + 900_000, 1_000_000, MODULE)
    for found in ([coarse, *points((60, 0))], [*points((-60, 0)), coarse]):
        for at in (-10, 5, 50):
            one = keeper.map_for(3, found, at * S, at * S + S, None)
            assert abs(one.utc(at * S) - (UTC + at * S)) <= 1
            assert (one.source, one.rate) == (NTP, 0)
    alone = keeper.map_for(3, [coarse], 5 * S, 6 * S, None)
    assert (alone.utc(5 * S), alone.source) == (UTC + 5 * S + 900_000, MODULE)


def test_a_map_that_is_ahead_says_how_far() -> None:
    """While times must not go backwards, what they are off belongs to their error."""
    keeper = Time(rate=0).keeper
    now = keeper.map_for(3, points((0, 60 * S)), 0, S, None)
    after = keeper.map_for(3, points((0, 0)), 10 * S, 11 * S, now)
    assert after.utc(10 * S) - (UTC + 10 * S) == 60 * S
    assert after.error_ms >= 60_000


@pytest.mark.parametrize(
    ("utc", "error_ms", "source"),
    [
        (1_795_860_000_000.0, 10, MODULE),
        (True, 10, MODULE),
        (1_795_860_000_000, None, MODULE),
        (1_795_860_000_000, True, MODULE),
        (1_795_860_000_000, -1, MODULE),
        (1_795_860_000_000, 1.5, MODULE),
        (1_795_860_000_000, (1 << 30) + 1, MODULE),
        (1_795_860_000_000, 10, 0),
        (1_795_860_000_000, 10, 99),
        (1_795_860_000_000, 10, "x"),
        (1_795_860_000_000, 10, None),
    ],
)
def test_a_time_that_cannot_be_is_not_taken(utc: Any, error_ms: Any, source: Any) -> None:
    """What is no time, no error or no source is one sentence, and changes nothing."""
    time = Time()
    with pytest.raises(ValueError, match="has to be"):
        time.keeper.set_to(utc, error_ms, source)
    assert not time.keeper.known()
    assert (time.entries, time.calendar) == ([], 0)
