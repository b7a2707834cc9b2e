"""The chip, as the agent sees it, and its console; platform modules are imported here and in `chip` only.

Tests and the power-cut runner pass objects of the same shape to `startline.first_boot`.
"""

import json
import sys
import time

# Taken from there: each import of a built-in module reads flash.
from .record import crc32

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import AnyChip, Chip


class Flash:
    """One partition as raw NOR flash: programming clears bits, erasing a sector sets them.

    Offsets and lengths are in bytes from its start; `size` is all of it. `erased` has the offset
    of each sector that was erased in this boot.
    """

    def __init__(self, partition: "Any") -> None:
        self._part = partition
        self.size = partition.info()[3]
        self.erased: list[int] = []

    def read(self, offset: int, length: int) -> bytearray:
        """Return `length` bytes."""
        data = bytearray(length)
        self._part.readblocks(offset >> 12, data, offset & 4095)
        return data

    def program(self, offset: int, data: bytes) -> None:
        """Clear the bits that are 0 in `data`."""
        self._part.writeblocks(offset >> 12, data, offset & 4095)

    def erase(self, offset: int) -> None:
        """Set every bit of the sector of 4096 bytes at `offset`."""
        self.erased.append(offset)
        self._part.ioctl(6, offset >> 12)


class Hal:
    """As much of the chip as a bound boot needs; `full()` is all of it."""

    def __init__(self) -> None:
        self.parts: dict[str, Flash | None] = {}

    def write(self, text: str) -> None:
        """Print to the console."""
        sys.stdout.write(text)

    def ms(self) -> int:
        """Return the milliseconds since boot."""
        return time.ticks_ms()  # type: ignore[return-value] # a number of a kind of its own

    def mac(self) -> bytes:
        """Return the chip's base MAC, 6 bytes."""
        import machine

        return machine.unique_id()

    def crash_loop(self) -> bool:
        """Count this boot in the memory that a reset keeps; tell whether it is the fifth quick one.

        Quick is less than 30 s after the boot before. Memory that the app uses is left alone.
        """
        import machine

        memory = machine.RTC().memory
        # The clock may say anything, also what no four bytes hold: its last bits are enough.
        now = int(time.time()) & 0x3FFFFFFF
        kept = memory()
        count = 0
        if kept:
            if kept[:4] != b"SLcl":
                return False
            before = int.from_bytes(kept[5:9], "little")
            if len(kept) == 9 and (now - before) & 0x3FFFFFFF < 30:
                count = (kept[4] + 1) % 6
        memory(b"SLcl" + bytes((count,)) + now.to_bytes(4, "little"))
        return count == 5

    def flash(self, label: str) -> "Any":
        """Return the data partition of that name, the same object for the whole of a boot."""
        if label not in self.parts:
            from esp32 import Partition

            found = Partition.find(Partition.TYPE_DATA, label=label)
            self.parts[label] = Flash(found[0]) if found else None
        return self.parts[label]

    def nvs(self, namespace: str) -> "Any":
        """Return a namespace of the partition `nvs`, as `esp32.NVS` does."""
        import esp32

        return esp32.NVS(namespace)

    def blob(self) -> bytes:
        """Return the record's blob in `nvs`: b"" if there never was one, b"?" if it is damaged."""
        from .record import read_nvs

        flash = self.flash("nvs")
        blob = read_nvs(flash)
        if blob:
            return blob
        from .record.traces import remains

        return remains(flash)

    def full(self) -> "Chip":
        """Return the whole chip, `chip.Chip`, which finds its partitions by this one."""
        from .chip import Chip

        chip = Chip()
        chip.hal = self
        return chip


def encode(name: str, seq: int, ms: int, fields: "dict[str, Any]") -> bytes:
    """Return one event as it goes over the line; one that would be too long says so instead."""
    text = json.dumps(fields, separators=(",", ":"))
    text = '{"ev":"%s","n":%d,"ms":%d%s' % (name, seq, ms, "," + text[1:-1] if fields else "")
    raw = text.encode()
    if len(raw) != len(text):  # JSON of MicroPython leaves other alphabets as they are
        from .json_escape import escaped

        raw = escaped(text).encode()
    if len(raw) > 1000:
        return encode(name, seq, ms, {"cut": len(raw)})
    return b'\x1e%s,"crc":"%08x"}\n' % (raw, crc32(raw))


class Console:
    """Prints events and, between them, short lines for a person who watches.

    A console that fails loses what it should have printed, and stops nothing: what is said comes
    between a request and keeping its answer, too. Numbers that are missing show it.
    """

    def __init__(self, hal: "AnyChip") -> None:
        self._hal = hal
        self._seq = -1

    def event(self, name: str, fields: "dict[str, Any]") -> None:
        """Print one event."""
        self._seq += 1
        try:
            self._hal.write(encode(name, self._seq, self._hal.ms(), fields).decode())
        except Exception:  # of any kind: no memory, no line, no host
            pass

    def print_line(self, text: str) -> None:
        """Print one line for a person; names are words there, but for a setting's, which is typed."""
        try:
            if "." not in text:
                text = text.replace("_", " ")
            self._hal.write(text + "\n")
        except Exception:
            pass
