"""What the chip says while it starts: the ROM's lines and the second stage's complaints.

The texts are the chip's interface: tools and people recognise a state by them. They are those
of an ESP32 of revision 3 ("ets Jul 29 2019").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from startline_host.virtual.boot_image import BootImage

_BANNER = "ets Jul 29 2019 12:21:46"
_NO_PIN = 0xEE
_MODES = {0: "QIO", 1: "QOUT", 2: "DIO", 3: "DOUT"}
_CLOCK_DIVIDERS = {0x0: 2, 0x1: 3, 0x2: 4, 0xF: 1}


@dataclass(frozen=True)
class ResetReason:
    """Why the chip starts: the ROM's number and name for it."""

    number: int
    name: str


POWER_ON = ResetReason(0x1, "POWERON_RESET")
SOFTWARE = ResetReason(0x3, "SW_RESET")
DEEP_SLEEP = ResetReason(0x5, "DEEPSLEEP_RESET")
SOFTWARE_CPU = ResetReason(0xC, "SW_CPU_RESET")
WATCHDOG = ResetReason(0x10, "RTCWDT_RTC_RESET")


def lines(*texts: str) -> bytes:
    """Return `texts` as the bytes of console lines."""
    return "".join(f"{text}\r\n" for text in texts).encode()


def download_mode(reason: ResetReason) -> bytes:
    """Return what the ROM prints before it listens to its serial loader."""
    boot = "boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))"
    return lines(_BANNER, "", f"{_reset(reason)},{boot}", "waiting for download")


def flash_boot(reason: ResetReason) -> bytes:
    """Return what the ROM prints before it looks at the flash."""
    return lines(_BANNER, "", f"{_reset(reason)},boot:0x13 (SPI_FAST_FLASH_BOOT)")


def invalid_header(word: int) -> bytes:
    """Return the ROM's line for a boot loader that is not there; `word` is what it found."""
    return lines(f"invalid header: 0x{word:08x}")


def boot_loader_loaded(image: BootImage) -> bytes:
    """Return the ROM's account of loading the second stage, up to its entry."""
    pins = "clk_drv:0x00,q_drv:0x00,d_drv:0x00,cs0_drv:0x00,hd_drv:0x00,wp_drv:0x00"
    mode = _MODES.get(image.flash_mode, "DIO")
    divider = _CLOCK_DIVIDERS.get(image.flash_frequency, 2)
    texts = [
        f"configsip: 0, SPIWP:0x{image.wp_pin or _NO_PIN:02x}",
        pins,
        f"mode:{mode}, clock div:{divider}",
        *(f"load:0x{part.address:08x},len:{part.length}" for part in image.segments),
    ]
    if image.checksum == image.stored_checksum:
        texts.append(f"entry 0x{image.entry:08x}")
    else:
        texts.append(f"csum err:0x{image.stored_checksum:02x}!=0x{image.checksum:02x}")
        texts.append("ets_main.c 371 ")
    return lines(*texts)


def error(milliseconds: int, tag: str, text: str) -> str:
    """Return one line of the second stage's log at its error level."""
    return f"E ({milliseconds}) {tag}: {text}"


def _reset(reason: ResetReason) -> str:
    return f"rst:0x{reason.number:x} ({reason.name})"
