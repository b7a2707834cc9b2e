"""Writing flash for a serial loader: blocks as they come, plain or deflated, erased first."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from startline_host.virtual.flash import SECTOR
from startline_host.virtual.protocol import LoaderProblem, RefusedError

if TYPE_CHECKING:
    from startline_host.virtual.flash import NorFlash


def erase(flash: NorFlash, offset: int, length: int, limit: int) -> None:
    """Erase the sectors that hold `length` bytes from `offset`.

    Raises RefusedError if they reach past `limit`, the size the loader believes in.
    """
    start = offset // SECTOR * SECTOR
    end = _up_to_sector(offset + length)
    if end > min(limit, flash.size):
        raise RefusedError(LoaderProblem.FLASH_FAILED)
    flash.erase(start, end - start)


class FlashSession:
    """One download into flash, from its begin to its end.

    The ROM erases everything up front and reads back what it wrote; the stub erases just
    ahead of the data and leaves the checking to the client's MD5.
    """

    def __init__(
        self, flash: NorFlash, offset: int, length: int, *, limit: int, lazy: bool, deflated: bool
    ) -> None:
        if offset + length > min(limit, flash.size):
            raise RefusedError(LoaderProblem.FLASH_FAILED)
        self.remaining = length
        self._flash = flash
        self._position = offset
        self._lazy = lazy
        self._erased_to = offset // SECTOR * SECTOR
        self._inflate = zlib.decompressobj() if deflated else None
        if length:
            self._erase_to(offset + (1 if lazy else length))

    def write(self, data: bytes) -> None:
        """Write the next block. Raises RefusedError; what was written before stays written."""
        if self._inflate is None:
            # The last block comes padded to a full one.
            self._program(data[: self.remaining] if self._lazy else data)
            return
        try:
            plain = self._inflate.decompress(data, self.remaining + 1)
        except zlib.error as error:
            raise RefusedError(LoaderProblem.BAD_DEFLATE) from error
        if len(plain) > self.remaining:
            raise RefusedError(LoaderProblem.TOO_MUCH)
        self._program(plain)

    def _program(self, data: bytes) -> None:
        start, end = self._position, self._position + len(data)
        if end > self._flash.size:
            raise RefusedError(LoaderProblem.FLASH_FAILED)
        if self._lazy:
            self._erase_to(end)
        self._flash.program(start, data)
        if not self._lazy and self._flash.read(start, len(data)) != data:
            raise RefusedError(LoaderProblem.READ_BACK_DIFFERS)
        self._position = end
        self.remaining = max(0, self.remaining - len(data))

    def _erase_to(self, end: int) -> None:
        end = _up_to_sector(end)
        if end > self._erased_to:
            self._flash.erase(self._erased_to, end - self._erased_to)
            self._erased_to = end


def _up_to_sector(offset: int) -> int:
    return -(-offset // SECTOR) * SECTOR
