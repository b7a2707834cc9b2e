"""The journal of a race: a ring of flash sectors that only ever grows at its end.

What `append` returned for is in flash and reads back. It never erases: blank sectors are kept
ahead of it by `prepare`, which the sender calls between two passings, since an erase stops both
cores of an ESP32 for tens of milliseconds.
"""

from array import array

from .errors import JournalFull
from .journal_format import (
    BOOT,
    HEADER_SIZE,
    PASSING,
    PROGRESS,
    SECTOR,
    TIME,
    end_of_entries,
    entries_of,
    entry_size,
    find_entry,
    is_whole,
    newest_in,
    pack_entry,
    pack_header,
    u32,
    unpack_header,
)

if False:  # for mypy; a device has none of these
    from agent_types import Bytes, Checkpoint, Sectors, WritableFlash

POOL = 8  # blank sectors that are kept ahead: 700 passings
RESERVE = 2  # blank sectors that passings leave for what is said of their sending
_NONE = 0xFFFFFFFF  # instead of a passing number: the sector has no intact header


class Journal:
    """A journal over `flash`, as `hal.Flash` is, for the device that `owner` (8 bytes) names.

    `number` is the number that the next passing gets; numbers count from 1 for the whole life of
    the journal. `boot` is the id that entries of this boot are stored under. `checkpoint()`, which
    the owner of the journal may set, returns a list of (kind, payload) that each new sector is to
    begin with, so that a boot has to read no more than the last sector to know how things stand.
    """

    def __init__(self, flash: "WritableFlash", owner: bytes) -> None:
        self.flash = flash
        self.owner = owner
        self.sectors = flash.size // SECTOR
        self.first = array("I", [_NONE] * self.sectors)  # the first passing number of each sector
        self.foreign = bytearray(self.sectors)  # 1: the sector was written for another device
        self.blank: list[int] = []  # indexes of sectors ahead that were seen to be blank, in order
        self.worn: list[int] = []  # sectors ahead that do not become blank any more
        self.head = -1  # the sector that is being written; -1: the journal is empty
        self.sequence = 0  # of that sector
        self.used = 0  # sectors from the oldest to the head
        self.offset = SECTOR  # where in it the next entry goes
        self.number = 1
        self.boot = 0
        self.checkpoint: "Checkpoint" = list
        self._entry = bytearray(256)
        self._sector = bytearray(SECTOR)

    # Opening.

    def open(self) -> None:
        """Find the end, by the headers and then in one sector. Raises NewerFormat, OSError."""
        newest = -1
        for index in range(self.sectors):
            header = unpack_header(self.flash.read(index * SECTOR, HEADER_SIZE))
            if header:
                boot, sequence, self.first[index], owner = header
                self.foreign[index] = owner != self.owner
                if newest < 0 or sequence > self.sequence:
                    newest = index
                    self.sequence = sequence
                    self.boot = boot
                    self.number = self.first[index]
        if newest < 0:
            newest = self._before_entries()  # what lost its only header still holds entries
        else:
            self.head = newest
            self._take_in(self._read(newest))
        self._follow(newest)
        if self.head >= 0:
            self.used = self._count_used()
            if self.foreign[self.head]:
                self.offset = SECTOR  # what comes now stands in a sector of its own

    def _before_entries(self) -> int:
        """Return the sector before the one with the newest entries; the last one for none."""
        found = most = 0
        for index in range(self.sectors):
            raw = self.flash.read(index * SECTOR, 512)
            # What was never a journal is not searched to its end.
            if raw[HEADER_SIZE : HEADER_SIZE + 4] != b"\xff" * 4 and find_entry(raw, HEADER_SIZE):
                newest = newest_in(self._read(index))
                if newest > most:
                    found, most = index, newest
        return (found - 1) % self.sectors

    def _take_in(self, sector: "Bytes") -> None:
        """Go by what stands in the last sector: where it ends, and the last number and boot."""
        self.offset = end_of_entries(sector)
        for kind, payload in entries_of(sector):
            at = 6 if kind == PASSING else 0
            if kind in (PASSING, PROGRESS):
                self.number = max(self.number, u32(payload) + (kind == PASSING))
            if kind in (PASSING, BOOT, TIME):  # the last one: behind 65535 comes 0
                self.boot = payload[at] | payload[at + 1] << 8

    def _follow(self, index: int) -> None:
        """Find sectors behind the last header that lost theirs: their entries count all the same.

        Those that only an erase has begun to take away hold numbers of long ago.
        """
        for _ in range(2):
            index = (index + 1) % self.sectors
            if self.first[index] != _NONE:
                return
            sector = self._read(index)
            if newest_in(sector) < self.number:
                return
            self.first[index] = self.number
            self.foreign[index] = self.head >= 0 and self.foreign[self.head]
            self.head = index
            self.sequence += 1
            self._take_in(sector)

    def _count_used(self) -> int:
        """Return how many sectors there are from the oldest with a header to the head."""
        used = 1
        for distance in range(1, self.sectors):
            if self.first[(self.head - distance) % self.sectors] != _NONE:
                used = distance + 1
        # Older ones without a header may hold passings: lost, or half erased, and reused as oldest.
        while used < self.sectors:
            sector = self._read((self.head - used) % self.sectors)
            if not any(kind == PASSING for kind, _ in entries_of(sector)):
                break
            used += 1
        return used

    # Writing.

    def append(self, kind: int, payload: "Bytes", reserve: int = 0) -> int:
        """Store an entry; return its offset in the partition. Raises JournalFull, OSError.

        `reserve` blank sectors have to be left: a journal that is full of passings must still take
        what it says of their sending. One program, or two where a sector is begun. Bytes that do
        not read back are written again behind.
        """
        size = pack_entry(self._entry, 0, kind, payload)
        raw = memoryview(self._entry)[:size]
        for _ in range(3):
            if self.offset + size > SECTOR:
                self._begin_sector(reserve)
            at = self.head * SECTOR + self.offset
            self.offset += size
            self.flash.program(at, raw)
            if self.flash.read(at, size) == raw:
                return at
        raise OSError("the journal's flash does not hold what is written")

    def _begin_sector(self, reserve: int) -> None:
        """Go on in the next blank sector. Raises JournalFull, OSError."""
        if len(self.blank) <= reserve:
            self.prepare(0, 0)  # finds those that are blank already, and erases none
        while len(self.blank) > reserve:
            index = self.blank.pop(0)
            # The sequence number follows the place in the ring, also past a sector that is skipped.
            step = (index - self.head) % self.sectors if self.head >= 0 else 1
            raw = bytearray(HEADER_SIZE)
            for kind, payload in self.checkpoint():
                at = len(raw)
                raw.extend(bytes(entry_size(len(payload))))
                pack_entry(raw, at, kind, payload)
            raw[:HEADER_SIZE] = pack_header(
                self.boot, self.sequence + step, self.number, self.owner, len(raw)
            )
            self.flash.program(index * SECTOR, raw)
            if self.flash.read(index * SECTOR, len(raw)) == raw:
                self.head = index
                self.sequence += step
                self.used += step
                self.first[index] = self.number
                self.foreign[index] = 0
                self.offset = len(raw)
                return
        raise JournalFull("the journal is full: nothing was stored, and nothing was overwritten")

    def prepare(self, keep_from: int, limit: int = 1) -> bool:
        """Erase at most `limit` sectors to have `POOL` blank ones; tell whether there are as many.

        One is reused only when its passings are below `keep_from`, and only from the oldest on.
        """
        erased = 0
        for distance in range(1, self.sectors):
            if len(self.blank) >= POOL:
                break
            index = (self.head + distance) % self.sectors
            if index in self.blank or index in self.worn:
                continue
            blank = self._is_blank(index)
            if not blank:
                if erased == limit or not self._may_reuse(index, keep_from):
                    break
                erased += 1
                self.first[index] = _NONE
                self.foreign[index] = 0
                self.used = min(self.used, self.sectors - distance)
                try:
                    self.flash.erase(index * SECTOR)
                except OSError:
                    pass  # worn, unless it is blank all the same
                blank = self._is_blank(index)
            (self.blank if blank else self.worn).append(index)
        return len(self.blank) >= POOL

    def _may_reuse(self, index: int, keep_from: int) -> bool:
        """Tell whether nothing in a sector is needed; a lost header changes nothing about that."""
        age = (self.head - index) % self.sectors
        if age >= self.used:
            return True  # no part of the journal: torn while it was erased, or begun and left
        if self.foreign[index]:
            return False
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

    # Reading. There is one buffer for a sector: whoever reads is done with one before the next.

    def _read(self, index: int) -> bytearray:
        """Read a sector, in pieces: a small heap has no room for another 4 KiB in a row."""
        sector = self._sector
        for offset in range(0, SECTOR, 512):
            sector[offset : offset + 512] = self.flash.read(index * SECTOR + offset, 512)
        return sector

    def fill(self, keep_from: int) -> int:
        """Return how much of the journal cannot be reused, in percent."""
        kept = len(self.worn)
        needed = True
        for distance in range(self.used):
            index = (self.head - distance) % self.sectors
            kept += bool(needed or self.foreign[index])
            needed = needed and self.first[index] > keep_from  # else all before is done with
        return kept * 100 // self.sectors

    def sectors_from(self, number: int) -> "Sectors":
        """Yield the bytes of the sectors from the one that holds a passing's number to the head.

        Those that were written for another device are left out. Raises OSError.
        """
        start = 0
        for start in range(self.used):
            if self.first[(self.head - start) % self.sectors] <= number:
                break
        index = (self.head - start) % self.sectors
        while self.used:
            last = index == self.head  # what comes while it is read waits for the next time
            if not self._is_foreign(index):
                yield self._read(index)
            if last:
                return
            index = (index + 1) % self.sectors

    def _is_foreign(self, index: int) -> bool:
        """Tell whether a sector is another device's; one without a header goes with its neighbour."""
        while self.first[index] == _NONE and index != self.head:
            index = (index + 1) % self.sectors
        return bool(self.foreign[index])

    def last_sectors(self) -> "Sectors":
        """Yield the bytes of this device's sectors from the last whole one with a checkpoint on.

        What a checkpoint tells, the sector before told, too: where a part of it is lost, both are
        read. Raises OSError.
        """
        found: list[int] = []
        for distance in range(self.used):
            index = (self.head - distance) % self.sectors
            if self._is_foreign(index):
                continue
            found.insert(0, index)
            sector = self._read(index)
            entry = find_entry(sector, HEADER_SIZE)
            if entry and entry[0] == PROGRESS and is_whole(sector):
                break
        for index in found:
            yield self._read(index)
