"""Starting from flash: the ROM loads the boot loader, which finds and checks an application."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from startline_host.virtual import boot_messages as say
from startline_host.virtual.boot_image import MAGIC, BrokenImageError, read_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from startline_host.virtual.flash import NorFlash

BOOT_LOADER_OFFSET = 0x1000
TABLE_OFFSET = 0x8000
_TABLE_LENGTH = 0xC00
_ROW = struct.Struct("<HBBII16sI")
_ROW_MAGIC = 0x50AA
_MD5_MAGIC = 0xEBEB
_END_MAGIC = 0xFFFF
_TYPE_APP = 0x00
_FACTORY, _OTA_0 = 0x00, 0x10
_HEADER_TRIES = 8


@dataclass(frozen=True)
class FlashBoot:
    """How a start from flash went.

    `text` is printed at once, `trickle` piece by piece with a pause between; then the
    application runs if `retry` is None, else the chip resets itself for that reason.
    """

    text: bytes
    trickle: tuple[bytes, ...] = ()
    retry: say.ResetReason | None = None


class _NotBootableError(Exception):
    """The second stage gives up; the arguments are its (tag, text) log lines."""


def boot(flash: NorFlash, reason: say.ResetReason) -> FlashBoot:
    """Start from `flash` after a reset for `reason`, the way ROM and second stage do."""
    text = say.flash_boot(reason)
    header = flash.read(BOOT_LOADER_OFFSET, 4)
    if header[0] != MAGIC:
        word = int.from_bytes(header, "little")
        return FlashBoot(text, (say.invalid_header(word),) * _HEADER_TRIES, say.WATCHDOG)
    try:
        image = read_image(flash, BOOT_LOADER_OFFSET, TABLE_OFFSET - BOOT_LOADER_OFFSET)
    except BrokenImageError:
        # The ROM follows wild lengths into nowhere; what one sees is its watchdog.
        return FlashBoot(text + say.lines("ets_main.c 371 "), (), say.WATCHDOG)
    text += say.boot_loader_loaded(image)
    if image.checksum != image.stored_checksum:
        return FlashBoot(text, (), say.WATCHDOG)
    try:
        _second_stage(flash)
    except _NotBootableError as complaint:
        log = (
            say.error(70 + 6 * at, tag, words) for at, (tag, words) in enumerate(complaint.args)
        )
        return FlashBoot(text + say.lines(*log), (), say.SOFTWARE)
    return FlashBoot(text)


def _second_stage(flash: NorFlash) -> None:
    apps = {}
    for kind, subtype, offset, size in _rows(flash):
        if kind == _TYPE_APP:
            apps[subtype] = (offset, size)
    complaints: list[tuple[str, str]] = []
    for subtype, name in (
        (_FACTORY, "Factory app partition"),
        (_OTA_0, "OTA app partition slot 0"),
    ):
        if subtype in apps:
            complaint = _check_app(flash, *apps[subtype])
            if complaint is None:
                return
            complaints += [("esp_image", complaint), ("boot", f"{name} is not bootable")]
    nothing = ("boot", "No bootable app partitions in the partition table")
    raise _NotBootableError(*complaints, nothing)


def _check_app(flash: NorFlash, offset: int, size: int) -> str | None:
    try:
        image = read_image(flash, offset, size)
    except BrokenImageError as broken:
        return str(broken)
    if image.checksum != image.stored_checksum:
        return f"Checksum failed. Calculated {image.checksum:#x} read {image.stored_checksum:#x}"
    return None if image.hash_matches else "Image hash failed - image is corrupt"


def _rows(flash: NorFlash) -> Iterator[tuple[int, int, int, int]]:
    """Yield (type, subtype, offset, size) of each row, once the whole table proves sound."""
    table = flash.read(TABLE_OFFSET, _TABLE_LENGTH)
    rows = []
    for index, start in enumerate(range(0, _TABLE_LENGTH, _ROW.size)):
        magic, kind, subtype, offset, size, _label, _flags = _ROW.unpack_from(table, start)
        if magic == _ROW_MAGIC:
            if offset + size > flash.size:
                raise _table_error(
                    f"partition {index} invalid - offset {offset:#x} size {size:#x} "
                    f"exceeds flash chip size {flash.size:#x}"
                )
            rows.append((kind, subtype, offset, size))
        elif magic == _MD5_MAGIC:
            digest = hashlib.md5(table[:start], usedforsecurity=False).digest()
            if table[start + 16 : start + 32] != digest:
                raise _table_error("Incorrect MD5 checksum")
        elif (magic, kind, subtype) == (_END_MAGIC, 0xFF, 0xFF):
            return iter(rows)
        else:
            raise _table_error(f"partition {index} invalid magic number {magic:#x}")
    raise _table_error("partition table has no terminating entry, not valid")


def _table_error(text: str) -> _NotBootableError:
    return _NotBootableError(
        ("flash_parts", text),
        ("boot", "Failed to verify partition table"),
        ("boot", "load partition table error!"),
    )
