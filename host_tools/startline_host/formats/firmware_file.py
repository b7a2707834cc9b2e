"""A MicroPython firmware as published: one file, split into boot loader, table and application."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from startline_host.errors import BadInput
from startline_host.formats.esp_image import AppDescriptor, EspImage, parse_image, with_flash_size
from startline_host.formats.partitions import (
    TABLE_OFFSET,
    TABLE_SIZE,
    TYPE_APP,
    PartitionRow,
    PartitionTable,
    parse_table,
)
from startline_host.util import upper_first

if TYPE_CHECKING:
    from startline_host.boards import Board

#: The banner of every MicroPython, as it stands among the application's constants.
_BANNER = re.compile(rb"MicroPython v(\d+\.\d+(?:\.\d+)?[-.+\w]*) on \d{4}-\d\d-\d\d")
_RELEASE = re.compile(r"v?(\d+\.\d+(?:\.\d+)?(?:-.*)?)")


class Firmware(msgspec.Struct, frozen=True):
    """The verified parts of a firmware file; `version` is MicroPython's, without the v."""

    version: str
    chip: str
    boot_loader: bytes
    table: PartitionTable
    app: bytes
    sha256: str

    @property
    def app_partition(self) -> PartitionRow:
        """The row of the firmware's own table that the application goes to."""
        return next(row for row in self.table if row.kind == TYPE_APP)


def split_firmware(data: bytes, board: Board, what: str = "the firmware file") -> Firmware:
    """Split a merged image that begins at the board's `firmware_offset` in flash.

    Checks both ESP images, the table and that everything is for this board's chip and fits.
    Raises BadInput with the reason.
    """
    at = TABLE_OFFSET - board.firmware_offset
    if data[:1] != b"\xe9":
        raise BadInput(
            f"{upper_first(what)} is not firmware for an ESP32: it does not start with "
            "the byte 0xE9.",
            "Take the .bin file (not .uf2, .app-bin, .elf or .zip) of this board.",
        )
    boot = parse_image(data[:at], f"the boot loader in {what}")
    _check_chip(boot, board, what)
    if len(data) < at + TABLE_SIZE:
        raise BadInput(
            f"{upper_first(what)} ends before its partition table.",
            "It is cut short, or an application alone (.app-bin); take the whole .bin file.",
        )
    table = parse_table(data[at : at + TABLE_SIZE], f"the partition table in {what}")
    row = next((row for row in table if row.kind == TYPE_APP), None)
    if row is None:
        raise BadInput(f"The partition table in {what} has no application partition.")
    begin = row.offset - board.firmware_offset
    app = parse_image(data[begin:], f"the application in {what}")
    _check_chip(app, board, what)
    if app.size > row.size:
        raise BadInput(
            f"The application in {what} has {app.size} bytes, and its partition {row.name!r} "
            f"only {row.size}."
        )
    return Firmware(
        version=micropython_version(data[begin : begin + app.size], app, what),
        chip=boot.chip,
        boot_loader=with_flash_size(data[: boot.size], board.flash_size),
        table=table,
        app=data[begin : begin + app.size],
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _check_chip(image: EspImage, board: Board, what: str) -> None:
    if image.chip != board.chip:
        raise BadInput(
            f"{upper_first(what)} is for {image.chip}, and the board {board.name} has "
            f"{board.chip}.",
            "Name the right board with --board, or take the firmware made for this one.",
        )


def micropython_version(app_bytes: bytes, app: EspImage, what: str = "the firmware") -> str:
    """Return MicroPython's version ("1.23.0"), from its banner or the application descriptor.

    Raises BadInput where neither names one: then this is some other ESP32 program.
    """
    banner = banner_version(app_bytes)
    if banner:
        return banner
    if app.app is not None and release_of(app.app):
        return release_of(app.app)
    named = f" (it calls itself {app.app.project!r})" if app.app is not None else ""
    raise BadInput(f"The application in {what} is not MicroPython{named}.")


def banner_version(data: bytes) -> str:
    """Return the version in MicroPython's banner, "" where there is none."""
    found = _BANNER.search(data)
    return found[1].decode() if found else ""


def release_of(descriptor: AppDescriptor) -> str:
    """Return the version that MicroPython's own descriptor tells, "" where it is no version."""
    found = _RELEASE.fullmatch(descriptor.version)
    return found[1] if found and descriptor.project == "micropython" else ""
