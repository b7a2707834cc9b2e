"""The time points of a boot, as the journal has them."""

from struct import unpack_from

from startline_online.timekeeper import Point, thin

from .journal_format import BOOT, TIME, TIME_POINT, entries_of

if False:  # for mypy; a device has none of these
    from collections.abc import Generator, Sequence

    from agent_types import Bytes, Journal
    from startline_online.timekeeper import Timekeeper


def points_of(
    keeper: "Timekeeper", journal: "Journal", boot: int, number: int
) -> "Generator[int, None, Sequence[Point]]":
    """Find the time points of a boot from the sector of a passing on; a generator, see Sender.

    Each sector begins with the last point before it. Its value is a list, [] for a boot that
    never had a time. What was found last is kept, as `past` of the timekeeper, only once all was
    read: a search that is broken off has not come to what a boot learnt late.
    """
    if boot == journal.boot:
        return keeper.points
    if keeper.past[0] != boot:
        found = []  # type: list[Point]
        for sector in journal.sectors_from(number):
            if _take_points(found, boot, sector):
                break
            yield 0
        keeper.past = boot, found
    return keeper.past[1]


def _take_points(found: "list[Point]", boot: int, sector: "Bytes") -> bool:
    """Take the time points of a boot out of a sector; tell whether a later boot begins in it."""
    for kind, payload in entries_of(sector):
        if kind == TIME and len(payload) >= 21:
            of, low, high, utc_us, error_us, source = unpack_from(TIME_POINT, payload)
            time_us = high << 32 | low
            if of == boot and (not found or found[-1].time_us < time_us):
                found.append(Point(time_us, utc_us, error_us, source))
                thin(found)
        elif kind == BOOT and 0 < (unpack_from("<H", payload)[0] - boot & 0xFFFF) < 0x8000:
            return True
    return False
