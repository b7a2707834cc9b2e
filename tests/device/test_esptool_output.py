"""What esptool prints, and what is made of it."""

from __future__ import annotations

import pytest

from startline_host.device.esptool_output import DetectedChip, EsptoolOutput, WrittenRegion
from startline_host.errors import (
    DeviceSilent,
    NoSuchPort,
    StartlineError,
    StorageFailed,
    WrongDevice,
)

SESSION = """
esptool v5.6.0
Connected to ESP32-S3 on rfc2217://127.0.0.1:4000:
Chip type:          ESP32-S3 (QFN56) (revision v0.2)
MAC:                24:6f:28:0a:0b:0c

Detected flash size: 8MB
"""


def read(text: str) -> EsptoolOutput:
    """Take a whole text, line by line."""
    output = EsptoolOutput()
    for line in text.splitlines():
        output.line(line)
    return output


def test_the_chip_is_read_from_the_heading() -> None:
    """Chip type, MAC and flash size come out of what every verb prints."""
    assert read(SESSION).chip == DetectedChip("ESP32-S3", "24:6f:28:0a:0b:0c", 8 << 20)


def test_without_a_heading_there_is_no_chip() -> None:
    """Output that names no chip gives none."""
    assert read("esptool v5.6.0\nConnecting.....").chip is None


@pytest.mark.parametrize(
    ("line", "percent"),
    [
        ("Writing at 0x00010000 [====>      ]  37.5% 1024/2048 bytes...", 37.5),
        ("Writing at 0x0001d000... (42 %)", 42.0),
        ("Reading from 0x00008000 [=====] 100.0% 28672/28672 bytes...", 100.0),
        ("250.0%", 100.0),
    ],
)
def test_progress_is_read_in_several_spellings(line: str, percent: float) -> None:
    """A percentage is found in the spelling of today's and of earlier releases, and bounded."""
    assert read(line).percent == percent


def test_what_was_written_and_what_was_not_is_kept() -> None:
    """Sizes and bytes on the wire come from esptool's own summary of each region."""
    output = read(
        "Wrote 24576 bytes (13005 compressed) at 0x00010000 in 0.3 seconds (589.4 kbit/s).\n"
        "Wrote 16 bytes at 0x003fc000 in 0.1 seconds.\n"
        "'/tmp/x/008000.bin' at 0x00008000 already in flash, skipping write.\n"
    )
    assert output.written == [
        WrittenRegion(0x10000, 24576, 13005),
        WrittenRegion(0x3FC000, 16, 16),
    ]
    assert output.skipped == [0x8000]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("A fatal error occurred: Could not open /dev/ttyUSB0, the port is busy", NoSuchPort),
        (
            "A fatal error occurred: Failed to connect to ESP32: No serial data received.",
            DeviceSilent,
        ),
        (
            "A fatal error occurred: This chip is ESP32-S3, not ESP32. Wrong chip argument?",
            WrongDevice,
        ),
        ("A fatal error occurred: MD5 of file does not match data in flash!", StorageFailed),
        ("A fatal error occurred: The chip stopped responding.", DeviceSilent),
        ("", DeviceSilent),
    ],
)
def test_a_failure_becomes_one_clear_error(text: str, kind: type[StartlineError]) -> None:
    """Each way in which esptool gives up has its own error, and never a control character."""
    error = read(text + "\x1b[31m").failure("/dev/ttyUSB0")
    assert type(error) is kind
    assert "\x1b" not in error.message
