"""The bytes of a passing in the race journal, for both ends."""

from binascii import hexlify, unhexlify
from struct import pack_into, unpack_from

if False:  # for mypy; a device has none of these
    from agent_types import Buffer, Bytes

# What a passing has beside number, boot, session and time; the low five bits are the chip's length.
_PACKED_CHIP = 0x20  # two digits a byte: an EPC takes 12 bytes instead of 24
_READING = 0x40  # antenna, RSSI and hits follow
_EXTRAS = 0x80  # a byte of further flags follows
_TEXTS = ((1, "bib"), (2, "status"))
_PLACE, _UTC = 4, 8
PASSING_HEAD = "<IHHIH"  # number, session, boot, time: low and high
_FLAGS = 14  # where the flags are, behind that; the chip is next
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
    antenna: "int | None"
    rssi: "int | None"
    hits: "int | None"
    latitude: "float | None"
    longitude: "float | None"
    utc_ms: "int | None"
    antenna = rssi = hits = latitude = longitude = utc_ms = None


def pack_passing(passing: Passing, buffer: "Buffer") -> memoryview:
    """Put the payload of a passing into a buffer, and return the part of it that it takes.

    Its texts are as `checks` lets them pass; so it is at most 188 bytes.
    """
    time_us = passing.time_us
    pack_into(
        PASSING_HEAD, buffer, 0, passing.number, passing.session, passing.boot,
        time_us & 0xFFFFFFFF, time_us >> 32,
    )  # fmt: skip
    chip = passing.chip
    # Upper-case hex takes half as many bytes as it has digits.
    packed = not len(chip) & 1 and not chip.strip("0123456789ABCDEF")
    raw = unhexlify(chip) if packed else chip.encode()
    flags = len(raw) | packed * _PACKED_CHIP
    at = _FLAGS + 1 + len(raw)
    buffer[_FLAGS + 1 : at] = raw
    if passing.antenna is not None or passing.rssi is not None or passing.hits is not None:
        flags |= _READING
        hits = min(passing.hits or 0, 255)
        pack_into("<BbB", buffer, at, passing.antenna or 0, passing.rssi or 0, hits)
        at += 3
    end = _pack_extras(passing, buffer, at)
    buffer[_FLAGS] = flags | (_EXTRAS if end > at else 0)
    return memoryview(buffer)[:end]


def _pack_extras(passing: Passing, buffer: "Buffer", start: int) -> int:
    """Put what few passings have behind a byte of flags; return where it ends, `start` for none."""
    extras = 0
    at = start + 1
    for flag, name in _TEXTS:
        raw = getattr(passing, name).encode()
        if raw:
            extras |= flag
            buffer[at] = len(raw)
            buffer[at + 1 : at + 1 + len(raw)] = raw
            at += 1 + len(raw)
    if passing.latitude is not None:
        extras |= _PLACE
        latitude, longitude = passing.latitude * _DEGREE, passing.longitude * _DEGREE  # type: ignore[operator] # both or none
        pack_into("<ii", buffer, at, round(latitude), round(longitude))
        at += 8
    if passing.utc_ms is not None:
        extras |= _UTC
        pack_into("<IH", buffer, at, passing.utc_ms & 0xFFFFFFFF, passing.utc_ms >> 32)
        at += 6
    buffer[start] = extras
    return at if extras else start


def has_utc(raw: "Bytes") -> bool:
    """Tell whether a passing's payload holds a time of the module's own."""
    flags = raw[_FLAGS]
    at = _FLAGS + 1 + (flags & LONGEST_CHIP) + (3 if flags & _READING else 0)
    return bool(flags & _EXTRAS and raw[at] & _UTC)


def unpack_passing(raw: "Bytes") -> Passing:
    """Return a passing from its payload. Raises ValueError for what is none."""
    try:
        return _unpack_passing(raw)
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError("this is no passing: %s" % error)


def _unpack_passing(raw: "Bytes") -> Passing:
    passing = Passing()
    passing.number, passing.session, passing.boot, low, high = unpack_from(PASSING_HEAD, raw)
    passing.time_us = high << 32 | low
    flags = raw[_FLAGS]
    at = _FLAGS + 1 + (flags & LONGEST_CHIP)
    chip = bytes(raw[_FLAGS + 1 : at])
    packed = flags & _PACKED_CHIP
    passing.chip = str(hexlify(chip), "ascii").upper() if packed else str(chip, "utf-8")
    if flags & _READING:
        passing.antenna, passing.rssi, passing.hits = unpack_from("<BbB", raw, at)
        at += 3
    if not flags & _EXTRAS:
        return passing
    extras = raw[at]
    at += 1
    for flag, name in _TEXTS:
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
        low, high = unpack_from("<IH", raw, at)
        passing.utc_ms = high << 32 | low
    return passing
