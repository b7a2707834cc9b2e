"""What an inspection notes of a device that is whole and unusual."""

from __future__ import annotations

import pytest

from startline_host.formats.flash_dump import FlashDump
from startline_host.formats.inspection import inspect
from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.formats.partitions import TABLE_OFFSET, make_table
from startline_host.formats.synthetic_firmware import stock_table

NVS, FLASH = 0x9000, 4 << 20


@pytest.mark.parametrize(
    ("serial", "words"),
    [
        ("RR-\u200b1", "U+200B (ZERO WIDTH SPACE), at character 4"),
        ("RR-e\u0301", "is not in its composed form (NFC)"),
        ("2.02411E+11", "is a number as a spreadsheet shortens it"),
        ("RR-é 1", ""),
    ],
)
def test_a_serial_number_that_is_refused_today_is_noted(serial: str, words: str) -> None:
    """What an older startline wrote is told as it is, with why it would be refused."""
    flash = bytearray(b"\xff" * FLASH)
    for offset, part in (
        (TABLE_OFFSET, make_table(stock_table())),
        (NVS, make_nvs_image([NvsEntry("factory", "serial", "string", serial)], 0x6000)),
    ):
        flash[offset : offset + len(part)] = part
    found = inspect(FlashDump({0: bytes(flash)}, FLASH))
    notes = [note for note in found.notes if "refused today" in note]
    assert [words in note for note in notes] == [True] * bool(words)
