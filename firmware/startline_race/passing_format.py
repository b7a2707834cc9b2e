"""The bytes of a passing in the race journal, for both ends."""

from binascii import hexlify, unhexlify
from struct import calcsize, pack, unpack_from

from .journal_format import LONGEST_PAYLOAD

# What a passing has beside number, boot, session and time; the low five bits are the chip's length.
_PACKED_CHIP = 0x20  # two digits a byte: an EPC takes 12 bytes instead of 24
_READING = 0x40  # antenna, RSSI and hits follow
_EXTRAS = 0x80  # a byte of further flags follows
_BIB, _STATUS, _PLACE, _UTC = 1, 2, 4, 8
_FIXED = "<IHHIHB"
PASSING_HEAD = "<IHHIH"  # number, session, boot, time: low and high
LONGEST_CHIP = 31
_DEGREE = 10000000  # coordinates are kept as integers of 1e-7 degrees: about a centimetre


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
    tail = _pack_chip(passing.chip)
    flags = len(tail)
    if flags * 2 == len(passing.chip):
        flags |= _PACKED_CHIP
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


def has_utc(raw) -> bool:
    """Tell whether a passing's payload holds a time of the module's own."""
    flags = raw[14]
    if not flags & _EXTRAS:
        return False
    return bool(raw[15 + (flags & LONGEST_CHIP) + (3 if flags & _READING else 0)] & _UTC)


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
    passing.chip = (
        str(hexlify(chip), "ascii").upper() if flags & _PACKED_CHIP else str(chip, "utf-8")
    )
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


def _pack_chip(chip: str) -> bytes:
    """Return the bytes of a chip's id: half as many as it has digits, where it is upper-case hex."""
    if not len(chip) & 1 and not chip.strip("0123456789ABCDEF"):
        raw = unhexlify(chip)
    else:
        raw = chip.encode()
    if len(raw) > LONGEST_CHIP:
        raise ValueError("the chip's id has more than %d bytes" % LONGEST_CHIP)
    return raw
