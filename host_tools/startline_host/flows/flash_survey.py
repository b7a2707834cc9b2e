"""What a device's flash holds, read through its boot loader before anything is written."""

from __future__ import annotations

import struct
from collections.abc import Callable

import msgspec

from startline_host.device.bootloader import BootLoader
from startline_host.errors import BadInput
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.found_device import FileSystemState
from startline_host.formats.littlefs_image import salvage_filesystem
from startline_host.formats.partitions import (
    TABLE_OFFSET,
    TABLE_SIZE,
    PartitionRow,
    PartitionTable,
    parse_table,
)

_BLOCK = 0x1000
#: Where nvs ends in every stock table; table and nvs are read in one go.
_LOW_END = 0xF000

#: Bytes of a file system that are read in one go: its crumbs never cross such a window.
_WINDOW = 4 * _BLOCK

# LittleFS superblock, "SPEC.md" of littlefs: revision, tag, "littlefs", tag, version, block
# size, block count.
_SUPERBLOCK = struct.Struct("<II8sIIII")
#: What the files of a FAT file system are called, which no one here reads.
_FAT_FILES = "all of a FAT file system"
_MAGIC = b"littlefs"


def stretches(planned: PartitionTable) -> dict[int, int]:
    """Return what a survey reads of a device without a table of its own: lengths by offset."""
    precious = [planned.get(name) for name in ("bind", "fctry")]
    begin = min(row.offset for row in precious)
    return {
        TABLE_OFFSET: _LOW_END - TABLE_OFFSET,
        begin: max(row.end for row in precious) - begin,
        planned.get("vfs").offset: 2 * _BLOCK,
    }


class Survey:
    """A device's partition table (None for none that can be read) and what it keeps.

    `planned` is the table that it shall have: it names the places where none of its own does.
    """

    def __init__(self, loader: BootLoader, mac: str, planned: PartitionTable | None) -> None:
        self._loader = loader
        self._planned = planned
        self._read: dict[int, bytes] = {}
        self._fetch(TABLE_OFFSET, _LOW_END - TABLE_OFFSET)
        self.table = self._parse()
        rows = [row for name in ("bind", "fctry") if (row := self._row(name))]
        if rows:
            begin = min(row.offset for row in rows)
            self._fetch(begin, max(row.end for row in rows) - begin)
        self.snapshot = self._keeps(mac)

    def file_system(self, row: PartitionRow) -> FileSystemState:
        """Tell what stands where the file system shall be."""
        head = self._bytes(row.offset, 2 * _BLOCK)
        if head == b"\xff" * len(head):
            return "blank"
        moved = self.table is not None and self.table.find("vfs") != row
        fits = any(_block_count(head[at:]) == row.size // _BLOCK for at in (0, _BLOCK))
        return "in use" if fits and not moved else "other"

    def old_files(self, flash_size: int) -> tuple[int, int]:
        """Return where the device's present file system is: offset and size, 0 for none.

        A table without a `vfs` row leaves it to the firmware: from the last partition to the end.
        """
        if self.table is None:
            return 0, 0
        row = self.table.find("vfs")
        offset, size = (
            (row.offset, row.size) if row else (self.table.end, flash_size - self.table.end)
        )
        if size <= 0 or self._bytes(offset, 2 * _BLOCK).count(0xFF) == 2 * _BLOCK:
            return offset, 0
        return offset, size

    def files(
        self, place: tuple[int, int], wanted: Callable[[str], bool]
    ) -> dict[str, bytes | None]:
        """Return what can be read of the files in a file system, as `salvage_filesystem` does.

        `place` is its offset and size as `old_files` tells them. Only what folders and the files
        `wanted` take up comes over the line. Of FAT, which MicroPython mounts as well, nobody reads
        the files here: it stands for all of them.
        """
        offset, size = place
        head = self._bytes(offset, 2 * _BLOCK) if size >= 2 * _BLOCK else b""
        counts = [_block_count(head[at:]) for at in (0, _BLOCK)] if head else []
        used = next((count * _BLOCK for count in counts if count and count * _BLOCK <= size), 0)
        if not used:
            return {_FAT_FILES: None} if _is_fat(head) else {}

        def read(at: int, length: int) -> bytes:
            # A file system is read in crumbs, and each reading is a process of its own.
            begin = at // _WINDOW * _WINDOW
            window = self._bytes(offset + begin, min(_WINDOW, used - begin))
            return window[at - begin :][:length]

        return salvage_filesystem(used, read, wanted)

    def _parse(self) -> PartitionTable | None:
        try:
            return parse_table(self._bytes(TABLE_OFFSET, TABLE_SIZE))
        except BadInput:
            return None

    def _row(self, name: str) -> PartitionRow | None:
        # A cut while the table was written leaves none: then things are where they were planned.
        table = self.table or self._planned
        return table.find(name) if table else None

    def _keeps(self, mac: str) -> DeviceSnapshot:
        snapshot = DeviceSnapshot(
            mac=mac,
            nvs=self._partition("nvs") or b"",
            bind=self._partition("bind"),
            fctry=self._partition("fctry"),
        )
        if self.table is None and snapshot.record().bind.found == "damaged":
            # Without a table nothing says that these bytes were ever meant as a record.
            return msgspec.structs.replace(snapshot, bind=None)
        return snapshot

    def _partition(self, name: str) -> bytes | None:
        row = self._row(name)
        return self._bytes(row.offset, row.size) if row else None

    def _fetch(self, offset: int, size: int) -> None:
        self._read[offset] = self._loader.read(offset, size)

    def _bytes(self, offset: int, size: int) -> bytes:
        for begin, data in self._read.items():
            if begin <= offset and offset + size <= begin + len(data):
                return data[offset - begin :][:size]
        self._fetch(offset, size)
        return self._read[offset]


def _is_fat(head: bytes) -> bool:
    """Tell whether a FAT file system begins here: its boot sector ends so, and names its kind."""
    kinds = head[54:59], head[82:87]  # of FAT12 and FAT16, of FAT32
    return head[510:512] == b"\x55\xaa" and any(kind.startswith(b"FAT") for kind in kinds)


def _block_count(head: bytes) -> int | None:
    _, _, magic, _, _, _, count = _SUPERBLOCK.unpack_from(head)
    return int(count) if magic == _MAGIC else None
