"""The partition table, as the port finds it in flash at 0x8000.

Source: Espressif's "Partition Tables": rows of 32 bytes with the magic 0xAA 0x50, ended by a
row of 0xFF or by the MD5 row (0xEB 0xEB).
"""

from struct import unpack_from

OFFSET = 0x8000
_ROWS = 95
_ROW = 32
TYPE_APP = 0
TYPE_DATA = 1
SUBTYPE_NVS = 0x02
SUBTYPE_FAT = 0x81


class RuntimePartition:
    """One partition: `offset` and `size` in bytes."""

    def __init__(
        self, kind: int, subtype: int, offset: int, size: int, label: str, encrypted: bool
    ) -> None:
        self.kind = kind
        self.subtype = subtype
        self.offset = offset
        self.size = size
        self.label = label
        self.encrypted = encrypted


def read_table(flash) -> list:
    """Return the rows of the table in `flash`, none when there is no table.

    Like the port from 1.26 on, a table without a `vfs` (or `ffat`) row gets one from the end of
    the last partition to the end of the flash.
    """
    rows = []
    for number in range(_ROWS):
        raw = flash.read(OFFSET + number * _ROW, _ROW)
        magic, kind, subtype, offset, size = unpack_from("<HBBII", raw)
        if magic != 0x50AA:
            break
        label = raw[12:28].split(b"\0")[0].decode()
        rows.append(RuntimePartition(kind, subtype, offset, size, label, bool(raw[28] & 1)))
    if rows and not any(row.label in ("vfs", "ffat") for row in rows):
        end = max(row.offset + row.size for row in rows)
        if end < flash.size:
            rows.append(
                RuntimePartition(TYPE_DATA, SUBTYPE_FAT, end, flash.size - end, "vfs", False)
            )
    return rows


def find_row(rows: list, kind: int, subtype: int = 0xFF, label: str | None = None) -> list:
    """Return the rows of a type; subtype 0xFF means any, and no label any."""
    return [
        row
        for row in rows
        if row.kind == kind and subtype in (0xFF, row.subtype) and label in (None, row.label)
    ]
