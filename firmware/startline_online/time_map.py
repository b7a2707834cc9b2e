"""How the times of a boot become UTC, and the bytes of that."""

from struct import pack, unpack_from

if False:  # for mypy; a device has none of these
    from agent_types import Bytes

# Bytes of a map: boot id u16, time since that boot in us u48 (low u32, high u16), Unix time in us u64
# at that moment, how much faster than the boot's clock UTC runs in ppb i32, error in ms u16, source
# u8 (index in SOURCES).
_MAP = "<HIHQiHB"


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
        """Return its bytes."""
        at = self.time_us
        return pack(
            _MAP, self.boot, at & 0xFFFFFFFF, at >> 32, self.utc_us, self.rate,
            min(self.error_ms, 0xFFFF), self.source,
        )  # fmt: skip


def unpack_map(raw: "Bytes") -> TimeMap:
    """Return a time map from its bytes."""
    one = TimeMap()
    (
        one.boot, low, high, one.utc_us, one.rate, one.error_ms, one.source,
    ) = unpack_from(_MAP, raw)  # fmt: skip
    one.time_us = high << 32 | low
    return one
