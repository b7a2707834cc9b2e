"""A device's flash as bytes on the host: a whole dump, or only the parts that were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from startline_host.errors import BadInput
from startline_host.file_access import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_MIB = 1 << 20
_STRETCH = 1 << 16


class FlashDump:
    """Flash of `size` bytes, of which `parts` (offset: bytes) are known."""

    def __init__(self, parts: Mapping[int, bytes], size: int) -> None:
        self._parts = dict(sorted(parts.items()))
        self.size = size

    def has(self, offset: int, length: int) -> bool:
        """Tell whether all these bytes are known."""
        return self.is_here(offset, length)

    def is_here(self, offset: int, length: int) -> bool:
        """Tell whether all these bytes are here already."""
        return any(
            at <= offset and offset + length <= at + len(d) for at, d in self._parts.items()
        )

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the flash. Raises BadInput for such as are not known."""
        for at, data in self._parts.items():
            if at <= offset and offset + length <= at + len(data):
                return data[offset - at : offset - at + length]
        raise BadInput(f"The bytes {offset:#x} to {offset + length:#x} are not in the dump.")

    def part(self, offset: int, size: int) -> DumpPart:
        """Return a partition, as the agent's own readers take it."""
        return DumpPart(self, offset, size)


class LazyFlashDump(FlashDump):
    """A dump that fetches more of a device's flash through `fetch(offset, length)`.

    Only what was opened with `allow` grows, in stretches of 64 KiB: a call costs more than a byte.
    """

    def __init__(
        self, parts: Mapping[int, bytes], size: int, fetch: Callable[[int, int], bytes]
    ) -> None:
        super().__init__(parts, size)
        self._fetch = fetch
        self._allowed: list[tuple[int, int]] = []

    def allow(self, offset: int, size: int) -> None:
        """Let these bytes be fetched when they are read."""
        self._allowed.append((offset, offset + size))

    def has(self, offset: int, length: int) -> bool:
        """Tell whether all these bytes are known, or can be."""
        return super().has(offset, length) or self._place(offset, length) is not None

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the flash, fetched where they must be. Raises BadInput, or as `fetch`."""
        place = self._place(offset, length)
        if place is None or super().has(offset, length):
            return super().read(offset, length)
        return b"".join(self._stretch(*place, at) for at in _starts(*place, offset, length))[
            (offset - place[0]) % _STRETCH :
        ][:length]

    def _place(self, offset: int, length: int) -> tuple[int, int] | None:
        for begin, end in self._allowed:
            if begin <= offset and offset + length <= end:
                return begin, end
        return None

    def _stretch(self, _begin: int, end: int, at: int) -> bytes:
        if at not in self._parts:
            self._parts[at] = self._fetch(at, min(_STRETCH, end - at))
        return self._parts[at]


def _starts(begin: int, _end: int, offset: int, length: int) -> range:
    first = begin + (offset - begin) // _STRETCH * _STRETCH
    return range(first, offset + length, _STRETCH)


class DumpPart:
    """A partition of a dump; offsets count from its start."""

    def __init__(self, dump: FlashDump, offset: int, size: int) -> None:
        self._dump = dump
        self._offset = offset
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the partition."""
        return self._dump.read(self._offset + offset, length)

    def all(self) -> bytes:
        """Return the whole partition."""
        return self.read(0, self.size)


def partition_reader(data: bytes) -> DumpPart:
    """Return a partition's bytes as the readers of flash take them, the agent's among them."""
    return FlashDump({0: data}, len(data)).part(0, len(data))


def load_dump(path: Path) -> FlashDump:
    """Read a file with a whole flash, from its first byte on.

    Raises BadInput for a file that cannot be read, or whose size is no flash's.
    """
    try:
        data = read_file(path)
    except OSError as error:
        raise BadInput(f"The dump {path} cannot be read: {error.strerror}.") from None
    if len(data) % _MIB or len(data).bit_count() != 1 or len(data) > 128 * _MIB:
        raise BadInput(
            f"{path} has {len(data)} bytes, which is not the size of a flash chip.",
            "Read all of it: esptool read-flash 0 ALL dump.bin",
        )
    return FlashDump({0: data}, len(data))
