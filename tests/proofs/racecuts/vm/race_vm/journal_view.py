"""What a race's judge sees in flash: its own reading of the journal, not the agent's.

A sector has a header of 32 bytes, then entries: kind u8, payload length u8, payload, zeros up to a
multiple of four, CRC-32 of all before.
"""

from binascii import crc32
from struct import unpack_from

_SECTOR = 4096
_HEADER = 32
_CHIP_AT = 17  # in an entry: kind, length, number, session, boot, time, flags
_UNCOUNTED = 2  # why a passing is set aside: it may be at the cloud
_KINDS = {
    1: "passing", 2: "boot", 3: "time", 4: "session", 5: "frozen", 6: "sent", 7: "marker",
    8: "amended", 9: "progress", 10: "aside", 11: "map", 12: "end", 13: "unsure", 14: "released",
    15: "there",
}  # fmt: skip


def entries_in(memory: bytearray, sector: int) -> list:
    """Return (start, end, kind, payload) of all intact entries of the sector at an offset."""
    found = []
    view = memoryview(memory)
    at = sector + _HEADER
    stop = sector + _SECTOR
    while at + 8 <= stop:
        kind, length = memory[at], memory[at + 1]
        if kind == 0xFF:
            at += 4
            continue
        end = at + (length + 5 & -4) + 4
        if (
            kind
            and end <= stop
            and crc32(view[at : end - 4]) == unpack_from("<I", view, end - 4)[0]
        ):
            payload = bytes(view[at + 2 : at + 2 + length])
            found.append((at, end, _KINDS.get(kind, "other"), payload))
            at = end
        else:
            at += 4
    return found


def entry_with(memory: bytearray, chip: bytes, number: int, start: int) -> "tuple | None":
    """Return (start, end) of the intact passing of a packed chip behind an offset, or None."""
    place = memory.find(chip, start)
    while place >= 0:
        at = place - _CHIP_AT
        length = memory[at + 1]
        end = at + (length + 5 & -4) + 4
        if memory[at] == 1 and unpack_from("<I", memory, at + 2)[0] == number:
            raw = bytes(memory[at:end])
            if crc32(raw[:-4]) == unpack_from("<I", raw, len(raw) - 4)[0]:
                return at, end
        place = memory.find(chip, place + 1)
    return None


def unsure_numbers(memory: bytearray, start: int, size: int) -> set:
    """Return the numbers of passings that some sectors call unsure, or set aside as uncounted."""
    numbers: set = set()
    for sector in range(start, start + size, _SECTOR):
        if memory[sector] == 0xFF:
            continue
        for _, _, kind, payload in entries_in(memory, sector):
            if kind == "unsure":
                first, before = unpack_from("<II", payload)
                numbers.update(range(first, before))
            elif kind == "aside" and payload[8] == _UNCOUNTED:
                first, last = unpack_from("<II", payload)
                numbers.update(range(first, last + 1))
    return numbers
