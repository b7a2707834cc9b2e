"""A device's partitions through its MicroPython prompt: what is there, read raw, written raw."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable

import msgspec

from startline_host.device.raw_repl import DeviceRaised
from startline_host.device.repl import Repl
from startline_host.errors import DeviceSilent, StorageFailed

BLOCK = 4096
_SLOW = 60.0

_FACTS = """
import os, sys, machine
from binascii import b2a_base64
from esp32 import Partition
def _rows():
    return [p.info()[:5] for t in (Partition.TYPE_APP, Partition.TYPE_DATA) for p in Partition.find(t)]
def _partition(label):
    return Partition.find(Partition.TYPE_DATA, label=label)[0]
def _dump(label):
    p = _partition(label)
    size = p.info()[3]
    part = bytearray(512)
    for at in range(0, size, 512):
        p.readblocks(at >> 12, part, at & 4095)
        if part != b'\\xff' * 512:
            print(at, b2a_base64(part).decode(), end='')
    print('end', size)
"""


class DevicePartition(msgspec.Struct, frozen=True):
    """A partition as the running firmware sees it; offset and size in bytes."""

    name: str
    kind: int
    subtype: int
    offset: int
    size: int


class DeviceFacts(msgspec.Struct, frozen=True):
    """What runs on a device: its chip as esptool would name it ("" if untold), MAC, release, rows."""

    chip: str
    mac: str
    release: tuple[int, int, int]
    rows: tuple[DevicePartition, ...]

    def has(self, name: str) -> bool:
        """Tell whether there is a partition of that name."""
        return any(row.name == name for row in self.rows)


def read_facts(repl: Repl) -> DeviceFacts:
    """Ask a MicroPython on an ESP32 what it is.

    Raises OSError or DeviceRaised where it is another program or another chip altogether.
    """
    repl.define(_FACTS)
    machine, release, mac, rows = repl.value(
        "(os.uname().machine, sys.implementation[1][:3], machine.unique_id(), _rows())"
    )
    found = re.search(r"\bwith (ESP32\w*)", machine)
    return DeviceFacts(
        chip=found[1] if found else "",
        mac=":".join(f"{byte:02x}" for byte in mac),
        release=tuple(release),
        rows=tuple(
            DevicePartition(name, kind, subtype, offset, size)
            for kind, subtype, offset, size, name in rows
        ),
    )


def read_partition(repl: Repl, name: str) -> bytes:
    """Return a data partition's bytes; blank stretches cost nothing on the wire."""
    repl.define(_FACTS)
    lines = repl.run(f"_dump({name!r})", _SLOW).split("\n")
    pieces: dict[int, bytes] = {}
    for line in lines:
        at, _, text = line.strip().partition(" ")
        if at == "end":
            return _assembled(pieces, int(text))
        if at.isdecimal():
            pieces[int(at)] = binascii.a2b_base64(text)
    raise DeviceSilent(f"The device stopped while partition {name!r} was read.")


def write_partition(repl: Repl, name: str, image: bytes, blocks: Iterable[int]) -> int:
    """Write the named blocks (of 4096 bytes) of a partition, and return the bytes sent.

    Raises StorageFailed where the partition does not read back as `image`.
    """
    repl.define(_FACTS)
    sent = 0
    for block in blocks:
        data = image[block * BLOCK : (block + 1) * BLOCK]
        packed = repl.packed(data)
        try:
            repl.run(f"_partition({name!r}).writeblocks({block}, {packed})", _SLOW)
        except (OSError, DeviceRaised):
            raise _not_written(name) from None
        sent += len(packed)
    if sent and read_partition(repl, name) != image:
        raise _not_written(name)
    return sent


def differing_blocks(old: bytes, new: bytes) -> list[int]:
    """Return which blocks of 4096 bytes differ."""
    return [
        at // BLOCK
        for at in range(0, len(new), BLOCK)
        if old[at : at + BLOCK] != new[at : at + BLOCK]
    ]


def _not_written(name: str) -> StorageFailed:
    return StorageFailed(
        f"The partition {name!r} does not read back as it was written.",
        "Run the command again. If it fails again, the flash is worn.",
    )


def _assembled(pieces: dict[int, bytes], size: int) -> bytes:
    whole = bytearray(b"\xff") * size
    for at, piece in pieces.items():
        whole[at : at + len(piece)] = piece
    return bytes(whole)
