"""Firmware files: checked, and split into their parts."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from startline_host.boards import Board, load_board
from startline_host.errors import BadInput
from startline_host.formats.esp_image import make_image, parse_image, with_flash_size, xor_bytes
from startline_host.formats.firmware_file import Firmware, split_firmware
from startline_host.formats.partitions import PartitionRow, PartitionTable
from startline_host.formats.synthetic_firmware import stock_table, synthetic_firmware

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def test_the_parts_are_those_of_the_file(merged: bytes, firmware: Firmware) -> None:
    """Boot loader, table and application are cut out where the official file has them."""
    assert firmware.boot_loader == merged[: len(firmware.boot_loader)]
    assert firmware.table == stock_table()
    assert firmware.app == merged[0xF000:]
    assert (firmware.version, firmware.chip) == ("1.29.0", "esp32")


def test_the_gap_over_nvs_is_padding_in_the_file(merged: bytes) -> None:
    """Our image has the trap of the official one: 0xFF over 0x9000 to 0xFFFF."""
    assert merged[0x8000:0xF000] == b"\xff" * 0x7000


def test_esptool_agrees_that_our_image_is_sound(firmware: Firmware, tmp_path: Path) -> None:
    """The image check of esptool itself finds checksum, digest and descriptor in order."""
    path = tmp_path / "app.bin"
    path.write_bytes(firmware.app)
    command = [sys.executable, "-m", "esptool", "--chip", "esp32", "image-info", str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    for fact in (
        "(valid)",
        "App version: v1.29.0",
        "Project name: micropython",
        "Flash size: 4MB",
    ):
        assert fact in done.stdout
    assert "invalid" not in done.stdout


@given(st.binary(max_size=300))
def test_the_fast_xor_is_the_plain_one(data: bytes) -> None:
    """XOR over halves gives what XOR byte by byte gives."""
    plain = 0
    for byte in data:
        plain ^= byte
    assert xor_bytes(data) == plain


@given(data=st.data())
def test_any_flipped_bit_in_the_application_is_noticed(data: st.DataObject) -> None:
    """One wrong bit anywhere in the image is refused, whatever part it hits."""
    image = bytearray(make_image("esp32", [(0x4000, b"abcd" * 9)], flash_size=4 * MIB, entry=0))
    image[data.draw(st.integers(0, len(image) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadInput):
        check_whole(bytes(image))


def check_whole(image: bytes) -> None:
    """Refuse an image that is not sound to its last byte, digest included."""
    if not parse_image(image).has_digest:
        raise BadInput("The image claims to have no digest.")


@given(st.integers(0, 86_415))
def test_a_file_cut_short_anywhere_is_refused(size: int) -> None:
    """A download that ended early never passes."""
    board = load_board("VIRTUAL_ESP32")
    whole = synthetic_firmware(board, version="1.29.0")
    assert len(whole) == 86_416
    with pytest.raises(BadInput):
        split_firmware(whole[:size], board)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not firmware for an ESP32"),
        (b"UF2\n" + bytes(508), "not firmware for an ESP32"),
        (b"\xe9\x00" + bytes(100), "claims 0 segments"),
        (b"\xe9\x01" + bytes(40), "boot loader in the firmware file is cut short"),
    ],
)
def test_a_foreign_file_is_refused_with_the_reason(board: Board, data: bytes, reason: str) -> None:
    """A file that is no firmware says so, before anything is done with it."""
    with pytest.raises(BadInput, match=reason):
        split_firmware(data, board)


def test_another_chips_image_is_refused(board: Board, merged: bytes) -> None:
    """An image for the ESP32 does not go onto an ESP32-S3 whose offset happens to fit."""
    s3 = msgspec.structs.replace(board, chip="esp32s3", name="S3")
    with pytest.raises(BadInput, match="is for esp32, and the board S3 has esp32s3"):
        split_firmware(merged, s3)


def test_an_application_larger_than_its_partition_is_refused(board: Board) -> None:
    """A table that leaves the application no room is noticed."""
    small = PartitionTable(
        (*stock_table().rows[:2], PartitionRow("factory", 0, 0, 0x10000, 0x4000))
    )
    data = synthetic_firmware(board, version="1.29.0", table=small)
    with pytest.raises(BadInput, match="its partition 'factory' only 16384"):
        split_firmware(data, board)


def test_an_application_that_is_not_micropython_is_refused(board: Board) -> None:
    """Some other ESP32 program in the right shape is told apart by what it calls itself."""
    data = synthetic_firmware(board, version="1.29.0")
    row = stock_table().get("factory").offset - board.firmware_offset
    other = make_image("esp32", [(0x3F400020, b"blinky" * 100)], flash_size=4 * MIB, entry=0)
    with pytest.raises(BadInput, match="is not MicroPython"):
        split_firmware(data[:row] + other, board)


def test_the_boot_loader_is_told_of_a_larger_flash(board: Board, merged: bytes) -> None:
    """For a 16 MiB board the boot loader's header says 16 MiB and its digest still holds."""
    large = msgspec.structs.replace(board, flash_size=16 * MIB)
    boot = split_firmware(merged, large).boot_loader
    assert parse_image(boot).flash_size == 16 * MIB
    assert with_flash_size(boot, 4 * MIB) == merged[: len(boot)]
