"""One ESP application or boot loader image: read, verified, and its flash size set.

The format is Espressif's ("Firmware Image Format", esptool documentation): a header of 24 bytes,
segments, a checksum in the last byte of a 16-byte block, then the SHA-256 of all before it.
"""

from __future__ import annotations

import hashlib
import struct

import msgspec

from startline_host.errors import BadInput
from startline_host.util import upper_first

MAGIC = 0xE9
APP_DESCRIPTOR_MAGIC = 0xABCD5432
#: Start value of the XOR over all segment bytes.
CHECKSUM_SEED = 0xEF
#: The most segments that an image may have.
MAX_SEGMENTS = 16

#: `chip_id` of the extended header, by the names that esptool uses.
CHIP_IDS = {
    "esp32": 0,
    "esp32s2": 2,
    "esp32c3": 5,
    "esp32s3": 9,
    "esp32c2": 12,
    "esp32c6": 13,
    "esp32h2": 16,
    "esp32p4": 18,
    "esp32c5": 23,
}
_CHIP_NAMES = {number: name for name, number in CHIP_IDS.items()}

#: High half of header byte 3: the flash size that the boot loader believes in, in MiB.
_SIZE_CODES = {1: 0, 2: 1, 4: 2, 8: 3, 16: 4, 32: 5, 64: 6, 128: 7}
_MIB_BY_CODE = {code: mib for mib, code in _SIZE_CODES.items()}

HEADER = struct.Struct("<BBBBIB3sHBHH4sB")
SEGMENT = struct.Struct("<II")
#: magic, secure version, version, project, time, date, ESP-IDF version, SHA-256 of the ELF file.
_APP_DESCRIPTOR = struct.Struct("<II8x32s32s16s16s32s32s")
_DIGEST_SIZE = 32
#: Bytes of the descriptor, and of an image up to its end.
DESCRIPTOR_SIZE = _APP_DESCRIPTOR.size
APPLICATION_HEAD = HEADER.size + SEGMENT.size + DESCRIPTOR_SIZE


class ImageSegment(msgspec.Struct, frozen=True):
    """A run of bytes that is loaded at `address`; it begins at `offset` of the image."""

    address: int
    offset: int
    size: int


class AppDescriptor(msgspec.Struct, frozen=True):
    """Who made an application, in its own words."""

    project: str
    version: str
    idf_version: str


class EspImage(msgspec.Struct, frozen=True):
    """A verified image: `size` bytes long in all, for `chip`, believing in `flash_size` bytes."""

    chip: str
    flash_size: int
    segments: tuple[ImageSegment, ...]
    size: int
    has_digest: bool
    app: AppDescriptor | None


def parse_image(data: bytes, what: str = "the image") -> EspImage:
    """Read the image that `data` begins with; what follows it is not looked at.

    Checks the header, every segment's bounds, the checksum and the appended SHA-256. Raises
    BadInput with the reason.
    """
    if len(data) < HEADER.size or data[0] != MAGIC:
        raise BadInput(
            f"{upper_first(what)} is not an ESP image: it does not start with the byte 0xE9."
        )
    header = HEADER.unpack_from(data)
    count, sizes, chip_id, digest_flag = header[1], header[3], header[7], header[12]
    if not 1 <= count <= MAX_SEGMENTS:
        raise BadInput(f"{upper_first(what)} claims {count} segments; an ESP image has 1 to 16.")
    segments = _segments(data, count, what)
    size = _verified_size(data, segments, what, digest=bool(digest_flag))
    return EspImage(
        chip=_CHIP_NAMES.get(chip_id, f"chip number {chip_id}"),
        flash_size=_MIB_BY_CODE.get(sizes >> 4, 0) << 20,
        segments=segments,
        size=size,
        has_digest=bool(digest_flag),
        app=read_descriptor(data[segments[0].offset : segments[0].offset + segments[0].size]),
    )


def _segments(data: bytes, count: int, what: str) -> tuple[ImageSegment, ...]:
    found: list[ImageSegment] = []
    at = HEADER.size
    for number in range(count):
        if at + SEGMENT.size > len(data):
            raise BadInput(f"{upper_first(what)} is cut short: it ends before segment {number}.")
        address, size = SEGMENT.unpack_from(data, at)
        at += SEGMENT.size
        if at + size > len(data):
            raise BadInput(
                f"{upper_first(what)} is cut short: segment {number} needs {at + size} bytes, "
                f"and there are {len(data)}."
            )
        found.append(ImageSegment(address, at, size))
        at += size
    return tuple(found)


def _verified_size(
    data: bytes, segments: tuple[ImageSegment, ...], what: str, *, digest: bool
) -> int:
    end = segments[-1].offset + segments[-1].size
    body = (end // 16 + 1) * 16
    total = body + (_DIGEST_SIZE if digest else 0)
    if total > len(data):
        raise BadInput(
            f"{upper_first(what)} is cut short: {total} bytes are needed of {len(data)}."
        )
    if data[body - 1] != _checksum(data, segments):
        raise BadInput(f"The checksum of {what} is wrong: the file is damaged.")
    if digest and hashlib.sha256(data[:body]).digest() != data[body:total]:
        raise BadInput(f"The SHA-256 in {what} is wrong: the file is damaged.")
    return total


def _checksum(data: bytes, segments: tuple[ImageSegment, ...]) -> int:
    # XOR over all bytes, done on whole integers: a byte at a time takes seconds for a firmware.
    result = CHECKSUM_SEED
    for segment in segments:
        part = data[segment.offset : segment.offset + segment.size]
        result ^= xor_bytes(part)
    return result


def xor_bytes(data: bytes) -> int:
    """Return the XOR of all bytes."""
    while len(data) > 1:
        half = (len(data) + 1) // 2
        low, high = int.from_bytes(data[:half], "little"), int.from_bytes(data[half:], "little")
        data = (low ^ high).to_bytes(half, "little")
    return data[0] if data else 0


def first_segment(head: bytes) -> ImageSegment | None:
    """Return where the first segment stands, from an image's head; None where that is none.

    An application's holds its descriptor and its constants.
    """
    if len(head) < HEADER.size + SEGMENT.size or head[0] != MAGIC:
        return None
    address, size = SEGMENT.unpack_from(head, HEADER.size)
    return ImageSegment(address, HEADER.size + SEGMENT.size, size)


def read_descriptor(data: bytes) -> AppDescriptor | None:
    """Return the descriptor at the head of an application's first segment, None where there is none."""
    if len(data) < _APP_DESCRIPTOR.size:
        return None
    magic, _secure, version, project, _time, _date, idf, _elf = _APP_DESCRIPTOR.unpack_from(data)
    if magic != APP_DESCRIPTOR_MAGIC:
        return None
    return AppDescriptor(_text(project), _text(version), _text(idf))


def make_descriptor(project: str, version: str, idf_version: str) -> bytes:
    """Return the 256 bytes that stand at the head of an application's first segment."""
    packed = _APP_DESCRIPTOR.pack(
        APP_DESCRIPTOR_MAGIC,
        0,
        version.encode(),
        project.encode(),
        b"",
        b"",
        idf_version.encode(),
        b"",
    )
    return packed.ljust(256, b"\x00")


def make_image(
    chip: str, segments: list[tuple[int, bytes]], *, flash_size: int, entry: int
) -> bytes:
    """Return an image of the segments (address, bytes) with checksum and SHA-256.

    Flash mode DIO at 40 MHz, as the official ESP32 images have it.
    """
    sizes = _SIZE_CODES[flash_size >> 20] << 4
    head = HEADER.pack(
        MAGIC, len(segments), 2, sizes, entry, 0xEE, b"\x00" * 3, CHIP_IDS[chip], 0, 0, 0xFFFF,
        b"\x00" * 4, 1,
    )  # fmt: skip
    body = head + b"".join(SEGMENT.pack(at, len(part)) + part for at, part in segments)
    checksum = CHECKSUM_SEED
    for _, part in segments:
        checksum ^= xor_bytes(part)
    body = body.ljust((len(body) // 16 + 1) * 16 - 1, b"\x00") + bytes([checksum])
    return body + hashlib.sha256(body).digest()


def with_flash_size(image: bytes, flash_size: int) -> bytes:
    """Return a boot loader image that believes in `flash_size` bytes, its SHA-256 made anew.

    The boot loader refuses a partition table that reaches beyond what its header says, so the one
    of an official 4 MiB image has to be told of a larger flash. Raises BadInput for a size that
    the header cannot say.
    """
    parsed = parse_image(image, "the boot loader")
    code = _SIZE_CODES.get(flash_size >> 20)
    if code is None or flash_size % (1 << 20):
        raise BadInput(f"A flash of {flash_size} bytes does not exist: 1, 2, 4, 8 … 128 MiB do.")
    if parsed.flash_size == flash_size:
        return image
    patched = bytearray(image)
    patched[3] = code << 4 | patched[3] & 0x0F
    if parsed.has_digest:
        body = parsed.size - _DIGEST_SIZE
        patched[body : parsed.size] = hashlib.sha256(patched[:body]).digest()
    return bytes(patched)


def _text(raw: bytes) -> str:
    return raw.split(b"\x00")[0].decode("utf-8", "replace")
