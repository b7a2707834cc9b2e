"""Any stretch of a device's flash, read through its MicroPython prompt."""

from __future__ import annotations

import binascii

from startline_host.device.repl import Repl
from startline_host.errors import DeviceSilent

#: Seconds for a stretch; a megabyte takes some two minutes at 115200 baud.
_SLOW = 300.0

_READER = """
import esp
from binascii import b2a_base64
def _flash(offset, size):
    part = bytearray(512)
    view = memoryview(part)
    for at in range(0, size, 512):
        piece = view[:min(512, size - at)]
        esp.flash_read(offset + at, piece)
        if bytes(piece) != b'\\xff' * len(piece):
            print(at, b2a_base64(piece).decode(), end='')
    print('end')
"""


def read_flash(repl: Repl, offset: int, size: int) -> bytes:
    """Return `size` bytes of flash from `offset`; blank stretches cost nothing on the wire.

    Raises OSError or DeviceRaised where the firmware lets nobody look, DeviceSilent where it
    stops in between.
    """
    repl.define(_READER)
    data = bytearray(b"\xff") * size
    for line in repl.run(f"_flash({offset}, {size})", _SLOW).split("\n"):
        at, _, text = line.strip().partition(" ")
        if at == "end":
            return bytes(data)
        if at.isdecimal():
            piece = binascii.a2b_base64(text)
            data[int(at) : int(at) + len(piece)] = piece
    raise DeviceSilent(f"The device stopped while its flash was read at {offset:#x}.")


def flash_size(repl: Repl) -> int:
    """Return how many bytes of flash the firmware knows of."""
    return int(repl.value("__import__('esp').flash_size()"))
