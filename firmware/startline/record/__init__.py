"""The record of a device's binding as a bound boot sees it: its frame, and the newest one of each place.

Here is what is true of a record's bytes in every copy; `copies` has the whole format. The copy in
`nvs` is read from the raw pages and never through `esp32.NVS`: the driver answers "not found" for
a blob whose bytes are damaged and erases its entries as it does so, and it makes a namespace that
is not there. Only the pages tell a device that never had a record from one that lost it; `traces`
looks for what is left of one.
"""

from binascii import crc32
from struct import unpack_from

if False:  # for mypy; a device has none of these
    from collections.abc import Iterator

    from agent_types import AnyChip, Identity, ReadableFlash

MAGIC = b"SLrc"
SIZE = 512  # of a slot in `bind`; the longest record
FIXED = 46  # where the texts begin

SPACE = b"startline" + bytes(7)  # the namespace and the key, as entries hold them
KEY = b"record" + bytes(10)
CHUNK = 0x42  # types of entries: some of a blob's bytes, and, written last, what they make up
_INDEX = 0x48
PIECE = 1344  # bytes of entries that are read at a time: a third of a page


def intact(raw: bytes) -> bytes:
    """Return the record at the start of `raw` without what follows it; b"" if it is broken."""
    if raw[:4] == MAGIC and len(raw) > FIXED:
        size = unpack_from("<H", raw, 6)[0]
        if FIXED < size <= len(raw) and unpack_from("<I", raw, size - 4)[0] == crc32(
            raw[: size - 4]
        ):
            return bytes(raw[:size])
    return b""


def texts(raw: bytes) -> list[str]:
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


def newest(flash: "ReadableFlash") -> tuple[bytes, int]:
    """Return (the newest intact record in a `bind` partition or b"", the offset of its slot)."""
    best = b""
    at = -SIZE
    for offset in range(0, flash.size, SIZE):
        raw = intact(flash.read(offset, SIZE))
        if raw and (not best or later(generation(raw), generation(best))):
            best = raw
            at = offset
    return best, at


def bound_token(hal: "AnyChip", identity: "Identity") -> str:
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


def read_nvs(flash: "ReadableFlash") -> bytes:
    """Return the record's blob, b"" where there is none, or only what `traces` finds of one."""
    ours = []
    found = []
    for entry in _entries(flash):
        head = entry[2]
        if head[8:24] == KEY:
            found.append(entry)
        elif head[:2] == b"\0\1":  # the names of namespaces stand in number 0
            ours.append(head[24])
    found.sort()
    blob = b""
    for _, _, head in found:
        if head[1] == _INDEX and head[0] in ours:  # of two the later one counts
            blob = _join(flash, head, found)
    return blob


def whole(head: bytes) -> bool:
    """Tell whether the first 32 bytes of an entry have the CRC that they say."""
    return crc32(head[:4] + head[8:32], -1) == unpack_from("<I", head, 4)[0]


def _entries(flash: "ReadableFlash") -> "Iterator[tuple[int, int, bytes]]":
    """Yield (page's number in the log, offset, first 32 bytes) of intact entries of these names."""
    for base in range(0, flash.size, 4096):
        page = flash.read(base, 64)
        # A page that holds entries is active, full, or being copied elsewhere; to the driver any
        # other is as good as free, whatever is in it.
        if (
            page[0] in b"\xfe\xfc\xf8"
            and page[1:4] == b"\xff\xff\xff"
            and crc32(page[4:28], -1) == unpack_from("<I", page, 28)[0]
        ):
            for start in range(64, 4096, PIECE):
                piece = flash.read(base + start, PIECE)
                for key in (SPACE, KEY):
                    at = piece.find(key)
                    while at >= 0:
                        index = (start + at >> 5) - 2
                        head = bytes(piece[at - 8 : at + 24])
                        if (
                            at & 31 == 8
                            and page[32 + (index >> 2)] >> (index & 3) * 2 & 3 == 2
                            and whole(head)
                        ):
                            yield unpack_from("<I", page, 4)[0], base + start + at - 8, head
                        at = piece.find(key, at + 1)


def _join(flash: "ReadableFlash", index: bytes, found: list[tuple[int, int, bytes]]) -> bytes:
    """Return the blob of an index, b"" if its chunks are not all there."""
    size, count, first = unpack_from("<IBB", index, 24)
    parts = {}
    for _, offset, head in found:
        if head[:2] == bytes((index[0], CHUNK)):
            length, _, crc = unpack_from("<HHI", head, 24)
            data = bytes(flash.read(offset + 32, min(length, 512)))  # no record is longer
            if crc32(data, -1) == crc:
                parts[head[3]] = data
    blob = b"".join([parts.get(first + number, b"") for number in range(count)])
    return blob if len(blob) == size else b""
