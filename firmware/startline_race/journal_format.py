"""The bytes of the race journal, for both ends: sectors of 4 KiB and the entries in them.

A sector begins with a header of 32 bytes, little-endian: magic `SLrj`, format u8 (1), header
length u8, boot id u16, sequence number u32 (one more for each sector of the ring, so that it also
tells how many were skipped), number of the first passing that may follow u32, owner (8 bytes of
SHA-256 over serial number, a zero byte and MAC), spare u32 (all bits set), CRC-32 over all before.

Entries follow, each aligned to 4 bytes: kind u8, payload length u8, payload, zeros up to the next
multiple of 4, CRC-32 over all before. Flash that was never programmed reads 0xFF, which is no
kind. An entry that was torn by a power cut has no valid CRC; readers step on by 4 bytes until one
has, so what follows it is never lost.
"""

from binascii import crc32, hexlify, unhexlify
from struct import calcsize, pack, pack_into, unpack_from

SECTOR = 4096
MAGIC = b"SLrj"
FORMAT = 1
HEADER = "<4sBBHII8sI"
HEADER_SIZE = 32
LONGEST_PAYLOAD = 240

# Kinds of entries. A reader steps over those that it does not know.
PASSING = 1
BOOT = 2
TIME = 3
SESSION = 4
FROZEN = 5
SENT = 6
MARKER = 7
AMENDED = 8
PROGRESS = 9
ASIDE = 10

# What a passing has beside number, boot, session and time; the low five bits are the chip's length.
_PACKED_CHIP = 0x20  # two digits a byte: an EPC takes 12 bytes instead of 24
_READING = 0x40  # antenna, RSSI and hits follow
_EXTRAS = 0x80  # a byte of further flags follows
_BIB, _STATUS, _PLACE, _UTC = 1, 2, 4, 8
_FIXED = "<IHHIHB"
LONGEST_CHIP = 31
_DEGREE = 10000000  # coordinates are kept as integers of 1e-7 degrees: about a centimetre


class NewerFormat(Exception):
    """A journal that a later agent has written; it is left alone."""


def pack_header(boot: int, sequence: int, first_number: int, owner: bytes) -> bytes:
    """Return the header of a sector."""
    raw = pack(
        HEADER, MAGIC, FORMAT, HEADER_SIZE, boot & 0xFFFF, sequence, first_number, owner, 0xFFFFFFFF
    )
    return raw + pack("<I", crc32(raw))


def unpack_header(raw) -> "tuple | None":
    """Return (boot id, sequence number, first passing number, owner), or None if there is none.

    Raises NewerFormat for an intact header of a later format.
    """
    if bytes(raw[:4]) != MAGIC:
        return None
    if crc32(memoryview(raw)[: HEADER_SIZE - 4]) != unpack_from("<I", raw, HEADER_SIZE - 4)[0]:
        return None
    if raw[4] > FORMAT:
        raise NewerFormat("the journal has format %d; this agent reads up to %d" % (raw[4], FORMAT))
    _, _, _, boot, sequence, number, owner, _ = unpack_from(HEADER, raw)
    return boot, sequence, number, owner


def entry_size(length: int) -> int:
    """Return how many bytes an entry takes whose payload has `length`."""
    return (length + 5 & -4) + 4


def pack_entry(buffer, at: int, kind: int, payload) -> int:
    """Put an entry into a buffer; return where it ends."""
    end = at + entry_size(len(payload))
    buffer[at] = kind
    buffer[at + 1] = len(payload)
    stop = at + 2 + len(payload)
    buffer[at + 2 : stop] = payload
    for place in range(stop, end - 4):
        buffer[place] = 0
    pack_into("<I", buffer, end - 4, crc32(memoryview(buffer)[at : end - 4]))
    return end


def find_entry(sector, at: int) -> "tuple | None":
    """Return (kind, where its payload begins, where it ends, where the entry ends).

    The entry is the first intact one at or behind `at` in the bytes of one sector; None if there
    is no more.
    """
    view = memoryview(sector)
    size = len(sector)
    while at + 8 <= size:
        kind = sector[at]
        if 0 < kind < 0xFF:
            length = sector[at + 1]
            end = at + entry_size(length)
            if (
                length <= LONGEST_PAYLOAD
                and end <= size
                and crc32(view[at : end - 4]) == unpack_from("<I", sector, end - 4)[0]
            ):
                return kind, at + 2, at + 2 + length, end
        at += 4
    return None


def end_of_entries(sector) -> int:
    """Return where the blank rest of a sector begins, a multiple of 4; at most its size."""
    size = len(sector)
    at = size
    # In larger steps first: most of a sector is either full or blank.
    while at >= 64 and bytes(sector[at - 64 : at]) == b"\xff" * 64:
        at -= 64
    while at and sector[at - 1] == 0xFF:
        at -= 1
    return at + 3 & -4


class Passing:
    """One competitor at one time.

    `number` is the device's own, `session` the ordinal of its session, `boot` the id of the boot
    whose clock `time_us` was read from: microseconds since that boot. `utc_ms` is Unix time in
    milliseconds where a module's own clock told it, else None, as are antenna, RSSI (dBm), hits,
    latitude and longitude (degrees) where they are not known.
    """

    number = session = boot = time_us = 0
    chip = bib = status = ""
    antenna = rssi = hits = latitude = longitude = utc_ms = None


def pack_passing(passing: Passing) -> bytes:
    """Return the payload of a passing. Raises ValueError for what does not fit."""
    flags, chip = _pack_chip(passing.chip)
    tail = chip
    if passing.antenna is not None or passing.rssi is not None or passing.hits is not None:
        flags |= _READING
        tail += pack("<BbB", passing.antenna or 0, passing.rssi or 0, min(passing.hits or 0, 255))
    extras = 0
    more = b""
    for flag, text in ((_BIB, passing.bib), (_STATUS, passing.status)):
        if text:
            extras |= flag
            raw = text.encode()
            more += bytes((len(raw),)) + raw
    if passing.latitude is not None and passing.longitude is not None:
        extras |= _PLACE
        more += pack("<ii", round(passing.latitude * _DEGREE), round(passing.longitude * _DEGREE))
    if passing.utc_ms is not None:
        extras |= _UTC
        more += passing.utc_ms.to_bytes(6, "little")
    if extras:
        flags |= _EXTRAS
        tail += bytes((extras,)) + more
    if len(tail) > LONGEST_PAYLOAD - calcsize(_FIXED):
        raise ValueError("the passing is too long to be stored")
    head = pack(
        _FIXED, passing.number, passing.session, passing.boot & 0xFFFF,
        passing.time_us & 0xFFFFFFFF, passing.time_us >> 32, flags,
    )  # fmt: skip
    return head + tail


def unpack_passing(raw) -> Passing:
    """Return a passing from its payload. Raises ValueError for what is none."""
    try:
        return _unpack_passing(raw)
    except (IndexError, TypeError) as error:
        raise ValueError("this is no passing: %s" % error)


def _unpack_passing(raw) -> Passing:
    fixed = calcsize(_FIXED)
    if len(raw) < fixed:
        raise ValueError("this is no passing: too short")
    passing = Passing()
    passing.number, passing.session, passing.boot, low, high, flags = unpack_from(_FIXED, raw)
    passing.time_us = high << 32 | low
    at = fixed + (flags & LONGEST_CHIP)
    chip = bytes(raw[fixed:at])
    passing.chip = str(hexlify(chip), "ascii").upper() if flags & _PACKED_CHIP else str(chip, "utf-8")
    if flags & _READING:
        passing.antenna, passing.rssi, passing.hits = unpack_from("<BbB", raw, at)
        at += 3
    if flags & _EXTRAS:
        _unpack_extras(passing, raw, at)
    return passing


def _unpack_extras(passing: Passing, raw, at: int) -> None:
    extras = raw[at]
    at += 1
    for flag, name in ((_BIB, "bib"), (_STATUS, "status")):
        if extras & flag:
            stop = at + 1 + raw[at]
            setattr(passing, name, str(bytes(raw[at + 1 : stop]), "utf-8"))
            at = stop
    if extras & _PLACE:
        latitude, longitude = unpack_from("<ii", raw, at)
        passing.latitude = latitude / _DEGREE
        passing.longitude = longitude / _DEGREE
        at += 8
    if extras & _UTC:
        passing.utc_ms = int.from_bytes(bytes(raw[at : at + 6]), "little")


def _pack_chip(chip: str) -> tuple:
    """Return (flags with the length, bytes). Upper-case hex takes half of its digits."""
    if chip and not len(chip) & 1 and not chip.strip("0123456789ABCDEF"):
        raw = unhexlify(chip)
        flags = _PACKED_CHIP
    else:
        raw = chip.encode()
        flags = 0
    if len(raw) > LONGEST_CHIP:
        raise ValueError("the chip's id has more than %d bytes" % LONGEST_CHIP)
    return flags | len(raw), raw
