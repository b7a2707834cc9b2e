"""The entries of an NVS partition as Espressif documents the format, with texts and integers.

Source: ESP-IDF programming guide, "Non-Volatile Storage Library". `reader.NvsReader` adds blobs and
look-up by name; a bound boot needs neither.
"""

# Taken from there, since each import of a built-in module first looks for a file of that name.
from ..record import crc32, unpack_from

if False:  # for mypy; a device has none of these
    from collections.abc import Iterator
    from typing import Any

    from agent_types import Place, Read, Value


class NvsEntries:
    """Iterates over `size` bytes of NVS through `read(offset, length)`, oldest entry first.

    Yields (namespace, key, place), where `value` takes the place. `damaged` names what was found
    broken so far, as "namespace.key".
    """

    skipped = 0x48  # the index of a blob, whose chunks are all that is needed

    def __init__(self, read: "Read", size: int) -> None:
        self.read = read
        self.damaged: list[str] = []
        names: dict[int, str] = {}
        self.names = names
        pages: list[tuple[int, int]] = []
        self._pages = pages
        for base in range(0, size, 4096):
            head = read(base, 32)
            # A page that holds entries is active, full, or being copied elsewhere.
            if head[0] in b"\xfe\xfc\xf8" and self.crc_matches(head[4:28], head, 28, "page"):
                pages.append((unpack_from("<I", head, 4)[0], base))
        pages.sort()
        # An entry may come before the one that names its namespace.
        for _, head in self.scan():
            if not head[0]:
                names[head[24]] = _text(head)

    def __iter__(self) -> "Iterator[tuple[Any, str, Place]]":
        for place in self.scan():
            head = place[1]
            if head[0] and head[1] != self.skipped:
                yield self.names.get(head[0]), _text(head), place

    def value(self, place: "Place") -> "Value":  # type: ignore[return] # a damaged one is None
        """Return an entry's text, unsigned integer or chunk; None, and named, if it is damaged."""
        offset, head = place
        kind = head[1]
        if kind == 0x42:
            return self.payload(offset, head)
        if kind != 0x21:
            return int.from_bytes(head[24 : 24 + (kind & 15)], "little")
        try:
            return str(self.payload(offset, head)[:-1], "utf-8")  # type: ignore[index] # caught
        except (TypeError, UnicodeError):
            self.mark_damaged(head)

    def payload(self, offset: int, head: bytes) -> "bytes | None":
        """Return the bytes that follow an entry of variable length; None if they are damaged."""
        data = self.read(offset + 32, unpack_from("<H", head, 24)[0] & 4095)
        return data if self.crc_matches(data, head, 28, head) else None

    def scan(self) -> "Iterator[Place]":
        """Yield (offset, its first 32 bytes) of every intact entry."""
        for _, base in self._pages:
            states = self.read(base + 32, 32)
            index = 0
            group = -1  # of 14 entries, which are read at once: a read costs by the call
            while index < 126:
                span = 1
                if states[index >> 2] >> (index & 3) * 2 & 3 == 2:
                    offset = base + 64 + 32 * index
                    if group != index // 14:
                        group = index // 14
                        piece = self.read(base + 64 + 448 * group, 448)
                    head = piece[index % 14 * 32 :][:32]
                    if self.crc_matches(head[:4] + head[8:], head, 4, head):
                        yield offset, head
                        span = head[2] or 1
                index += span

    def crc_matches(self, data: bytes, head: bytes, at: int, what: "bytes | str") -> bool:
        """Tell whether the CRC-32 at `at` in `head` is that of `data`; if not, name `what`."""
        if crc32(data, -1) == unpack_from("<I", head, at)[0]:
            return True
        self.mark_damaged(what)
        return False

    def mark_damaged(self, what: "bytes | str") -> None:
        """Note that an entry, given by its first 32 bytes, or a page is damaged."""
        if not isinstance(what, str):
            what = "%s.%s" % (self.names.get(what[0], "?"), _text(what))
        if what not in self.damaged:
            self.damaged.append(what)


def _text(head: bytes) -> str:
    return repr(bytes(head[8:24]).rstrip(b"\0"))[2:-1]  # readable, whatever is there
