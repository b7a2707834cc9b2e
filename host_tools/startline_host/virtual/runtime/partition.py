"""A partition of the flash as a block device: `esp32.Partition`."""

from . import partition_table
from .buffers import byte_view, c_text
from .chip import FlashWindow, current
from .esp_errors import fail
from .vm_console import uninterrupted

_BLOCK = 4096


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
        self._block = block_size

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=_BLOCK) -> list:
        """Return the partitions of a type (an app by default), a subtype and a label."""
        name = None if label is None else c_text(label).decode()
        rows = partition_table.find_row(current().rows, type, subtype, name)
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
        self._notice()
        start = block * self._block + offset
        try:
            view = byte_view(buffer)
            self._check(start, len(view))
            uninterrupted(self._chip.console, self._read, start, view)
        except MemoryError:
            self._chip.flash.read_frugally(self._row.offset + start, buffer)

    def writeblocks(self, block: int, data, offset=None) -> None:
        """Program bytes; without an offset the blocks are erased first."""
        self._notice()
        start = block * self._block + (offset or 0)
        try:
            view = byte_view(data)
            self._check(start, len(view))
            uninterrupted(self._chip.console, self._write, start, view, offset is None)
        except MemoryError:
            self._write_frugally(start, data, offset is None)

    def ioctl(self, request: int, arg: int):
        """Answer the block device protocol: 4 block count, 5 block size, 6 erase a block."""
        if request == 4:
            return self._row.size // self._block
        if request == 5:
            return self._block
        if request == 6:
            self._notice()
            start = arg * self._block
            try:
                self._check(start, self._block)
                uninterrupted(self._chip.console, self._erase, start, self._block)
            except MemoryError:
                self._chip.flash.erase_frugally(self._row.offset + start)
            return 0
        return 0 if request in (1, 2, 3) else None

    def set_boot(self) -> None:
        """Do nothing: there is one application. Raises OSError(-5379) for another partition."""
        if self._row.kind != partition_table.TYPE_APP:
            raise OSError(-5379, "ESP_ERR_OTA_VALIDATE_FAILED")

    def get_next_update(self):
        """Raise: there is no second application partition."""
        raise OSError(2)

    @staticmethod
    def mark_app_valid_cancel_rollback() -> None:
        """Do nothing: there is one application."""

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
        if erase:
            self._erase(start, len(data))
        self._window.program(start, data)

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
