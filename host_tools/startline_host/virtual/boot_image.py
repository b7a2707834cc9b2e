"""The format of an application or boot loader image, as the ROM and the second stage read it.

Source: Espressif's "Firmware Image Format": 24 bytes of header, segments, padding up to a
checksum in the last byte of a 16-byte group, and, if the header says so, a SHA-256 of it all.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from startline_host.virtual.flash import NorFlash

MAGIC = 0xE9
MOST_SEGMENTS = 16
_HEADER = struct.Struct("<BBBBI B3sHBHH4sB")
_SEGMENT = struct.Struct("<II")
_CHECKSUM_SEED = 0xEF
_LONGEST = 16 * 1024 * 1024


class BrokenImageError(Exception):
    """The image cannot be run; the text is what the second stage boot loader logs."""


@dataclass(frozen=True)
class BootSegment:
    """One piece of the image: where it goes in memory, and where its bytes are in flash."""

    address: int
    offset: int
    length: int


@dataclass(frozen=True)
class BootImage:
    """An image's header, segments and checksums; `length` counts its bytes, hash included."""

    flash_mode: int
    flash_frequency: int
    wp_pin: int
    entry: int
    segments: tuple[BootSegment, ...]
    checksum: int
    stored_checksum: int
    hash_matches: bool
    length: int


def checksum(data: bytes, seed: int = _CHECKSUM_SEED) -> int:
    """Return the XOR of `seed` and all bytes, folding halves so that long data costs little."""
    while len(data) > 64:
        half = (len(data) + 1) // 2
        folded = int.from_bytes(data[:half], "little") ^ int.from_bytes(data[half:], "little")
        data = folded.to_bytes(half, "little")
    for byte in data:
        seed ^= byte
    return seed


def read_image(flash: NorFlash, offset: int, limit: int) -> BootImage:
    """Read the image at `offset`, which may take `limit` bytes.

    Raises BrokenImageError where its structure does not hold; checksums are only reported.
    """
    if limit < _HEADER.size:
        raise BrokenImageError(
            f"Image length {_HEADER.size} doesn't fit in partition length {limit}"
        )
    header = _HEADER.unpack(flash.read(offset, _HEADER.size))
    magic, count, mode, size_and_frequency, entry, wp_pin, *_, has_hash = header
    if magic != MAGIC:
        raise BrokenImageError(
            f"image at {offset:#x} has invalid magic byte (nothing flashed here?)"
        )
    if count > MOST_SEGMENTS:
        raise BrokenImageError(
            f"image at {offset:#x} segment count {count} exceeds max {MOST_SEGMENTS}"
        )
    segments = tuple(_read_segments(flash, offset + _HEADER.size, count, offset + limit))
    total = _CHECKSUM_SEED
    for segment in segments:
        total = checksum(flash.read(segment.offset, segment.length), total)
    end = segments[-1].offset + segments[-1].length if segments else offset + _HEADER.size
    hashed = (end - offset) // 16 * 16 + 16
    length = hashed + (32 if has_hash else 0)
    if length > limit:
        raise BrokenImageError(f"Image length {length} doesn't fit in partition length {limit}")
    body = flash.read(offset, length)
    return BootImage(
        flash_mode=mode,
        flash_frequency=size_and_frequency & 0x0F,
        wp_pin=wp_pin,
        entry=entry,
        segments=segments,
        checksum=total,
        stored_checksum=body[hashed - 1],
        hash_matches=not has_hash or hashlib.sha256(body[:hashed]).digest() == body[hashed:],
        length=length,
    )


def _read_segments(flash: NorFlash, position: int, count: int, end: int) -> list[BootSegment]:
    segments = []
    for index in range(count):
        if position + _SEGMENT.size > end:
            raise BrokenImageError(f"Segment {index} lies outside the partition")
        address, length = _SEGMENT.unpack(flash.read(position, _SEGMENT.size))
        position += _SEGMENT.size
        if length % 4 or length > _LONGEST or position + length > end:
            raise BrokenImageError(f"invalid segment length {length:#x}")
        segments.append(BootSegment(address, position, length))
        position += length
    return segments
