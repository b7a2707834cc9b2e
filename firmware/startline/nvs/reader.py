"""Reader for NVS partitions: texts, integers and blobs by namespace and key.

`esp32.NVS` sees 32-bit integers and blobs of the partition `nvs` only; factory images hold texts
and lie elsewhere.
"""

from . import NvsEntries, unpack_from

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Place, Value


class NvsReader(NvsEntries):
    """Reads a partition of `size` bytes through `read(offset, length) -> bytes`."""

    skipped = 0x42  # the chunks of a blob, which its index leads to

    def value(self, place: "Place") -> "Value":
        """Return an entry's text, integer or blob; None, and named, if it is damaged."""
        kind = place[1][1]
        if kind == 0x48:
            return self._blob(place[1])
        value: Any = super().value(place)
        if kind & 0xF0 == 0x10 and value >> (kind & 15) * 8 - 1:
            value -= 1 << (kind & 15) * 8
        return value

    def _blob(self, index: bytes) -> "bytes | None":
        size, count, first = unpack_from("<IBB", index, 24)
        parts = [b""] * count
        for offset, head in self.scan():
            chunk = head[3] - first
            if (
                head[0] == index[0]
                and head[1] == 0x42
                and head[8:24] == index[8:24]
                and 0 <= chunk < count
            ):
                parts[chunk] = self.payload(offset, head) or b""
        blob = b"".join(parts)
        if len(blob) == size:
            return blob
        self.mark_damaged(index)
        return None
