"""A partition of the flash as a block device: `esp32.Partition`."""

from . import partition_table
from .buffers import byte_view, c_int, c_text, writable_view
from .chip import FlashWindow, current
from .esp_errors import fail
from .vm_console import uninterrupted

_BLOCK = 4096
_ERASE = 6
_INVALID = -22
_OTA_DATA = 0
_FACTORY = 0
"""Subtypes of the data that says which application starts, and of one that starts without."""


class Partition:
    """A partition as a block device of 4096-byte blocks."""

    BOOT = 0
    RUNNING = 1
    TYPE_APP = partition_table.TYPE_APP
    TYPE_DATA = partition_table.TYPE_DATA

    def __init__(self, which, block_size: int = _BLOCK) -> None:
        self._chip = current()
        self._row = (
            which if isinstance(which, partition_table.RuntimePartition) else self._search(which)
        )
        self._window = FlashWindow(self._chip.flash, self._row)
        self._block = c_int(block_size)

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=_BLOCK) -> list:
        """Return the partitions of a type (an app by default), a subtype and a label."""
        name = None if label is None else c_text(label).decode()
        rows = partition_table.find_row(current().rows, c_int(type), c_int(subtype), name)
        return [Partition(row, block_size) for row in rows]

    def __repr__(self) -> str:
        return "<Partition type=%d, subtype=%d, address=%d, size=%d, label=%s, encrypted=%d>" % (
            self.info()
        )

    def info(self) -> tuple:
        """Return (type, subtype, address, size, label, encrypted)."""
        row = self._row
        return row.kind, row.subtype, row.offset, row.size, row.label, row.encrypted

    def readblocks(self, block: int, buffer, offset: int = 0) -> None:
        """Fill `buffer` from a block, and an offset in bytes behind its start."""
        writable_view(buffer)
        self._read_block(c_int(block), buffer, c_int(offset))

    def writeblocks(self, block: int, data, offset=None) -> None:
        """Program bytes; without an offset the blocks are erased first."""
        self._write_block(c_int(block), data, offset if offset is None else c_int(offset))

    def ioctl(self, request: int, arg: int):
        """Answer the block device protocol: 4 block count, 5 block size, 6 erase a block."""
        return self._answer(c_int(request), arg if request != _ERASE else c_int(arg))

    def _read_block(self, block: int, buffer, offset: int) -> None:
        self._notice()
        start = block * self._block + offset
        try:
            view = byte_view(buffer)
            self._check(start, len(view))
            uninterrupted(self._chip.console, self._read, start, view)
        except MemoryError:
            self._chip.flash.read_frugally(self._row.offset + start, buffer)

    def _write_block(self, block: int, data, offset) -> None:
        self._notice()
        start = block * self._block + (offset or 0)
        try:
            view = byte_view(data)
            self._check(start, len(view))
            uninterrupted(self._chip.console, self._write, start, view, offset is None)
        except MemoryError:
            self._write_frugally(start, data, offset is None)

    def _answer(self, request: int, arg: int):
        if request == 4:
            return self._row.size // self._block
        if request == 5:
            return self._block
        if request == _ERASE:
            if self._block != _BLOCK:
                return _INVALID
            self._notice()
            start = arg * _BLOCK
            try:
                self._check(start, _BLOCK)
                uninterrupted(self._chip.console, self._erase, start, _BLOCK)
            except MemoryError:
                self._chip.flash.erase_frugally(self._row.offset + start)
            return 0
        return 0 if request in (1, 2, 3) else None

    def set_boot(self) -> None:
        """Do nothing: there is one application. Raises as Espressif's library does.

        That is OSError(-5379) for another partition, OSError(-261) in a table without OTA data.
        """
        if self._row.kind != partition_table.TYPE_APP:
            raise OSError(-5379, "ESP_ERR_OTA_VALIDATE_FAILED")
        _need_ota_data()

    def get_next_update(self):
        """Raise: there is no second application partition."""
        raise OSError(2)

    @staticmethod
    def mark_app_valid_cancel_rollback() -> None:
        """Do nothing. Raises OSError(-261) without OTA data, OSError(1) for a factory application."""
        _need_ota_data()
        if Partition(Partition.RUNNING).row.subtype == _FACTORY:
            raise OSError(1, "ESP_FAIL")

    @property
    def row(self) -> partition_table.RuntimePartition:
        """Where it is in the flash."""
        return self._row

    def _notice(self) -> None:
        """Let Ctrl-C interrupt here, and not on the way."""
        self._chip.console.check()

    def _search(self, which):
        if which in (self.BOOT, self.RUNNING):
            rows = partition_table.find_row(self._chip.rows, partition_table.TYPE_APP)
        elif isinstance(which, int):
            raise ValueError
        else:
            label = c_text(which).decode()
            rows = [row for row in self._chip.rows if row.label == label]
        if not rows:
            raise OSError(2)
        return rows[0]

    def _check(self, start: int, length: int) -> None:
        if not 0 <= start <= self._row.size:
            fail(0x102)
        if start + length > self._row.size:
            fail(0x104)

    def _read(self, start: int, view) -> None:
        self._chip.flash.readinto(self._row.offset + start, view)

    def _write(self, start: int, data, erase: bool) -> None:
        if erase and self._block < _BLOCK:
            self._erase_under(start, start + len(data))
        elif erase:
            self._erase(start, len(data))
        self._window.program(start, data)

    def _erase_under(self, start: int, end: int) -> None:
        """Erase the bytes of small blocks, and keep what else is in their sectors."""
        sector = start - start % _BLOCK
        while sector < end:
            kept = self._window.read(sector, _BLOCK)
            self._erase(sector, _BLOCK)
            if sector < start:
                self._window.program(sector, kept[: start - sector])
            if end < sector + _BLOCK:
                self._window.program(end, kept[end - sector :])
            sector += _BLOCK

    def _write_frugally(self, start: int, data, erase: bool) -> None:
        start += self._row.offset
        if erase:
            sector = start
            while sector < start + len(data):
                self._chip.flash.erase_frugally(sector)
                sector += _BLOCK
        self._chip.flash.program_frugally(start, data)

    def _erase(self, start: int, length: int) -> None:
        if start % _BLOCK:
            fail(0x102)
        if length % _BLOCK:
            fail(0x104)
        self._window.erase(start, length)


def _need_ota_data() -> None:
    """Raise OSError(-261) for a table without an `otadata` partition, as esp_ota_ops.c does."""
    rows = partition_table.find_row(current().rows, partition_table.TYPE_DATA, _OTA_DATA)
    if not rows:
        fail(0x105)
