"""The NVS library's store: a log of items over the pages of one partition.

Source: Espressif's "Non-volatile Storage Library" (log of key-value pairs, page states, blob
index and blob data chunks, namespaces). Each change is ordered so that power may go at any
moment: new before old, index after chunks, and one page is always kept free.
"""

from struct import pack, unpack_from

from . import nvs_recovery
from .nvs_errors import (
    KEY_TOO_LONG,
    NEW_VERSION_FOUND,
    NO_FREE_PAGES,
    NOT_ENOUGH_SPACE,
    NOT_FOUND,
    VALUE_TOO_LONG,
    NvsError,
)
from .nvs_page import (
    ACTIVE,
    BLOB_DATA,
    BLOB_INDEX,
    CORRUPT,
    ENTRIES,
    ENTRY,
    FREEING,
    FULL,
    NO_CHUNK,
    PAGE_SIZE,
    U8,
    NewerVersion,
    NvsPage,
    checksum,
    key_of,
    make_entry,
)
from .nvs_trial import TrialPage

_CHUNK_MAX = (ENTRIES - 1) * ENTRY
_KEY_MAX = 15
_LEAST_FIRST_CHUNK = _CHUNK_MAX // 10
"""A page with less room than this for data does not take the first chunk of a longer blob."""
_SECOND_VERSION = 0x80
"""A blob is rewritten under the other half of the chunk numbers, so that old and new differ."""


class NvsStore:
    """The items of a partition of `size` bytes behind `flash` (read, program, erase)."""

    def __init__(self, flash, size: int) -> None:
        self._flash = flash
        self._count = size // PAGE_SIZE
        self._used: list = []
        self._free: list = []

    def open(self) -> None:
        """Read every page, finish what a power cut interrupted.

        Raises NvsError: NO_FREE_PAGES or NEW_VERSION_FOUND, for which the port erases all.
        """
        self._used = []
        self._free = []
        for number in range(self._count):
            page = NvsPage(self._flash, number * PAGE_SIZE)
            try:
                page.load()
            except NewerVersion:
                raise NvsError(NEW_VERSION_FOUND)
            (self._free if page.sequence < 0 else self._used).append(page)
        if not self._used and self._free[0].state == CORRUPT:
            self._free[0].wipe()  # the page that will be written to first is made ready at once
        self._used.sort(key=_sequence)
        self._finish_move()
        for page in self._used[:-1]:
            if page.state == ACTIVE:  # only the newest is written to
                page.mark(FULL)
        nvs_recovery.drop_duplicates(self._items())
        nvs_recovery.drop_broken_blobs(self._items)
        if not self._free:
            raise NvsError(NO_FREE_PAGES)

    def trial(self) -> "NvsStore":
        """Return a store with the same items whose changes are in memory only."""
        store = NvsStore(None, self._count * PAGE_SIZE)
        store._used = [TrialPage(page) for page in self._used]
        store._free = [TrialPage() for _ in self._free]
        return store

    def erase_all(self) -> None:
        """Erase the whole partition."""
        for number in range(self._count):
            self._flash.erase(number * PAGE_SIZE, PAGE_SIZE)

    @property
    def blob_limit(self) -> int:
        """The longest blob in bytes, whatever room there is."""
        return min(self._count - 1, 127) * _CHUNK_MAX

    def namespace(self, name: bytes) -> int:
        """Return a namespace's index; it is made, and in flash at once, when there is none."""
        taken = set()
        for _, _, entry in self._items():
            if entry[0] == 0 and entry[1] == U8:
                if key_of(entry) == name:
                    return entry[24]
                taken.add(entry[24])
        for index in range(1, 255):
            if index not in taken:
                self.put(0, name, U8, bytes((index,)))
                return index
        raise NvsError(NOT_ENOUGH_SPACE)

    def get(self, namespace: int, key: bytes, kind: int) -> bytes | None:
        """Return the 8 data bytes of a fixed-length item, or None."""
        found = self._find(namespace, key, kind)
        return found[2][24:] if found else None

    def put(self, namespace: int, key: bytes, kind: int, data: bytes) -> None:
        """Store a fixed-length item, `data` little endian; an equal value is not written again.

        Raises NvsError: KEY_TOO_LONG, or NOT_ENOUGH_SPACE, also for a value that is only changed.
        """
        if len(key) > _KEY_MAX:
            raise NvsError(KEY_TOO_LONG)
        entry = make_entry(namespace, kind, 1, NO_CHUNK, key, data)
        old = self._find(namespace, key, kind)
        if old and old[2] == entry:
            return
        self._room_for_one().append(entry)
        if old:
            self._drop_older(entry)

    def get_blob(self, namespace: int, key: bytes) -> bytes | None:
        """Return a blob, or None when there is none or a chunk of it is damaged.

        As the library does (`Page::readItem`, `Storage::readMultiPageBlob`), reading erases a
        chunk whose data CRC is wrong, and what is left of a blob that misses a chunk.
        """
        found = self._find(namespace, key, BLOB_INDEX)
        if not found:
            return None
        size, count, start = unpack_from("<IBB", found[2], 24)
        data = b""
        for chunk in range(start, start + count):
            piece = self._find(namespace, key, BLOB_DATA, chunk)
            if not piece:
                found[0].erase_item(found[1], 1)
                self._erase_chunks(namespace, key, start)
                return None
            page, index, entry = piece
            part = page.data(index, entry)
            if len(part) != unpack_from("<H", entry, 24)[0]:
                page.erase_item(index, entry[2])
                return None
            data += part
        return data if len(data) == size else None

    def put_blob(self, namespace: int, key: bytes, data: bytes) -> None:
        """Store a blob in chunks, then its index, then forget the old one.

        Raises NvsError: VALUE_TOO_LONG, KEY_TOO_LONG or NOT_ENOUGH_SPACE.
        """
        if len(data) > self.blob_limit:
            raise NvsError(VALUE_TOO_LONG)
        if len(key) > _KEY_MAX:
            raise NvsError(KEY_TOO_LONG)
        old = self._find(namespace, key, BLOB_INDEX)
        if old and self.get_blob(namespace, key) == data:
            return
        start = _SECOND_VERSION if old and old[2][29] < _SECOND_VERSION else 0
        try:
            count = self._append_chunks(namespace, key, data, start)
            info = pack("<IBBH", len(data), count, start, 0xFFFF)
            index = make_entry(namespace, BLOB_INDEX, 1, NO_CHUNK, key, info)
            self._room_for_one().append(index)
        except NvsError:
            self._erase_chunks(namespace, key, start)
            raise
        if old:
            self._drop_older(index)
            self._erase_chunks(namespace, key, start ^ _SECOND_VERSION)

    def erase(self, namespace: int, key: bytes) -> None:
        """Erase a key, whatever its type. Raises NvsError(NOT_FOUND)."""
        found = self._find(namespace, key, None)
        if not found:
            raise NvsError(NOT_FOUND)
        page, index, entry = found
        page.erase_item(index, entry[2])
        if entry[1] == BLOB_INDEX:
            self._erase_chunks(namespace, key, entry[29])

    def _items(self):
        for page in self._used:
            for index, entry in page.items():
                yield page, index, entry

    def _find(self, namespace: int, key: bytes, kind: int | None, chunk: int = NO_CHUNK):
        """Return (page, index, entry) of an item, of any type for None, or None.

        On each page only the first item of that name counts: one of another type hides what
        comes behind it, as it does in the library.
        """
        for page in self._used:
            for index, entry in page.items():
                if entry[3] != chunk or entry[0] != namespace or key_of(entry) != key[:_KEY_MAX]:
                    continue
                if kind is None or entry[1] == kind:
                    return page, index, entry
                break
        return None

    def _append_chunks(self, namespace: int, key: bytes, data: bytes, start: int) -> int:
        """Write a blob's data over as many pages as it takes; return the number of chunks."""
        count = 0
        offset = 0
        while True:
            page = self._current()
            room = _room_for_data(page)
            if not count and (room < len(data) or not room) and room < _LEAST_FIRST_CHUNK:
                page = self._next_page()
                if _room_for_data(page) == room:
                    raise NvsError(NOT_ENOUGH_SPACE)  # the page that was tidied up is no better
                continue
            if not room or count == _SECOND_VERSION - 1:
                raise NvsError(NOT_ENOUGH_SPACE)
            piece = data[offset : offset + room]
            span = 1 + (len(piece) + ENTRY - 1) // ENTRY
            info = pack("<HHI", len(piece), 0xFFFF, checksum(piece))
            page.append(make_entry(namespace, BLOB_DATA, span, start + count, key, info), piece)
            count += 1
            offset += len(piece)
            if offset < len(data) or room - len(piece) < ENTRY:
                self._next_page()
            if offset >= len(data):
                return count

    def _erase_chunks(self, namespace: int, key: bytes, start: int) -> None:
        for page, index, entry in self._items():
            if (
                entry[1] == BLOB_DATA
                and entry[0] == namespace
                and (entry[3] ^ start) < _SECOND_VERSION
                and key_of(entry) == key
            ):
                page.erase_item(index, entry[2])

    def _drop_older(self, newest: bytes) -> None:
        """Erase every item of the newest one's identity but the last in the log."""
        older = None
        for page, index, entry in self._items():
            if entry[:4] == newest[:4] and entry[8:24] == newest[8:24]:
                if older:
                    older[0].erase_item(older[1], 1)
                older = page, index

    def _current(self) -> NvsPage:
        """Return the page that was last made active, whether there is room in it or not."""
        return self._used[-1] if self._used else self._activate()

    def _room_for_one(self) -> NvsPage:
        """Return the active page with at least one empty entry."""
        page = self._current()
        if page.state != ACTIVE or page.next >= ENTRIES:
            page = self._next_page()
        if page.next >= ENTRIES:
            raise NvsError(NOT_ENOUGH_SPACE)
        return page

    def _next_page(self) -> NvsPage:
        """Make another page the active one, reclaiming a page when only one is left free.

        The one with the fewest items in use is reclaimed, if it has not only such; it may be the
        page that was just given up.
        """
        if self._used[-1].state == ACTIVE:
            self._used[-1].mark(FULL)
        if len(self._free) > 1:
            return self._activate()
        victim = min(self._used, key=_live)
        if victim.live == ENTRIES:
            raise NvsError(NOT_ENOUGH_SPACE)
        victim.mark(FREEING)
        return self._reclaim(victim)

    def _reclaim(self, victim: NvsPage) -> NvsPage:
        page = self._activate()
        for index, entry in victim.items():
            page.append(entry, victim.data(index, entry) if entry[2] > 1 else b"")
        victim.wipe()
        self._used.remove(victim)
        self._free.append(victim)
        return page

    def _activate(self) -> NvsPage:
        if not self._free:
            raise NvsError(NOT_ENOUGH_SPACE)
        page = self._free.pop(0)
        page.activate(self._used[-1].sequence + 1 if self._used else 0)
        self._used.append(page)
        return page

    def _finish_move(self) -> None:
        victim, target = nvs_recovery.interrupted_move(self._used)
        if target:
            target.wipe()
            self._used.remove(target)
            self._free.insert(0, target)
        if victim:
            if not self._free:
                raise NvsError(NO_FREE_PAGES)
            self._reclaim(victim)


def _room_for_data(page: NvsPage) -> int:
    """Return how many bytes of a blob's data fit into a page, behind the entry that tells of it."""
    if page.state != ACTIVE or page.next >= ENTRIES - 1:
        return 0
    return (ENTRIES - page.next - 1) * ENTRY


def _sequence(page: NvsPage) -> int:
    return page.sequence


def _live(page: NvsPage) -> int:
    return page.live
