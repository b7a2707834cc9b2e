"""A virtual chip that runs a MicroPython with files of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from startline_host.boards import load_board
from startline_host.formats.firmware_file import split_firmware
from startline_host.formats.flash_plan import FlashPlan, device_table, make_plan, merged_image
from startline_host.formats.littlefs_image import make_filesystem
from startline_host.formats.synthetic_firmware import synthetic_firmware
from startline_host.virtual import VirtualEsp32

Chip = Callable[..., VirtualEsp32]


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    """Name the file of the chip's flash."""
    return tmp_path / "flash.bin"


@pytest.fixture
def chip(flash: Path) -> Iterator[Chip]:
    """Power up a chip with these files, or a blank one."""
    running: list[VirtualEsp32] = []

    def power_up(files: Mapping[str, bytes] | None = None) -> VirtualEsp32:
        if files is not None:
            flash.write_bytes(merged_image(_plan(files)))
        running.append(VirtualEsp32(flash, raw=True, pty=True))
        return running[-1]

    yield power_up
    for one in running:
        one.stop()


def _plan(files: Mapping[str, bytes]) -> FlashPlan:
    board = load_board("VIRTUAL_ESP32")
    firmware = split_firmware(synthetic_firmware(board, version=board.firmware.version), board)
    vfs = make_filesystem(files, device_table(board, firmware).get("vfs").size)
    return make_plan(board, firmware, vfs=vfs, fctry=bytes(range(256)) * 64)
