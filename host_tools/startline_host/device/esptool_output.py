"""What esptool prints, read: the chip it found, how far it is, and why it gave up.

esptool's text is no stable interface: every pattern here is the least that a line must have, and
what is not recognised changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from startline_host.errors import (
    DeviceSilent,
    NoSuchPort,
    StartlineError,
    StorageFailed,
    WrongDevice,
)
from startline_host.util import printable

_CONNECTED = re.compile(r"^Connected to (?P<chip>ESP[\w-]+) on ")
_MAC = re.compile(r"^MAC:\s+(?P<mac>[0-9a-f]{2}(?::[0-9a-f]{2}){5,7})\b")
_FLASH_SIZE = re.compile(
    r"^(?:Detected|Auto-detected) flash size:\s*(?P<size>\d+)\s*(?P<unit>KB|MB)"
)
_PROGRESS = re.compile(
    r"(?:(?P<verb>Writing|Reading)[^%]*?(?P<address>0x[0-9a-fA-F]+))?.*?(?P<percent>\d+(?:\.\d+)?)\s*%"
)
_WROTE = re.compile(
    r"^Wrote (?P<size>\d+) bytes(?: \((?P<sent>\d+) compressed\))? at (?P<address>0x[0-9a-fA-F]+)"
)
_SKIPPED = re.compile(r"at (?P<address>0x[0-9a-fA-F]+) already in flash")
_VERIFYING = re.compile(r"^Verifying .*\bat (?P<address>0x[0-9a-fA-F]+)")
_VERIFIED = re.compile(r"^Verification successful")
_FATAL = re.compile(r"A (?:fatal|serial exception) error occurred:\s*(?P<reason>.+)")

_UNITS: Mapping[str, int] = MappingProxyType({"KB": 1 << 10, "MB": 1 << 20})


class DetectedChip(msgspec.Struct, frozen=True):
    """What answered: its type as esptool names it (`ESP32-S3`), MAC, and flash size in bytes.

    `flash_size` is 0 where it was not asked for or not told.
    """

    kind: str
    mac: str
    flash_size: int = 0


class WrittenRegion(msgspec.Struct, frozen=True):
    """One region that was written: where, how many bytes, and how many of them went over the wire."""

    offset: int
    size: int
    sent: int


class EsptoolOutput:
    """Reads esptool's lines as they come."""

    def __init__(self) -> None:
        self.written: list[WrittenRegion] = []
        self.skipped: list[int] = []
        #: Offsets at which the flash was found to hold what it was compared with.
        self.verified: list[int] = []
        #: How far the region at hand is, from 0 to 100.
        self.percent = 0.0
        self._kind = self._mac = ""
        self._flash_size = 0
        self._verifying = -1
        self._reason = ""
        self._tail: list[str] = []

    @property
    def chip(self) -> DetectedChip | None:
        """The chip, once it has been named."""
        return DetectedChip(self._kind, self._mac, self._flash_size) if self._kind else None

    @property
    def compared(self) -> bool:
        """Whether a comparison came to its end and showed a difference, which esptool fails for."""
        return self._verifying >= 0 and self._reason == "Verification failed."

    def line(self, text: str) -> None:
        """Take one line, without its end."""
        text = text.strip()
        if not text:
            return
        self._tail = [*self._tail[-7:], text]
        if match := _FATAL.search(text):
            self._reason = match["reason"]
        elif match := _CONNECTED.search(text):
            self._kind = match["chip"]
        elif match := _MAC.search(text):
            self._mac = match["mac"]
        elif match := _FLASH_SIZE.search(text):
            self._flash_size = int(match["size"]) * _UNITS[match["unit"]]
        elif match := _WROTE.search(text):
            size = int(match["size"])
            self.written.append(
                WrittenRegion(int(match["address"], 16), size, int(match["sent"] or size))
            )
            self.percent = 0.0
        elif match := _SKIPPED.search(text):
            self.skipped.append(int(match["address"], 16))
        elif match := _PROGRESS.search(text):
            self.percent = min(100.0, float(match["percent"]))
        else:
            self._compare(text)

    def _compare(self, text: str) -> None:
        if match := _VERIFYING.search(text):
            self._verifying = int(match["address"], 16)
        elif _VERIFIED.search(text):
            self.verified.append(self._verifying)

    def failure(self, url: str) -> StartlineError:
        """Return the error that a failed run stands for."""
        reason = printable(self._reason or (self._tail[-1] if self._tail else "no reason given"))
        known = "\n".join([self._reason, *self._tail])
        if "Could not open" in known or "Could not exclusively lock" in known:
            return NoSuchPort(
                f"esptool could not open {url} ({reason}).", "Is it in use, or unplugged?"
            )
        if "Failed to connect" in known or "No serial data received" in known:
            return DeviceSilent(
                f"No boot loader answers at {url}.",
                "Check the cable and power. Without reset wires: hold BOOT, press RESET, let go of "
                "BOOT, and run the command again.",
            )
        if "This chip is" in known or "is not an ESP" in known or "Unexpected chip" in known:
            return WrongDevice(f"The chip at {url} is not the board's ({reason}).")
        if "MD5" in known or "Write failed" in known or "Verification failed" in known:
            return StorageFailed(
                f"The flash at {url} does not hold what was written ({reason}).",
                "Run the command again. If it fails again, the flash chip is worn or its power is unstable.",
            )
        return DeviceSilent(
            f"The boot loader at {url} stopped answering ({reason}).", "Run the command again."
        )
