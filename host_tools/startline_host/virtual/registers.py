"""The registers that a serial loader client reads and writes: eFuses, UART, and the SPI flash port.

Addresses and bit positions: ESP32 Technical Reference Manual (eFuse controller, SPI, UART).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CHIP_MAGIC = 0x40001000
_UART_CLOCK_DIVIDER = 0x3FF40014
_GPIO_STRAPS = 0x3FF44038
_CALIBRATION = 0x3FF5F06C
_SYSCON_DATE = 0x3FF6607C
_EFUSE = 0x3FF5A000

_SPI = 0x3FF42000
_SPI_COMMAND, _SPI_ADDRESS = _SPI + 0x00, _SPI + 0x04
_SPI_USER2, _SPI_DATA = _SPI + 0x20 + 0x04, _SPI + 0x80
_SPI_START = 1 << 18

_CRYSTAL_HZ = 40_000_000
_CLOCK_8M = 50
"""eFuse trim of the internal oscillator; with it and the calibration below, 40 MHz comes out."""
_CALIBRATED = _CRYSTAL_HZ * 40 // 15625 // _CLOCK_8M

_MANUFACTURER, _MEMORY_TYPE = 0xC8, 0x40
_SFDP = b"SFDP\x06\x01\x00\xff"


class Registers:
    """32-bit registers by address; those that nobody knows keep what was written, from 0.

    Until `flash_is_attached`, SPI commands read as they do with nothing on the pins.
    """

    def __init__(self, mac: bytes, flash_size: int, baud: Callable[[], int]) -> None:
        self._flash_size = flash_size
        self._baud = baud
        self._values = _fixed(mac)
        self.flash_is_attached = False

    def read(self, address: int) -> int:
        """Return the word at `address`."""
        if address == _UART_CLOCK_DIVIDER:
            # The ROM finds the rate of the host by itself, so its divider follows the line.
            return _CRYSTAL_HZ // max(self._baud(), 1)
        return self._values.get(address, 0)

    def write(self, address: int, value: int, mask: int = 0xFFFFFFFF) -> None:
        """Set the bits of `mask` at `address`; starting an SPI command carries it out."""
        value = (self.read(address) & ~mask) | (value & mask)
        if address == _SPI_COMMAND and value & _SPI_START:
            self._run_spi_command()
            value &= ~_SPI_START
        self._values[address] = value

    def _run_spi_command(self) -> None:
        opcode = self._values.get(_SPI_USER2, 0) & 0xFF
        if not self.flash_is_attached:
            self._values[_SPI_DATA] = 0xFFFFFFFF
        elif opcode == 0x9F:  # read identification
            capacity = self._flash_size.bit_length() - 1
            self._values[_SPI_DATA] = capacity << 16 | _MEMORY_TYPE << 8 | _MANUFACTURER
        elif opcode == 0x5A:  # read discoverable parameters; 24 address bits, left-aligned
            start = self._values.get(_SPI_ADDRESS, 0) >> 8
            piece = _SFDP[start : start + 4].ljust(4, b"\xff")
            self._values[_SPI_DATA] = int.from_bytes(piece, "little")
        elif opcode in {0x05, 0x15, 0x35}:  # read status: ready, nothing protected
            self._values[_SPI_DATA] = 0


def _fixed(mac: bytes) -> dict[int, int]:
    """Return what is burnt in: an ESP32-D0WD-V3, revision 3.1, with this MAC."""
    return {
        _CHIP_MAGIC: 0x00F01D83,
        _EFUSE + 0x04: int.from_bytes(mac[2:], "big"),
        _EFUSE + 0x08: _crc8(mac) << 16 | int.from_bytes(mac[:2], "big"),
        _EFUSE + 0x0C: 1 << 15 | 1 << 13 | 1 << 9,  # revision bit 0, rated 240 MHz, package 1
        _EFUSE + 0x10: 5 << 8 | _CLOCK_8M,  # a reference voltage trim, and the oscillator's
        _EFUSE + 0x14: 1 << 24 | 1 << 20,  # minor revision 1, revision bit 1
        _SYSCON_DATE: 1 << 31,  # revision bit 2
        _CALIBRATION: _CALIBRATED << 7,
        _GPIO_STRAPS: 0x03,
    }


def _crc8(data: bytes) -> int:
    """Return the CRC-8 that guards the MAC in eFuse (polynomial 0x31, reflected, from 0)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc
