"""Partition tables as the ESP-IDF boot loader reads them.

The format is Espressif's ("Partition Tables", ESP-IDF programming guide): rows of 32 bytes from
0x8000 on, closed by a row with the MD5 of all rows before it, then 0xFF.
"""

from __future__ import annotations

import hashlib
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from startline_host.errors import BadInput
from startline_host.util import upper_first

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TABLE_OFFSET = 0x8000
#: The boot loader reads this much; the rest of the table's sector stays blank.
TABLE_SIZE = 0xC00
SECTOR = 0x1000

TYPE_APP, TYPE_DATA = 0x00, 0x01
SUBTYPE_PHY, SUBTYPE_NVS, SUBTYPE_BIND, SUBTYPE_RACE, SUBTYPE_VFS = 0x01, 0x02, 0x40, 0x41, 0x81

BIND_SIZE = 0x2000
FCTRY_SIZE = 0x4000
#: What has to be left for files, or there is no journal of passings beside them.
_LEAST_VFS = 0x60000

_ROW = struct.Struct("<2sBBII16sI")
_ROW_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + 14 * b"\xff"
_BLANK_ROW = 32 * b"\xff"


class PartitionRow(msgspec.Struct, frozen=True):
    """One row: `kind` and `subtype` as numbers, `offset` and `size` in bytes from flash start."""

    name: str
    kind: int
    subtype: int
    offset: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        """The offset of the first byte behind the partition."""
        return self.offset + self.size


class PartitionTable(msgspec.Struct, frozen=True):
    """The rows of a table, in their order."""

    rows: tuple[PartitionRow, ...]

    def __iter__(self) -> Iterator[PartitionRow]:
        return iter(self.rows)

    @property
    def end(self) -> int:
        """The offset behind the last partition: the least flash size that holds them all."""
        return max(row.end for row in self.rows)

    def find(self, name: str) -> PartitionRow | None:
        """Return the partition of that name, or None."""
        return next((row for row in self.rows if row.name == name), None)

    def get(self, name: str) -> PartitionRow:
        """Return the partition of that name. Raises BadInput where there is none."""
        row = self.find(name)
        if row is None:
            names = ", ".join(row.name for row in self.rows)
            raise BadInput(f"The partition table has no partition {name!r}, only {names}.")
        return row


def parse_table(data: bytes, what: str = "the partition table") -> PartitionTable:
    """Read a table from its bytes, and check its MD5 and that no partitions overlap.

    Raises BadInput for anything that the boot loader would not start from.
    """
    rows: list[PartitionRow] = []
    data = data[:TABLE_SIZE]
    for at in range(0, len(data) - len(data) % 32, 32):
        row = data[at : at + 32]
        if row == _BLANK_ROW:
            break
        if row[:16] == _MD5_MAGIC:
            if row[16:] != hashlib.md5(data[:at], usedforsecurity=False).digest():
                raise BadInput(f"The MD5 in {what} does not match its rows.")
            return _checked(rows, what)
        rows.append(_parse_row(row, at, what))
    if rows:
        raise BadInput(f"{upper_first(what)} does not end with an MD5 row.")
    raise BadInput(f"{upper_first(what)} is blank.")


def _parse_row(row: bytes, at: int, what: str) -> PartitionRow:
    magic, kind, subtype, offset, size, raw_name, flags = _ROW.unpack(row)
    if magic != _ROW_MAGIC:
        raise BadInput(f"There is no partition row at byte {at} of {what}.")
    try:
        name = raw_name.rstrip(b"\x00").decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput(f"The partition name at byte {at} of {what} is not text.") from None
    return PartitionRow(name, kind, subtype, offset, size, flags)


def _checked(rows: Iterable[PartitionRow], what: str) -> PartitionTable:
    table = PartitionTable(tuple(rows))
    if not table.rows:
        raise BadInput(f"{upper_first(what)} has no rows.")
    by_offset = sorted(table.rows, key=lambda row: row.offset)
    if by_offset[0].offset < TABLE_OFFSET + SECTOR:
        raise BadInput(f"Partition {by_offset[0].name!r} of {what} begins before the table ends.")
    for row in by_offset:
        if row.offset % SECTOR or row.size % SECTOR or not row.size:
            raise BadInput(f"Partition {row.name!r} of {what} is not made of whole sectors.")
    for before, after in pairwise(by_offset):
        if before.end > after.offset:
            raise BadInput(f"Partitions {before.name!r} and {after.name!r} of {what} overlap.")
    if len({row.name for row in table.rows}) < len(table.rows):
        raise BadInput(f"Two partitions of {what} have the same name.")
    return table


def make_table(table: PartitionTable) -> bytes:
    """Return the table's TABLE_SIZE bytes, with the MD5 row. Raises BadInput for an unsound table."""
    _checked(table.rows, "the new partition table")
    rows = b"".join(
        _ROW.pack(
            _ROW_MAGIC, row.kind, row.subtype, row.offset, row.size, _name(row.name), row.flags
        )
        for row in table.rows
    )
    closed = rows + _MD5_MAGIC + hashlib.md5(rows, usedforsecurity=False).digest()
    if len(closed) > TABLE_SIZE:
        raise BadInput(f"A partition table cannot hold {len(table.rows)} rows.")
    return closed.ljust(TABLE_SIZE, b"\xff")


def _name(name: str) -> bytes:
    raw = name.encode()
    if not 1 <= len(raw) <= 16:
        raise BadInput(f"The partition name {name!r} is not 1 to 16 bytes long.")
    return raw


def startline_table(stock: PartitionTable, flash_size: int, race_size: int = 0) -> PartitionTable:
    """Return the stock table with the rows `vfs`, `race`, `bind` and `fctry` to the end of flash.

    A `vfs` row of the stock table is replaced: the new one ends before them. `race`, the journal
    of passings, has `race_size` bytes, and is left out where that leaves too little for files.
    Raises BadInput for a flash that is too small, or a stock table with other partitions there.
    """
    kept = [row for row in stock.rows if row.name not in {"vfs", "race", "bind", "fctry"}]
    if not any(row.kind == TYPE_APP for row in kept):
        raise BadInput("The firmware's partition table has no application partition.")
    vfs_at = max(row.end for row in kept)
    fctry_at = flash_size - FCTRY_SIZE
    bind_at = fctry_at - BIND_SIZE
    race_at = bind_at - race_size
    if race_at - vfs_at < _LEAST_VFS:
        race_at = bind_at
    # LittleFS needs a handful of blocks; below 64 KiB no agent fits.
    if bind_at - vfs_at < 16 * SECTOR:
        raise BadInput(
            f"A flash of {flash_size // 1024} KiB is too small for this partition table: "
            f"the application ends at {vfs_at // 1024} KiB and {(16 * SECTOR + flash_size - bind_at) // 1024} "
            "KiB are needed after it."
        )
    ours = [PartitionRow("vfs", TYPE_DATA, SUBTYPE_VFS, vfs_at, race_at - vfs_at)]
    if race_at < bind_at:
        ours.append(PartitionRow("race", TYPE_DATA, SUBTYPE_RACE, race_at, bind_at - race_at))
    ours += [
        PartitionRow("bind", TYPE_DATA, SUBTYPE_BIND, bind_at, BIND_SIZE),
        PartitionRow("fctry", TYPE_DATA, SUBTYPE_NVS, fctry_at, FCTRY_SIZE),
    ]
    return PartitionTable((*kept, *ours))
