"""What a chip says when it starts from flash, sound, empty or broken."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from startline_host.virtual import boot_messages as say
from startline_host.virtual.flash import NorFlash
from startline_host.virtual.flash_boot import boot

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 4 << 20


def flash_of(*pieces: tuple[int, bytes]) -> NorFlash:
    """Return a flash with `pieces` at their offsets."""
    flash = NorFlash(size=SIZE)
    for offset, data in pieces:
        flash.program(offset, data)
    return flash


def log(flash: NorFlash) -> str:
    """Return the second stage's complaints of a start that fails and is tried again."""
    result = boot(flash, say.POWER_ON)
    assert result.retry == say.SOFTWARE
    text = result.text.decode()
    return "\n".join(line.split(") ", 1)[1] for line in text.split("\r\n") if line[:3] == "E (")


def test_a_sound_flash_starts(bootable: NorFlash) -> None:
    """The ROM's lines tell the reset, the segments of the boot loader and its entry."""
    result = boot(bootable, say.POWER_ON)
    assert (result.trickle, result.retry) == ((), None)
    assert result.text.decode().split("\r\n") == [
        "ets Jul 29 2019 12:21:46",
        "",
        "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
        "configsip: 0, SPIWP:0xee",
        "clk_drv:0x00,q_drv:0x00,d_drv:0x00,cs0_drv:0x00,hd_drv:0x00,wp_drv:0x00",
        "mode:DIO, clock div:2",
        "load:0x3fff0030,len:64",
        "load:0x40078000,len:32",
        "entry 0x40080400",
        "",
    ]


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\x03"])
def test_no_boot_loader(content: bytes) -> None:
    """Without a boot loader the ROM names the word it found, again and again, and resets."""
    result = boot(flash_of((0x1000, content)), say.WATCHDOG)
    word = int.from_bytes(content or b"\xff" * 4, "little")
    assert set(result.trickle) == {f"invalid header: 0x{word:08x}\r\n".encode()}
    assert result.text.endswith(b"rst:0x10 (RTCWDT_RTC_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n")
    assert result.retry == say.WATCHDOG


def test_a_damaged_boot_loader(boot_loader: bytes) -> None:
    """The ROM adds up the segments and does not enter a boot loader whose sum is wrong."""
    damaged = boot_loader[:40] + b"\xaa" + boot_loader[41:]
    result = boot(flash_of((0x1000, damaged)), say.POWER_ON)
    assert b"csum err:0x" in result.text
    assert b"entry" not in result.text
    assert result.retry == say.WATCHDOG


@pytest.mark.parametrize("length", [4, 30, 60])
def test_a_half_written_boot_loader(boot_loader: bytes, length: int) -> None:
    """Wherever the writing stopped, the chip does not start and its watchdog barks."""
    result = boot(flash_of((0x1000, boot_loader[:length])), say.POWER_ON)
    assert result.retry == say.WATCHDOG


def test_no_partition_table(boot_loader: bytes) -> None:
    """Without a table the boot loader says that it could not verify one."""
    said = log(flash_of((0x1000, boot_loader), (0x8000, b"\x00" * 32)))
    assert said.split("\n") == [
        "flash_parts: partition 0 invalid magic number 0x0",
        "boot: Failed to verify partition table",
        "boot: load partition table error!",
    ]


def test_an_erased_table_is_an_empty_one(boot_loader: bytes) -> None:
    """A blank sector reads as a table that ends at once: no application in it."""
    said = log(flash_of((0x1000, boot_loader)))
    assert said == "boot: No bootable app partitions in the partition table"


def test_a_table_with_a_wrong_digest(boot_loader: bytes, table: Callable[..., bytes]) -> None:
    """A table whose MD5 row does not fit is not trusted."""
    rows = bytearray(table(("factory", 0, 0, 0x10000, 0x10000)))
    rows[8] ^= 1
    assert "Incorrect MD5 checksum" in log(flash_of((0x1000, boot_loader), (0x8000, bytes(rows))))


def test_a_table_past_the_chip(boot_loader: bytes, table: Callable[..., bytes]) -> None:
    """A partition that does not fit in the chip is named."""
    rows = table(("factory", 0, 0, 0x10000, SIZE))
    said = log(flash_of((0x1000, boot_loader), (0x8000, rows)))
    assert "partition 0 invalid - offset 0x10000 size 0x400000 exceeds flash chip size" in said


def test_a_table_without_an_end(boot_loader: bytes) -> None:
    """A table that fills its space without an end is not valid."""
    row = struct.pack("<HBBII16sI", 0x50AA, 1, 2, 0x9000, 0x1000, b"nvs", 0)
    said = log(flash_of((0x1000, boot_loader), (0x8000, row * 96)))
    assert "partition table has no terminating entry" in said


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda _: b"", "image at 0x10000 has invalid magic byte (nothing flashed here?)"),
        (lambda app: app[:1] + b"\x11" + app[2:], "segment count 17 exceeds max 16"),
        (lambda app: app[:28] + b"\x07\x00\x00\x00" + app[32:], "invalid segment length 0x7"),
        (lambda app: app[:28] + b"\x00\x00\x00\x7f" + app[32:], "invalid segment length"),
        (lambda app: app[:50] + b"!" + app[51:], "Checksum failed. Calculated 0x"),
        (lambda app: app[:500], "invalid segment length"),
        (lambda app: app[:-40], "Checksum failed"),
        (lambda app: app[:-1] + bytes((app[-1] ^ 1,)), "Image hash failed - image is corrupt"),
        (lambda app: app[:12] + b"\xff" + app[13:], "Image hash failed - image is corrupt"),
    ],
)
def test_a_damaged_application(
    bootable: NorFlash,
    application: bytes,
    damage: Callable[[bytes], bytes],
    words: str,
) -> None:
    """Whatever is wrong with the application, the boot loader says so and does not start it."""
    bootable.erase(0x10000, 0x10000)
    bootable.program(0x10000, damage(application))
    said = log(bootable)
    assert words in said
    assert said.endswith(
        "boot: Factory app partition is not bootable\n"
        "boot: No bootable app partitions in the partition table"
    )


def test_an_application_that_outgrew_its_partition(
    boot_loader: bytes, application: bytes, table: Callable[..., bytes]
) -> None:
    """An image longer than its partition is refused."""
    rows = table(("factory", 0, 0, 0x10000, 0x400))
    flash = flash_of((0x1000, boot_loader), (0x8000, rows), (0x10000, application))
    assert "esp_image" in log(flash)


def test_the_other_application_partition(
    boot_loader: bytes, application: bytes, table: Callable[..., bytes]
) -> None:
    """With a broken factory application the first OTA slot is started."""
    rows = table(("factory", 0, 0, 0x10000, 0x10000), ("ota_0", 0, 0x10, 0x20000, 0x10000))
    flash = flash_of((0x1000, boot_loader), (0x8000, rows), (0x20000, application))
    assert boot(flash, say.POWER_ON).retry is None
