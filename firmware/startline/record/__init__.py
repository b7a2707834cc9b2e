"""The frame of a record: what is true of its bytes in every copy, and the newest one in `bind`.

`copies` has the whole format. Here is what a bound boot needs to see that it is bound.
"""

from binascii import crc32
from struct import unpack_from

MAGIC = b"SLrc"
SIZE = 512  # of a slot in `bind`; the longest record
FIXED = 46  # where the texts begin


def intact(raw: bytes) -> bytes:
    """Return the record at the start of `raw` without what follows it; b"" if it is broken."""
    if raw[:4] == MAGIC and len(raw) > FIXED:
        size = unpack_from("<H", raw, 6)[0]
        if FIXED < size <= len(raw) and unpack_from("<I", raw, size - 4)[0] == crc32(
            raw[: size - 4]
        ):
            return bytes(raw[:size])
    return b""


def texts(raw: bytes) -> list:
    """Return cloud, serial, token and reason of an intact record."""
    found = []
    at = FIXED
    while at < len(raw) - 4:
        stop = at + 1 + raw[at]
        found.append(str(raw[at + 1 : stop], "utf-8"))
        at = stop
    return found


def generation(raw: bytes) -> int:
    """Return the number of an intact record; numbers wrap, `later` compares them."""
    return unpack_from("<I", raw, 8)[0]


def later(one: int, other: int) -> bool:
    """Tell whether generation `one` came after `other`: it is less than half the numbers ahead."""
    return one != other and not one - other >> 31 & 1


def newest(flash) -> tuple:
    """Return (the newest intact record in a `bind` partition or b"", the offset of its slot)."""
    best = b""
    at = -SIZE
    for offset in range(0, flash.size, SIZE):
        raw = intact(flash.read(offset, SIZE))
        if raw and (not best or later(generation(raw), generation(best))):
            best = raw
            at = offset
    return best, at


def bound_token(hal, identity) -> str:
    """Return the token if every copy says one and the same: bound, and for this very identity.

    Anything else is "", and the full rules of `rules.resolve_copies` have to tell what it is.
    """
    raw = hal.blob()
    flash = hal.flash("bind")
    if (
        intact(raw) == raw
        and (flash is None or newest(flash)[0] == raw)
        and raw[4:6] == b"\x01\x02"
        and raw[12:26] == identity.place + identity.mac
    ):
        cloud, serial, token, _ = texts(raw)
        if cloud == identity.cloud and serial == identity.serial:
            return token
    return ""
