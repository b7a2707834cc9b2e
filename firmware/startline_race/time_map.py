"""How the times of a boot become UTC, and the bytes of that in the journal."""

from struct import pack, unpack_from

from .journal_format import TIME_MAP, split_us


class TimeMap:
    """How the times of one boot become UTC: linear, from a moment on.

    `time_us` is since boot, `utc_us` Unix time, `rate` in parts per billion, `error_ms` how far
    off it may be, `source` an index in SOURCES.
    """

    boot = time_us = utc_us = rate = error_ms = source = 0

    def utc(self, time_us: int) -> int:
        """Return Unix time in microseconds."""
        passed = time_us - self.time_us
        return self.utc_us + passed + passed * self.rate // 1000000000

    def pack(self) -> bytes:
        """Return the payload of a MAP entry."""
        low, high = split_us(self.time_us)
        error_ms = min(self.error_ms, 0xFFFF)
        return pack(TIME_MAP, self.boot, low, high, self.utc_us, self.rate, error_ms, self.source)


def unpack_map(raw) -> TimeMap:
    """Return a time map from the payload of its entry."""
    one = TimeMap()
    (
        one.boot, low, high, one.utc_us, one.rate, one.error_ms, one.source,
    ) = unpack_from(TIME_MAP, raw)  # fmt: skip
    one.time_us = high << 32 | low
    return one
