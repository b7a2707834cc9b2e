"""What a virtual ESP32 is made of, and the texts that people write it in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from startline_host.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_MAC = "24:6f:28:00:00:01"
MOST_PPM = 100_000.0
"""A crystal of a tenth more or less: far beyond any real one, and enough to see it at once."""


@dataclass(frozen=True)
class ChipOptions:
    """One chip and its ports. `port` 0 takes a free one, `raw_port` None means none at all.

    `flash_size` is in bytes; None takes that of the file, or 4 MB for a new one. `paced` makes
    the line as slow as its baud rate. `cut_after` pulls the plug in the middle of the flash
    operation that follows so many others. `uart1` and `uart2` are TCP ports at which
    `machine.UART(1)` and `(2)` end, as `raw_port` is one. `ppm` is by how many parts in a million
    the crystal is too fast.
    """

    flash: Path
    port: int = 0
    raw_port: int | None = None
    pty: bool = False
    mac: str = DEFAULT_MAC
    world: Path | None = None
    flash_size: int | None = None
    paced: bool = False
    cut_after: int | None = None
    uart1: int | None = None
    uart2: int | None = None
    ppm: float = 0.0


@dataclass(frozen=True)
class ChipEndpoints:
    """Where a running chip is reached: pyserial URLs, the pty's path, and its process.

    `uart1` and `uart2` are the URLs of `machine.UART`'s ends.
    """

    url: str
    raw: str | None
    pty: str | None
    pid: int
    uart1: str | None = None
    uart2: str | None = None


def parse_mac(text: str) -> bytes:
    """Return the six bytes of a MAC address such as 24:6f:28:00:00:01. Raises BadInput."""
    if re.fullmatch(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", text) is None:
        raise BadInput(f"{text!r} is not a MAC address.", f"Write it like {DEFAULT_MAC}.")
    mac = bytes.fromhex(text.replace(":", ""))
    if mac[0] & 1:
        raise BadInput(
            f"{text!r} is a group address, not one device's.", "Make its first byte even."
        )
    return mac


def parse_size(text: str) -> int:
    """Return the bytes in a flash size such as 4MB. Raises BadInput."""
    match = re.fullmatch(r"(1|2|4|8|16)\s*MB", text.strip(), re.IGNORECASE)
    if match is None:
        raise BadInput(f"{text!r} is not a flash size.", "It is one of 1MB, 2MB, 4MB, 8MB, 16MB.")
    return int(match[1]) << 20


def check_ppm(ppm: float) -> float:
    """Return a crystal's error in parts in a million. Raises BadInput for an absurd one."""
    if not abs(ppm) <= MOST_PPM:
        raise BadInput(
            f"A crystal that is off by {ppm:g} ppm is not one.",
            f"Use at most {MOST_PPM:g} ppm either way; real ones have 10 to 50.",
        )
    return ppm
