"""A reader of NVS partitions, written from the page format alone, to check the run time's writer."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

PAGE = 4096
ENTRY = 32
EMPTY, WRITTEN, ERASED = 3, 2, 0
PAGE_STATES = {
    0xFFFFFFFE: "active",
    0xFFFFFFFC: "full",
    0xFFFFFFF8: "freeing",
}


class FormatError(AssertionError):
    """The bytes are no partition that the format allows."""


@dataclass(frozen=True)
class Item:
    """One item with the bytes of its data; `order` is its place in the log."""

    order: tuple[int, int]
    namespace: int
    kind: int
    chunk: int
    key: str
    head: bytes
    data: bytes


def crc(data: bytes) -> int:
    """CRC-32 with the seed that NVS uses."""
    return zlib.crc32(data, 0xFFFFFFFF)


def pages(partition: bytes) -> list[tuple[int, str, bytes]]:
    """Return (sequence, state, bytes) of each page in use, oldest first."""
    found = []
    for start in range(0, len(partition), PAGE):
        page = partition[start : start + PAGE]
        if page == b"\xff" * PAGE:
            continue
        state, sequence, version = struct.unpack_from("<IIB", page)
        if crc(page[4:28]) != struct.unpack_from("<I", page, 28)[0]:
            continue  # a corrupted page: nothing in it counts
        if version != 0xFE:
            raise FormatError(f"page at {start:#x}: version {version:#x}")
        if state not in PAGE_STATES:
            raise FormatError(f"page at {start:#x}: state {state:#x}")
        found.append((sequence, PAGE_STATES[state], page))
    found.sort()
    if len({sequence for sequence, _, _ in found}) != len(found):
        raise FormatError("two pages of one sequence number")
    return found


def items(partition: bytes) -> list[Item]:
    """Return every item, oldest first, checking each CRC and each entry's state."""
    found = []
    for sequence, _, page in pages(partition):
        states = [page[32 + n // 4] >> n % 4 * 2 & 3 for n in range(126)]
        n = 0
        while n < 126:
            if states[n] not in (EMPTY, WRITTEN, ERASED):
                raise FormatError(f"page {sequence}: entry {n} has state {states[n]}")
            if states[n] == EMPTY and page[64 + n * 32 : 96 + n * 32] != b"\xff" * 32:
                raise FormatError(f"page {sequence}: entry {n} is empty, but written")
            if states[n] != WRITTEN:
                n += 1
                continue
            found.append(_item(page, sequence, n, states))
            n += page[64 + n * 32 + 2]
    return found


def _item(page: bytes, sequence: int, n: int, states: list[int]) -> Item:
    entry = page[64 + n * ENTRY : 64 + (n + 1) * ENTRY]
    namespace, kind, span, chunk, checksum = struct.unpack_from("<BBBBI", entry)
    if crc(entry[:4] + entry[8:]) != checksum:
        raise FormatError(f"page {sequence}: entry {n} CRC")
    if span < 1 or n + span > 126 or any(s != WRITTEN for s in states[n : n + span]):
        raise FormatError(f"page {sequence}: entry {n} spans {span}")
    data = b""
    if kind in (0x21, 0x42):
        size, _, data_crc = struct.unpack_from("<HHI", entry, 24)
        data = page[96 + n * ENTRY : 96 + n * ENTRY + size]
        if span != 1 + (size + 31) // 32 or crc(data) != data_crc:
            raise FormatError(f"page {sequence}: data of entry {n}")
    elif span != 1:
        raise FormatError(f"page {sequence}: entry {n} of type {kind:#x} spans {span}")
    key = entry[8:24].split(b"\0")[0].decode("ascii")
    return Item((sequence, n), namespace, kind, chunk, key, entry[24:], data)


def values(partition: bytes) -> dict[tuple[str, str], int | bytes]:
    """Return the integers and blobs by (namespace, key); no identity may occur twice."""
    found = items(partition)
    names = {item.head[0]: item.key for item in found if item.namespace == 0}
    seen = set()
    result: dict[tuple[str, str], int | bytes] = {}
    for item in found:
        identity = (item.namespace, item.kind, item.chunk, item.key)
        if identity in seen:
            raise FormatError(f"two items {identity}")
        seen.add(identity)
        if item.namespace == 0:
            continue
        key = (names[item.namespace], item.key)
        if item.kind == 0x14:
            result[key] = struct.unpack_from("<i", item.head)[0]
        elif item.kind == 0x48:
            result[key] = _blob(found, item)
    return result


def _blob(found: list[Item], index: Item) -> bytes:
    size, count, start = struct.unpack_from("<IBB", index.head)
    chunks = {
        item.chunk: item.data
        for item in found
        if item.kind == 0x42 and (item.namespace, item.key) == (index.namespace, index.key)
    }
    if sorted(chunks) != list(range(start, start + count)):
        raise FormatError(f"blob {index.key}: chunks {sorted(chunks)}")
    data = b"".join(chunks[chunk] for chunk in sorted(chunks))
    if len(data) != size:
        raise FormatError(f"blob {index.key}: {len(data)} bytes, not {size}")
    return data
