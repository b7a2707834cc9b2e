"""One page of an NVS partition, written from the layout that Espressif documents.

A page is one flash sector: a header of 32 bytes, a map of two bits an entry, and 126 entries of
32 bytes. Every change of state only clears bits, so it needs no erase. Source: "Non-volatile
Storage Library", sections "Structure of a page" and "Structure of entry" (format version 2).
"""

from binascii import crc32
from struct import pack, unpack_from

PAGE_SIZE = 4096
ENTRY = 32
ENTRIES = 126
_MAP = 32
_FIRST = 64

BLANK = 0xFFFFFFFF
ACTIVE = 0xFFFFFFFE
FULL = 0xFFFFFFFC
FREEING = 0xFFFFFFF8
CORRUPT = 0

VERSION_1 = 0xFF
VERSION_2 = 0xFE

EMPTY = 3
WRITTEN = 2
ERASED = 0

U8 = 0x01
I32 = 0x14
BLOB_DATA = 0x42
BLOB_INDEX = 0x48
_VARIABLE = (0x21, 0x41, BLOB_DATA)
NO_CHUNK = 0xFF

_BLANK_ENTRY = b"\xff" * ENTRY


def checksum(*parts: bytes) -> int:
    """CRC-32 as NVS seeds it (0xFFFFFFFF), over the parts one after another."""
    value = 0xFFFFFFFF
    for part in parts:
        value = crc32(part, value)
    return value


def make_entry(namespace: int, kind: int, span: int, chunk: int, key: bytes, data: bytes) -> bytes:
    """Return the 32 bytes of an entry; `key` at most 15 bytes, `data` at most 8 (padded 0xFF)."""
    head = bytes((namespace, kind, span, chunk))
    tail = (key[:15] + b"\0" * 16)[:16] + (data + b"\xff" * 8)[:8]
    return head + pack("<I", checksum(head, tail)) + tail


def key_of(entry: bytes) -> bytes:
    """Return the key of an entry without its padding."""
    key = entry[8:24]
    end = key.find(b"\0")
    return key if end < 0 else key[:end]


def is_sound(entry: bytes) -> bool:
    """Tell whether the entry's own CRC fits."""
    return unpack_from("<I", entry, 4)[0] == checksum(entry[:4], entry[8:])


class NewerVersion(Exception):
    """A page of a format version that this code does not know."""


class NvsPage:
    """The page at `base` of `flash`; `next` is the first entry never used, `live` the written ones.

    `flash` has `read(offset, length)`, `program(offset, data)` and `erase(offset, length)`.
    """

    def __init__(self, flash, base: int) -> None:
        self._flash = flash
        self._base = base
        self._states = bytearray(b"\xff" * _MAP)
        self.state = BLANK
        self.sequence = -1
        self.next = 0
        self.live = 0

    def load(self) -> None:
        """Read header and map, and clear away what a power cut left half done.

        Raises NewerVersion. A header that cannot be trusted makes the page CORRUPT: its sector
        is erased before it is used again, not before.
        """
        head = self._flash.read(self._base, _FIRST)
        self.state, self.sequence = unpack_from("<II", head)
        if head[:ENTRY] == _BLANK_ENTRY:
            self.sequence = -1
            self.state = BLANK if self._is_blank() else CORRUPT
            return
        if unpack_from("<I", head, 28)[0] != checksum(head[4:28]) or self.state not in (
            ACTIVE,
            FULL,
            FREEING,
        ):
            self.state = CORRUPT
            self.sequence = -1
            return
        if head[8] < VERSION_2:
            raise NewerVersion
        self._states[:] = head[ENTRY:]
        self._repair()

    def entry_state(self, index: int) -> int:
        """Return EMPTY, WRITTEN or ERASED (or 1, which no writer makes)."""
        return (self._states[index >> 2] >> ((index & 3) * 2)) & 3

    def entry(self, index: int) -> bytes:
        """Return the 32 bytes of an entry."""
        return self._flash.read(self._base + _FIRST + index * ENTRY, ENTRY)

    def items(self):
        """Yield (index, entry) of each item; the data entries behind an item are skipped."""
        index = 0
        while index < self.next:
            if self.entry_state(index) != WRITTEN:
                index += 1
                continue
            entry = self.entry(index)
            yield index, entry
            index += max(entry[2], 1)

    def data(self, index: int, entry: bytes) -> bytes:
        """Return the bytes of a variable-length item, b"" short when its CRC does not fit."""
        size, _, expected = unpack_from("<HHI", entry, 24)
        data = self._flash.read(self._base + _FIRST + (index + 1) * ENTRY, size)
        return data if checksum(data) == expected else b""

    def activate(self, sequence: int) -> None:
        """Make a blank page the one that is written to; a corrupt one is erased first."""
        if self.state == CORRUPT:
            self.wipe()
        body = pack("<IB", sequence, VERSION_2) + b"\xff" * 19
        self._flash.program(self._base, pack("<I", ACTIVE) + body + pack("<I", checksum(body)))
        self.state = ACTIVE
        self.sequence = sequence

    def mark(self, state: int) -> None:
        """Change to a state that only clears bits: ACTIVE, FULL, FREEING in this order."""
        self._flash.program(self._base, pack("<I", state))
        self.state = state

    def append(self, entry: bytes, data: bytes = b"") -> None:
        """Write an item behind the last one; the caller has seen that it fits."""
        index = self.next
        self._program(index, entry)
        self._set_states(index, 1, WRITTEN)
        if data:
            self._program(index + 1, data)
        if entry[2] > 1:
            self._set_states(index + 1, entry[2] - 1, WRITTEN)
        self.next = index + entry[2]
        self.live += entry[2]

    def erase_item(self, index: int, span: int) -> None:
        """Mark an item's entries as erased; its bytes stay in flash until the page is reused."""
        span = min(max(span, 1), ENTRIES - index)
        self.live -= sum(self.entry_state(n) == WRITTEN for n in range(index, index + span))
        self._set_states(index, span, ERASED)

    def wipe(self) -> None:
        """Erase the sector."""
        self._flash.erase(self._base, PAGE_SIZE)
        self.__init__(self._flash, self._base)

    def _program(self, index: int, data: bytes) -> None:
        self._flash.program(self._base + _FIRST + index * ENTRY, data)

    def _set_states(self, index: int, count: int, state: int) -> None:
        for n in range(index, index + count):
            shift = (n & 3) * 2
            self._states[n >> 2] &= 0xFF ^ ((3 ^ state) << shift)
        first = index >> 2
        last = (index + count - 1) >> 2
        self._flash.program(self._base + _MAP + first, bytes(self._states[first : last + 1]))

    def _is_blank(self) -> bool:
        return all(
            self._flash.read(self._base + offset, 256) == b"\xff" * 256
            for offset in range(0, PAGE_SIZE, 256)
        )

    def _repair(self) -> None:
        """Find the end of the log and erase items that were never finished."""
        states = [self.entry_state(n) for n in range(ENTRIES)]
        self.next = ENTRIES
        while self.next and states[self.next - 1] == EMPTY:
            self.next -= 1
        self.live = sum(state == WRITTEN for state in states)
        index = 0
        while index < self.next:
            state = self.entry_state(index)
            if state == WRITTEN:
                index += self._check_item(index)
                continue
            if state != ERASED:  # a hole, or a bit pair that was torn
                self._set_states(index, 1, ERASED)
            index += 1
        # Bytes may have been written whose state was not yet.
        while self.next < ENTRIES and self.entry(self.next) != _BLANK_ENTRY:
            self._set_states(self.next, 1, ERASED)
            self.next += 1

    def _check_item(self, index: int) -> int:
        """Erase the item at `index` unless it is whole; return how many entries it takes."""
        entry = self.entry(index)
        if not is_sound(entry):
            self.erase_item(index, 1)
            return 1
        span = entry[2]
        fits = 0 < span <= ENTRIES - index and (span == 1 or entry[1] in _VARIABLE)
        if not fits:
            self.erase_item(index, 1)
            return 1
        if any(self.entry_state(n) != WRITTEN for n in range(index + 1, index + span)):
            # Also what lies behind in the span may hold bytes: it is never used again.
            self.erase_item(index, span)
            self.next = max(self.next, index + span)
        return span
