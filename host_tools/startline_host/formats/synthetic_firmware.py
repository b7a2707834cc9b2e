"""A small firmware of our own making, with the structure of an official one.

The virtual chip runs MicroPython by itself and only checks that a bootable application was
flashed; tests need images that may be given away. Both get these bytes: real headers, checksums,
digests, partition table and application descriptor around filler.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from startline_host.formats.esp_image import make_descriptor, make_image
from startline_host.formats.partitions import (
    SUBTYPE_NVS,
    SUBTYPE_PHY,
    TABLE_OFFSET,
    TYPE_APP,
    TYPE_DATA,
    PartitionRow,
    PartitionTable,
    make_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.boards import Board

_IDF_VERSION = "v5.4.1"
_DATE = "2026-01-01"
#: Where the first segments of the two images are mapped or loaded on an ESP32.
_BOOT_ADDRESS, _APP_ADDRESS, _CODE_ADDRESS = 0x3FFF0030, 0x3F400020, 0x400D0020


def stock_table() -> PartitionTable:
    """Return the table of the official images since 1.26: without a `vfs` row."""
    return PartitionTable(
        (
            PartitionRow("nvs", TYPE_DATA, SUBTYPE_NVS, 0x9000, 0x6000),
            PartitionRow("phy_init", TYPE_DATA, SUBTYPE_PHY, 0xF000, 0x1000),
            PartitionRow("factory", TYPE_APP, 0x00, 0x10000, 0x1F0000),
        )
    )


def synthetic_firmware(
    board: Board,
    *,
    version: str,
    app_size: int = 0x6000,
    table: PartitionTable | None = None,
    flash_size: int = 4 << 20,
    filler: Callable[[str, int], bytes] | None = None,
) -> bytes:
    """Return a merged image for the board, to be written at its `firmware_offset`.

    As in the official files, the gap between table and application, `nvs` among it, is 0xFF.
    `app_size` is the length of the application's code in bytes; the same arguments give the same
    bytes. `filler(label, size)` makes the code, by default as bytes that do not deflate.
    """
    fill = filler or _filler
    table = table or stock_table()
    app_row = next(row for row in table if row.kind == TYPE_APP)
    boot = make_image(
        board.chip,
        [(_BOOT_ADDRESS, fill(f"boot loader {board.chip}", 0x1000))],
        flash_size=flash_size,
        entry=_BOOT_ADDRESS,
    )
    banner = f"MicroPython v{version} on {_DATE}; {board.title} with {board.chip}\r\n\x00".encode()
    constants = make_descriptor("micropython", f"v{version}", _IDF_VERSION) + banner
    constants = constants.ljust((len(constants) + 3) // 4 * 4, b"\x00")
    app = make_image(
        board.chip,
        [(_APP_ADDRESS, constants), (_CODE_ADDRESS, fill(f"application {version}", app_size))],
        flash_size=flash_size,
        entry=_CODE_ADDRESS,
    )
    image = boot.ljust(TABLE_OFFSET - board.firmware_offset, b"\xff") + make_table(table)
    return image.ljust(app_row.offset - board.firmware_offset, b"\xff") + app


def _filler(label: str, size: int) -> bytes:
    # Code does not compress to nothing; a stream of digests does not either.
    blocks = (hashlib.sha256(f"{label} {n}".encode()).digest() for n in range((size + 31) // 32))
    return b"".join(blocks)[:size]
