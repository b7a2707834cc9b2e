"""What happens on a race day, written down before it begins: the same seed writes the same day.

Runners start in a wave, and finish in a bell; a reader stands at the start, at the finish, and at
even distances between the two. A single one stands at the finish.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import msgspec

from startline_host.errors import BadInput

#: The part of the day from gun to last runner in which things go wrong.
_FROM, _SPAN = 0.12, 0.74
#: The share of its slot that an outage lasts, and for how many seconds a reader has no power.
_OUTAGE, _DARK = (0.3, 0.6), (3.0, 6.0)
#: Real crystals are off by so many parts in a million, either way.
_PPM = (5.0, 30.0)
_ANTENNAS = (1, 2)
#: The tags that a module's line carries in a second: 24 bytes each, at 115200 baud.
_MOST_TAGS = 115200 // 10 // 24
#: What all chips of a day begin with; the runner's number follows in 4 hex digits.
CHIP_PREFIX = "E2801160600002054C3A"


class DayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How large a day is: `minutes` from the gun to the last runner, and how often things happen.

    `dead_time` is in milliseconds; `closings` are sessions that somebody else closes.
    """

    readers: int = 3
    runners: int = 500
    minutes: float = 1.25
    outages: int = 2
    power_cuts: int = 3
    closings: int = 1
    dead_time: int = 5000
    seed: int = 0


class DaySighting(msgspec.Struct, frozen=True):
    """An antenna of a reader (counted from 0) sees a chip, so many seconds after the gun."""

    at: float
    reader: int
    antenna: int
    chip: str
    rssi: int


class DayOutage(msgspec.Struct, frozen=True):
    """A reader has no Wi-Fi for a while; of `reader` None it is the cloud that answers 503."""

    begin: float
    end: float
    reader: int | None


class DayPowerCut(msgspec.Struct, frozen=True):
    """A reader has no power from `begin` on, for at least until `end`."""

    begin: float
    end: float
    reader: int


class DayScript(msgspec.Struct, frozen=True, kw_only=True):
    """A whole day; times are seconds after the gun, `crystals` are ppm, one each reader.

    `closings` have when and whose session somebody else closes.
    """

    seconds: float
    sightings: tuple[DaySighting, ...]
    outages: tuple[DayOutage, ...]
    cuts: tuple[DayPowerCut, ...]
    closings: tuple[tuple[float, int], ...]
    crystals: tuple[float, ...]


def write_script(options: DayOptions) -> DayScript:
    """Make up a day. Raises BadInput for one with more tags at once than a module can tell of."""
    dice = Random(options.seed)  # noqa: S311 - it is no secret
    seconds = options.minutes * 60
    sightings = sorted(_sightings(options, seconds, dice), key=lambda one: one.at)
    _check_rate(options, sightings)
    return DayScript(
        seconds=seconds,
        sightings=tuple(sightings),
        outages=tuple(_outages(options, seconds, sightings, dice)),
        cuts=tuple(_cuts(options, seconds, sightings, dice)),
        closings=tuple(
            (seconds * dice.uniform(0.3, 0.6), dice.randrange(options.readers))
            for _ in range(options.closings)
        ),
        crystals=tuple(dice.choice((-1, 1)) * dice.uniform(*_PPM) for _ in range(options.readers)),
    )


def _sightings(options: DayOptions, seconds: float, dice: Random) -> list[DaySighting]:
    found = []
    last = options.readers - 1
    for runner in range(1, options.runners + 1):
        start = seconds * 0.16 * dice.betavariate(1.4, 3)
        finish = seconds * min(0.98, max(0.4, dice.gauss(0.7, 0.1)))
        for reader in range(options.readers):
            at = start + (finish - start) * (reader / last if last else 1.0)
            found += _crossing(at, reader, f"{CHIP_PREFIX}{runner:04X}", dice)
    return found


def _crossing(at: float, reader: int, chip: str, dice: Random) -> list[DaySighting]:
    """See one chip cross one line: both antennas do, one to three times within half a second."""
    found = []
    for antenna in _ANTENNAS:
        when = at + dice.uniform(0.0, 0.08)
        for _ in range(dice.randint(1, 3)):
            found.append(DaySighting(when, reader, antenna, chip, dice.randint(-75, -40)))
            when += dice.uniform(0.03, 0.16)
    return found


def _check_rate(options: DayOptions, sightings: Sequence[DaySighting]) -> None:
    """Have no module be a second behind with what it tells: a real one would leave tags out."""
    waiting: dict[tuple[int, int], tuple[float, float]] = {}  # since when, how many tags
    for one in sightings:
        since, tags = waiting.get((one.reader, one.antenna), (one.at, 0.0))
        tags = max(0.0, tags - (one.at - since) * _MOST_TAGS) + 1
        waiting[one.reader, one.antenna] = one.at, tags
        if tags > _MOST_TAGS:
            raise BadInput(
                f"{options.runners} runners in {options.minutes:g} minutes are more tags at once "
                f"than a module's line carries: {_MOST_TAGS} a second.",
                "Take fewer --runners, or more --minutes.",
            )


def _slots(count: int, seconds: float, dice: Random) -> list[tuple[float, float]]:
    """Part the middle of the day into slots; return a beginning in each, and a slot's length."""
    length = seconds * _SPAN / max(1, count)
    return [
        (seconds * _FROM + length * (number + dice.uniform(0.0, 0.4)), length)
        for number in range(count)
    ]


def _outages(
    options: DayOptions, seconds: float, sightings: Sequence[DaySighting], dice: Random
) -> Iterator[DayOutage]:
    """Take the Wi-Fi from one reader, then the cloud from all, and so on."""
    for number, (begin, length) in enumerate(_slots(options.outages, seconds, dice)):
        end = begin + length * dice.uniform(*_OUTAGE)
        reader = _busy(options, sightings, begin, end, dice)
        yield DayOutage(begin, end, reader if number % 2 == 0 else None)


def _cuts(
    options: DayOptions, seconds: float, sightings: Sequence[DaySighting], dice: Random
) -> Iterator[DayPowerCut]:
    for begin, length in _slots(options.power_cuts, seconds, dice):
        end = begin + min(dice.uniform(*_DARK), length / 2)
        yield DayPowerCut(begin, end, _busy(options, sightings, begin, end, dice))


def _busy(
    options: DayOptions, sightings: Sequence[DaySighting], begin: float, end: float, dice: Random
) -> int:
    """Choose a reader that has runners before it then, if one has."""
    busy = sorted({one.reader for one in sightings if begin <= one.at <= end})
    return dice.choice(busy or range(options.readers))
