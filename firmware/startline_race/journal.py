"""The journal of a race: a ring of flash sectors that only ever grows at its end.

What `append` returned for is in flash and reads back. It never erases: blank sectors are kept
ahead of it by `prepare`, which the sender calls while nothing is being timed, since an erase
stops both cores of an ESP32 for tens of milliseconds.
"""

from array import array

from .journal_format import (
    HEADER_SIZE,
    PASSING,
    SECTOR,
    end_of_entries,
    entry_size,
    find_entry,
    pack_entry,
    pack_header,
    unpack_header,
)

POOL = 8  # blank sectors that are kept ahead: 700 passings
_NONE = 0xFFFFFFFF  # instead of a passing number: the sector has no intact header


class JournalFull(Exception):
    """There is no blank sector left; nothing was stored, and nothing was overwritten."""


class Journal:
    """A journal over `flash`, as `hal.Flash` is, for the device that `owner` (8 bytes) names.

    `number` is the number that the next passing gets; numbers count from 1 for the whole life of
    the journal. `boot` is the id that entries of this boot are stored under. `checkpoint()`, which
    the owner of the journal may set, returns a list of (kind, payload) that each new sector is to
    begin with, so that a boot has to read no more than the last sector to know how things stand.
    `foreign` tells that the journal was made for another device.
    """

    def __init__(self, flash, owner: bytes) -> None:
        self.flash = flash
        self.owner = owner
        self.sectors = flash.size // SECTOR
        self.first = array("I", [_NONE] * self.sectors)  # the first passing number of each sector
        self.blank = []  # indexes of sectors ahead that were seen to be blank, in order
        self.spoilt = []  # sectors ahead that do not become blank any more
        self.head = -1  # the sector that is being written; -1: the journal is empty
        self.sequence = 0  # of that sector
        self.used = 0  # sectors from the oldest to the head
        self.offset = SECTOR  # where in it the next entry goes
        self.number = 1
        self.boot = 0
        self.foreign = False
        self.checkpoint = list
        self._buffer = bytearray(256)

    # Opening.

    def open(self) -> None:
        """Find the end, by the headers and then in one sector. Raises NewerFormat, OSError."""
        newest = -1
        for index in range(self.sectors):
            header = unpack_header(self.flash.read(index * SECTOR, HEADER_SIZE))
            if header:
                boot, sequence, self.first[index], owner = header
                if newest < 0 or sequence > self.sequence:
                    newest = index
                    self.sequence = sequence
                    self.boot = boot
                    self.number = self.first[index]
                    self.foreign = owner != self.owner
        self.head = newest
        if newest < 0:
            return
        self.used = self._count_used()
        sector = self.flash.read(newest * SECTOR, SECTOR)
        self.offset = end_of_entries(sector)
        for kind, payload in entries_of(sector):
            if kind == PASSING:
                self.number = max(self.number, int.from_bytes(bytes(payload[:4]), "little") + 1)

    def _count_used(self) -> int:
        """Return how many sectors there are from the oldest with a header to the head."""
        used = 1
        for distance in range(1, self.sectors):
            if self.first[(self.head - distance) % self.sectors] != _NONE:
                used = distance + 1
        return used

    # Writing.

    def append(self, kind: int, payload) -> int:
        """Store an entry; return its offset in the partition. Raises JournalFull, OSError.

        One program of flash, or two where a new sector is begun. Bytes that do not read back are
        left behind, where their CRC tells that they are nothing, and written again after them.
        """
        size = entry_size(len(payload))
        for _ in range(3):
            if self.offset + size > SECTOR:
                self._begin_sector()
            at = self.head * SECTOR + self.offset
            pack_entry(self._buffer, 0, kind, payload)
            raw = memoryview(self._buffer)[:size]
            self.offset += size
            self.flash.program(at, raw)
            if self.flash.read(at, size) == raw:
                return at
        raise OSError("the journal's flash does not hold what is written")

    def _begin_sector(self) -> None:
        """Go on in the next blank sector. Raises JournalFull, OSError."""
        while self.blank:
            index = self.blank.pop(0)
            # The sequence number follows the place in the ring, also past a sector that is skipped.
            step = (index - self.head) % self.sectors if self.head >= 0 else 1
            raw = bytearray(pack_header(self.boot, self.sequence + step, self.number, self.owner))
            for kind, payload in self.checkpoint():
                at = len(raw)
                raw.extend(bytes(entry_size(len(payload))))
                pack_entry(raw, at, kind, payload)
            self.flash.program(index * SECTOR, raw)
            if self.flash.read(index * SECTOR, len(raw)) == raw:
                self.head = index
                self.sequence += step
                self.used += step
                self.first[index] = self.number
                self.offset = len(raw)
                return
        raise JournalFull("the journal is full: nothing was stored, and nothing was overwritten")

    def prepare(self, keep_from: int, limit: int = 1) -> bool:
        """Erase at most `limit` sectors to have `POOL` blank ones; tell whether there are as many.

        A sector is reused only when every passing in it has a number below `keep_from`, and only
        from the oldest on. Raises OSError.
        """
        erased = 0
        for distance in range(1, self.sectors):
            if len(self.blank) >= POOL:
                break
            index = (self.head + distance) % self.sectors
            if index in self.blank or index in self.spoilt:
                continue
            if not self._is_blank(index):
                if erased == limit or not self._may_reuse(index, keep_from):
                    break
                erased += 1
                self.first[index] = _NONE
                self.used = min(self.used, self.sectors - distance)
                self.flash.erase(index * SECTOR)
                if not self._is_blank(index):
                    self.spoilt.append(index)
                    continue
            self.blank.append(index)
        return len(self.blank) >= POOL

    def look_ahead(self) -> None:
        """Find the blank sectors that are there already, without erasing. Raises OSError."""
        self.prepare(0, 0)

    def _may_reuse(self, index: int, keep_from: int) -> bool:
        """Tell whether nothing in a sector is needed; a lost header changes nothing about that."""
        age = (self.head - index) % self.sectors
        if age >= self.used:
            return True  # no part of the journal: torn while it was erased, or begun and left
        for younger in range(age - 1, -1, -1):
            first = self.first[(self.head - younger) % self.sectors]
            if first != _NONE:
                return first <= keep_from
        return False

    def _is_blank(self, index: int) -> bool:
        for offset in range(index * SECTOR, (index + 1) * SECTOR, 512):
            if self.flash.read(offset, 512) != b"\xff" * 512:
                return False
        return True

    # Reading.

    def room(self) -> int:
        """Return how many sectors can still be begun without reusing any."""
        return self.sectors - self.used - len(self.spoilt)

    def sectors_from(self, number: int):
        """Yield (index, sector's bytes) from the one that holds a passing's number to the head.

        One sector of 4 KiB is in memory at a time. Raises OSError.
        """
        start = 0
        for distance in range(self.used):
            if self.first[(self.head - distance) % self.sectors] <= number:
                start = distance
                break
            start = distance
        for distance in range(start, -1, -1):
            index = (self.head - distance) % self.sectors
            yield index, self.flash.read(index * SECTOR, SECTOR)


def entries_of(sector):
    """Yield (kind, payload) of every intact entry of a sector, in order of storing."""
    view = memoryview(sector)
    # Where the header is damaged the entries behind it still count: they have their own CRC.
    found = find_entry(sector, HEADER_SIZE)
    while found:
        kind, start, stop, end = found
        yield kind, view[start:stop]
        found = find_entry(sector, end)
