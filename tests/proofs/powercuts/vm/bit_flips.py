"""Single bits of the record's copies that turn over while the power is off.

A spec names them as [partition, part]. Parts of the copy in `nvs`, as Espressif documents the
format: `head` (the entry of the blob's data, or of its index), `crc` (a checksum of either),
`data`, `states` (the two bits that each of its entries has in its page's map), `page` (the header
of its page), `space` (the entry that names the namespace). In `bind`: `newest` (the record that
counts), `slots` (any record), `blank` (the slot behind the newest). `any` is any of them.
"""

from struct import unpack_from

from runtime.nvs_page import (
    ACTIVE,
    BLOB_DATA,
    BLOB_INDEX,
    ENTRIES,
    ENTRY,
    FREEING,
    FULL,
    PAGE_SIZE,
    U8,
    WRITTEN,
    is_sound,
    key_of,
)

from .flash_view import newest_slot, read_record

_MAP = 32
_FIRST = 64
_SLOT = 512


def flip(parts: list, rows: dict, memory: bytearray, rng) -> int:
    """Turn one bit over in each part that is there; return how many there were."""
    done = 0
    for label, part in parts:
        row = rows.get(label)
        if row is None:
            continue
        data = bytes(memory[row.offset : row.offset + row.size])
        places = in_nvs(data) if label == "nvs" else in_bind(data)
        ranges = []
        for name in places if part == "any" else (part,):
            ranges += places.get(name, ())
        bits = sum([count for _, count in ranges])
        if not bits:
            continue
        number = rng.below(bits)
        for first, count in ranges:
            if number < count:
                bit = row.offset * 8 + first + number
                memory[bit >> 3] ^= 1 << (bit & 7)
                done += 1
                break
            number -= count
    return done


def in_nvs(data: bytes) -> dict:
    """Return where the record stands in an `nvs` partition, by part: [(first bit, count of bits)]."""
    places = {name: [] for name in ("head", "crc", "data", "states", "page", "space")}
    space = None
    for base, index, entry in _items(data):
        if entry[:2] == bytes((0, U8)) and key_of(entry) == b"startline":
            space = entry[24]
            places["space"].append((_entry_bit(base, index), ENTRY * 8))
    for base, index, entry in _items(data):
        if entry[0] != space or key_of(entry) != b"record":
            continue
        at = _entry_bit(base, index)
        if entry[1] == BLOB_DATA:
            places["data"].append((at + ENTRY * 8, unpack_from("<H", entry, 24)[0] * 8))
            places["crc"].append((at + 28 * 8, 32))
        elif entry[1] != BLOB_INDEX:
            continue
        places["head"].append((at, ENTRY * 8))
        places["crc"].append((at + 4 * 8, 32))
        for number in range(index, index + entry[2]):
            places["states"].append(((base + _MAP) * 8 + number * 2, 2))
        if (base * 8, _MAP * 8) not in places["page"]:
            places["page"].append((base * 8, _MAP * 8))
    return places


def in_bind(data: bytes) -> dict:
    """Return where records stand in a `bind` partition, as `in_nvs` does."""
    places = {"newest": [], "slots": [], "blank": []}
    newest, _ = newest_slot(data)
    for at in range(0, len(data), _SLOT):
        if read_record(data[at : at + _SLOT]):
            size = unpack_from("<H", data, at + 6)[0]
            places["newest" if at == newest else "slots"].append((at * 8, size * 8))
    behind = newest + _SLOT
    if newest >= 0 and data[behind : behind + _SLOT] == b"\xff" * _SLOT:
        places["blank"].append((behind * 8, _SLOT * 8))
    return places


def _items(data: bytes):
    """Yield (page, index, entry) of what is written in `nvs`, and repair nothing."""
    for base in range(0, len(data), PAGE_SIZE):
        if unpack_from("<I", data, base)[0] not in (ACTIVE, FULL, FREEING):
            continue
        index = 0
        while index < ENTRIES:
            span = 1
            if data[base + _MAP + (index >> 2)] >> (index & 3) * 2 & 3 == WRITTEN:
                at = base + _FIRST + index * ENTRY
                entry = data[at : at + ENTRY]
                if is_sound(entry):
                    yield base, index, entry
                    span = entry[2] or 1
            index += span


def _entry_bit(base: int, index: int) -> int:
    return (base + _FIRST + index * ENTRY) * 8
