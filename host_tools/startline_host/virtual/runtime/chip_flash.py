"""The flash as the run time holds it: usable also while the VM's heap is locked.

The garbage collector closes files that a program forgot, and must not allocate while it does:
what is C on a chip has to get by without memory here. Bytes are moved one by one then.
"""

from flash import PAGE, SECTOR, NorFlash

_BLANK = b"\xff" * PAGE


class ChipFlash(NorFlash):
    """A NorFlash with a second way to do everything, slower, that allocates nothing."""

    def __init__(self, path=None, size=None, power=None) -> None:
        super().__init__(path, size, power)
        self._page = bytearray(PAGE)

    def read_frugally(self, offset: int, buffer) -> None:
        """Fill `buffer` (a bytearray) from `offset`."""
        if self._file is None:
            for index in range(len(buffer)):
                buffer[index] = self._memory[offset + index]
        else:
            self._file.seek(offset)
            self._file.readinto(buffer)

    def program_frugally(self, offset: int, data) -> None:
        """Program `data` (a bytearray), page by page. Raises PowerCut as `program` does."""
        done = 0
        while done < len(data):
            length = PAGE - (offset + done) % PAGE
            length = min(length, len(data) - done)
            allowed = self._allow("program", offset + done, length)
            self._load(offset + done, length)
            for index in range(allowed):
                self._page[index] &= data[done + index]
            self._store(offset + done, self._page, allowed)
            self._end(allowed, length)
            done += length

    def erase_frugally(self, sector: int) -> None:
        """Erase the sector that starts at an offset. Raises PowerCut as `erase` does."""
        allowed = self._allow("erase", sector, SECTOR)
        done = 0
        while done < allowed:
            length = PAGE if allowed - done > PAGE else allowed - done
            self._store(sector + done, _BLANK, length)
            done += length
        self._end(allowed, SECTOR)

    def _load(self, offset: int, length: int) -> None:
        if self._file is None:
            for index in range(length):
                self._page[index] = self._memory[offset + index]
        else:
            self._file.seek(offset)
            self._file.readinto(self._page, length)

    def _store(self, offset: int, data, length: int) -> None:
        if self._file is None:
            for index in range(length):
                self._memory[offset + index] = data[index]
        else:
            self._file.seek(offset)
            self._file.write(data, length)
