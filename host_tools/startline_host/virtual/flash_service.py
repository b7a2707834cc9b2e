"""What a serial loader does with the flash chip: erase, write, read, and digest."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from startline_host.virtual import slip
from startline_host.virtual.flash import SECTOR
from startline_host.virtual.flash_session import FlashSession, erase
from startline_host.virtual.protocol import LoaderProblem, RefusedError

if TYPE_CHECKING:
    from startline_host.virtual.flash import NorFlash

_ROM_DEFAULT_SIZE = 2 * 1024 * 1024
"""The flash size that the ROM believes in until a client tells it another."""
_SLOW_READ = 64
_LARGEST_PACKET = 4096


class FlashService:
    """The flash as one loader sees it; `is_stub` chooses whose habits it follows."""

    def __init__(self, flash: NorFlash, *, is_stub: bool) -> None:
        self._flash = flash
        self._is_stub = is_stub
        self._limit = flash.size if is_stub else min(flash.size, _ROM_DEFAULT_SIZE)
        self._session: FlashSession | None = None
        self._sequence = 0

    def set_size(self, size: int) -> None:
        """Believe the client that the chip has `size` bytes."""
        self._limit = min(size, self._flash.size)

    def begin(self, length: int, offset: int, *, deflated: bool) -> None:
        """Start a download of `length` bytes (when inflated) to `offset`."""
        self._session = FlashSession(
            self._flash, offset, length, limit=self._limit, lazy=self._is_stub, deflated=deflated
        )
        self._sequence = 0

    def accept(self, sequence: int) -> bool:
        """Return whether block `sequence` is to be written; False for one repeated by a retry.

        Raises RefusedError if no download was begun or blocks are missing.
        """
        if self._session is None:
            raise RefusedError(LoaderProblem.NOT_BEGUN)
        if sequence == self._sequence - 1:
            return False
        if sequence != self._sequence:
            raise RefusedError(LoaderProblem.BAD_LENGTH)
        return True

    def write(self, data: bytes) -> None:
        """Write the next block of the download. Raises RefusedError."""
        if self._session is None:
            raise RefusedError(LoaderProblem.NOT_BEGUN)
        self._session.write(data)
        self._sequence += 1

    def end(self) -> None:
        """Close the download. The stub refuses while bytes are missing; the ROM does not care."""
        if self._is_stub:
            if self._session is None:
                raise RefusedError(LoaderProblem.NOT_BEGUN)
            if self._session.remaining:
                raise RefusedError(LoaderProblem.BAD_LENGTH)
        self._session = None

    def erase_all(self) -> None:
        """Erase the whole chip."""
        self._flash.erase(0, self._flash.size)

    def erase_region(self, offset: int, length: int) -> None:
        """Erase whole sectors. Raises RefusedError off a sector's edge or outside the chip."""
        if offset % SECTOR or length % SECTOR:
            raise RefusedError(LoaderProblem.BAD_LENGTH)
        erase(self._flash, offset, length, self._limit)

    def digest(self, offset: int, length: int) -> bytes:
        """Return the MD5 of a region: 16 bytes from the stub, 32 hexadecimal digits from the ROM."""
        digest = hashlib.md5(self._read(offset, length), usedforsecurity=False)
        return digest.digest() if self._is_stub else digest.hexdigest().encode()

    def read_slowly(self, offset: int, length: int) -> bytes:
        """Return the ROM's fixed buffer of 64 bytes, of which `length` were read."""
        if length > _SLOW_READ:
            raise RefusedError(LoaderProblem.READ_TOO_LONG)
        return self._read(offset, length).ljust(_SLOW_READ, b"\x00")

    def read_out(self, offset: int, length: int, packet: int) -> ReadOut:
        """Start the stub's streamed read. Raises RefusedError."""
        if not 0 < packet <= _LARGEST_PACKET:
            raise RefusedError(LoaderProblem.BAD_LENGTH)
        return ReadOut(self._read(offset, length), packet)

    def _read(self, offset: int, length: int) -> bytes:
        if offset + length > self._limit:
            raise RefusedError(LoaderProblem.FLASH_FAILED)
        return self._flash.read(offset, length)


class ReadOut:
    """The stub's streamed read: one packet at a time, each acknowledged, then an MD5."""

    def __init__(self, data: bytes, packet: int) -> None:
        self._data = data
        self._packet = packet
        self._sent = 0
        self.done = False

    def start(self) -> bytes:
        """Return the first bytes for the line."""
        return self._next() if self._data else self._finish()

    def acknowledge(self, frame: bytes) -> bytes:
        """Take the client's count of received bytes; return what follows on the line.

        Anything that is no count ends the read at once, with the MD5 of what was sent.
        """
        if len(frame) != 4:
            return self._finish()
        received = int.from_bytes(frame, "little")
        if received >= len(self._data):
            return self._finish()
        return self._next() if self._sent < len(self._data) else b""

    def _next(self) -> bytes:
        piece = self._data[self._sent : self._sent + self._packet]
        self._sent += len(piece)
        return slip.encode(piece)

    def _finish(self) -> bytes:
        self.done = True
        return slip.encode(hashlib.md5(self._data[: self._sent], usedforsecurity=False).digest())
