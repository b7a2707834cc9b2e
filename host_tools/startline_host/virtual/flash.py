"""A NOR flash chip in a file or in memory: erasing sets bits, programming only clears them.

The same module serves the boot loader's side (CPython) and the run time (MicroPython), so it
uses nothing that one of them lacks.
"""

from array import array

SECTOR = 4096
"""The unit of erasing, in bytes."""
PAGE = 256
"""The unit of programming, in bytes: longer writes are several operations, as on the chip."""

_BLANK_PAGE = b"\xff" * PAGE


class PowerCut(BaseException):
    """The power went during a flash operation; no handler of the dying program may catch it."""


class PowerSource:
    """What feeds the flash: asked before every operation. This one never fails.

    A subclass may count (wear, operations) and may cut the power.
    """

    def allow(self, operation: str, offset: int, length: int) -> int:
        """Return how many of `length` bytes are still done; fewer than all is a power cut.

        `operation` is "program" (at most one page) or "erase" (one sector); `offset` in bytes.
        """
        return length


class Fuse(PowerSource):
    """Counts operations in a file and blows after `limit` of them: the next one is half done.

    The boot loader and the run time of one chip share the file. Nothing here allocates once it
    is made, since the run time's garbage collector writes too.
    """

    def __init__(self, path: str, limit: int) -> None:
        self._file = open(path, "r+b", buffering=0)  # noqa: PTH123, SIM115
        self._count = array("I", [0])
        self._limit = limit

    @property
    def operations(self) -> int:
        """How many operations were begun so far, on either side."""
        self._file.seek(0)
        self._file.readinto(self._count)
        return self._count[0]

    def allow(self, operation: str, offset: int, length: int) -> int:
        """Count one operation; see `PowerSource.allow`."""
        done = self.operations
        self._count[0] = done + 1
        self._file.seek(0)
        self._file.write(self._count)
        return length if done < self._limit else length // 2

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class NorFlash:
    """`size` bytes of flash behind `path`, or in memory when there is no path.

    A file has to exist and gives the size. Every operation is one unbuffered write to it, so
    that a process killed at any moment leaves what a chip without power would have left.
    """

    def __init__(
        self, path: str | None = None, size: int | None = None, power: PowerSource | None = None
    ) -> None:
        self.dead = False
        self._power = power or PowerSource()
        # Made here, since the run time has to be cut also where it has no memory left.
        self._cut = PowerCut("the power was cut")
        if path is None:
            self.size = size or 4 * 1024 * 1024
            self._file = None
            self._memory = bytearray(b"\xff" * self.size)  # MicroPython has no bytearray * int
        else:
            self._file = open(path, "r+b", buffering=0)  # noqa: PTH123, SIM115
            self.size = self._file.seek(0, 2)
            if size is not None and size != self.size:
                self._file.close()
                raise ValueError("flash file has %d bytes, not %d" % (self.size, size))  # noqa: UP031

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`. Raises ValueError outside the chip."""
        buffer = bytearray(length)
        self.readinto(offset, buffer)
        return bytes(buffer)

    def readinto(self, offset: int, buffer: bytearray | memoryview) -> None:
        """Fill `buffer` from `offset`. Raises ValueError outside the chip."""
        self._check(offset, len(buffer))
        if self._file is None:
            buffer[:] = memoryview(self._memory)[offset : offset + len(buffer)]
        else:
            self._file.seek(offset)
            self._file.readinto(buffer)

    def program(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Clear the bits of `data` that are 0, page by page; bits that are 1 stay as they were.

        Raises ValueError outside the chip, PowerCut when the power goes or has gone.
        """
        self._check(offset, len(data))
        view = memoryview(data)
        while view:
            length = min(PAGE - offset % PAGE, len(view))
            self._program_page(offset, bytes(view[:length]))
            view = view[length:]
            offset += length

    def erase(self, offset: int, length: int) -> None:
        """Set every bit of whole sectors.

        Raises ValueError outside the chip or off a sector's edge, PowerCut as `program` does.
        """
        self._check(offset, length)
        if offset % SECTOR or length % SECTOR:
            raise ValueError("erase works on whole sectors of 4096 bytes")
        for sector in range(offset, offset + length, SECTOR):
            allowed = self._allow("erase", sector, SECTOR)
            for page in range(0, allowed, PAGE):
                self._write(sector + page, _BLANK_PAGE[: allowed - page])
            self._end(allowed, SECTOR)

    def close(self) -> None:
        """Let go of the file; the bytes are in it already."""
        if self._file is not None:
            self._file.close()

    def _program_page(self, offset: int, data: bytes) -> None:
        old = self.read(offset, len(data))
        if old == _BLANK_PAGE[: len(data)]:
            new = data
        else:
            both = int.from_bytes(old, "little") & int.from_bytes(data, "little")
            new = both.to_bytes(len(data), "little")
        allowed = self._allow("program", offset, len(data))
        if new != old:
            self._write(offset, new[:allowed])
        self._end(allowed, len(data))

    def _allow(self, operation: str, offset: int, length: int) -> int:
        if self.dead:
            raise self._cut
        return self._power.allow(operation, offset, length)

    def _end(self, allowed: int, length: int) -> None:
        if allowed < length:
            self.dead = True
            raise self._cut

    def _write(self, offset: int, data: bytes) -> None:
        if self._file is None:
            self._memory[offset : offset + len(data)] = data
        else:
            self._file.seek(offset)
            self._file.write(data)

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise ValueError("outside the flash: 0x%x + 0x%x" % (offset, length))  # noqa: UP031
