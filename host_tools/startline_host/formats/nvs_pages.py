"""The health of NVS pages, for `inspect`: what each page says of itself, and whether it is true.

The format is Espressif's ("Non-volatile Storage Library, Internals", ESP-IDF documentation).
"""

from __future__ import annotations

import struct
import zlib
from typing import Literal

import msgspec

from startline_host.errors import BadInput

PAGE = 4096
ENTRIES = 126
_FIRST_ENTRY = 64
_STATES: dict[int, PageState] = {
    0xFFFF_FFFF: "blank",
    0xFFFF_FFFE: "active",
    0xFFFF_FFFC: "full",
    0xFFFF_FFF8: "freeing",
    0xFFFF_FFF0: "corrupt",
}
_EMPTY, _WRITTEN, _ERASED = 0b11, 0b10, 0b00
_LENGTH = struct.Struct("<H")
#: Types whose value stands in the entries behind them: string, legacy blob, blob data.
_VARIABLE = frozenset({0x21, 0x41, 0x42})

PageState = Literal["blank", "active", "full", "freeing", "corrupt", "damaged"]


class PageHealth(msgspec.Struct, frozen=True):
    """One page of 4096 bytes; the counts are entries of 32 bytes, 126 in all.

    `damaged` as a state means a header that is none; `broken` counts written entries whose CRC
    is wrong; `stray` means a blank page that holds bits all the same.
    """

    index: int
    state: PageState
    sequence: int
    version: int
    written: int = 0
    erased: int = 0
    empty: int = ENTRIES
    broken: int = 0
    stray: bool = False

    @property
    def healthy(self) -> bool:
        """Whether nothing about the page needs explaining."""
        return self.state in {"blank", "active", "full"} and not self.broken and not self.stray


def read_pages(data: bytes) -> list[PageHealth]:
    """Judge every page of an NVS partition. Raises BadInput for bytes that are no whole pages."""
    if not data or len(data) % PAGE:
        raise BadInput(f"An NVS partition is made of pages of {PAGE} bytes, not of {len(data)}.")
    return [_page(n, data[n * PAGE : (n + 1) * PAGE]) for n in range(len(data) // PAGE)]


def _page(index: int, page: bytes) -> PageHealth:
    state_word, sequence = struct.unpack_from("<II", page)
    version = 0xFF - page[8] + 1
    if page[:32] == b"\xff" * 32:
        return PageHealth(index, "blank", 0, 0, stray=page.count(0xFF) != PAGE)
    state = _STATES.get(state_word, "damaged")
    (crc,) = struct.unpack_from("<I", page, 28)
    if state == "blank" or zlib.crc32(page[4:28], 0xFFFF_FFFF) != crc:
        return PageHealth(index, "damaged", sequence, version)
    states = [page[32 + n // 4] >> 2 * (n % 4) & 0b11 for n in range(ENTRIES)]
    return PageHealth(
        index,
        state,
        sequence,
        version,
        written=states.count(_WRITTEN),
        erased=states.count(_ERASED),
        empty=states.count(_EMPTY),
        broken=_broken(page, states) + states.count(0b01),
    )


def _broken(page: bytes, states: list[int]) -> int:
    broken, at = 0, 0
    while at < ENTRIES:
        if states[at] != _WRITTEN:
            at += 1
            continue
        entry = page[_FIRST_ENTRY + 32 * at :][:32]
        span = entry[2]
        sound = (
            zlib.crc32(entry[:4] + entry[8:], 0xFFFF_FFFF) == int.from_bytes(entry[4:8], "little")
            and 1 <= span <= ENTRIES - at
        )
        broken += not sound or (entry[1] in _VARIABLE and not _data_sound(page, at, entry))
        # An unsound head says nothing of what stands behind it.
        at += span if sound else 1
    return broken


def _data_sound(page: bytes, at: int, entry: bytes) -> bool:
    (size,) = _LENGTH.unpack_from(entry, 24)
    begin = _FIRST_ENTRY + 32 * (at + 1)
    data = page[begin : begin + size]
    return len(data) == size and zlib.crc32(data, 0xFFFF_FFFF) == int.from_bytes(
        entry[28:32], "little"
    )
