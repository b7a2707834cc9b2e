"""The chip that other projects' suites run against: a MicroPython without an agent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from startline_host.boards import load_board
from startline_host.formats.firmware_file import split_firmware
from startline_host.formats.flash_plan import make_plan, merged_image
from startline_host.formats.synthetic_firmware import synthetic_firmware
from startline_host.virtual import VirtualEsp32


def firmware_image() -> bytes:
    """Return a whole flash with firmware and our table; `vfs` is blank, and made at first boot."""
    board = load_board("VIRTUAL_ESP32")
    data = synthetic_firmware(board, version=board.firmware.version)
    return merged_image(make_plan(board, split_firmware(data, board)))


@contextlib.contextmanager
def fresh_chip(folder: Path) -> Iterator[VirtualEsp32]:
    """Run a chip in an empty folder, on an RFC 2217 port and a pseudo-terminal."""
    folder.mkdir(parents=True)
    flash = folder / "flash.bin"
    flash.write_bytes(firmware_image())
    with VirtualEsp32(flash, pty=True) as chip:
        yield chip
