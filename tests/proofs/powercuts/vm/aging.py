"""Units that have a past: flash as it is after many attempts, or when an application has used it.

A spec says it with these members:

    aged      {"slot": N}: `bind` is full of records, the newest in slot N (0 to 15), so that the
              next one, or the one after it, goes to the other sector; {"generation": G}: the
              newest record has that number
    crowded   {"left": N, "by": "old" or "live"}: one page of `nvs` is free, and the page that is
              written to has room for N entries; the rest is an application's, most of it replaced
              since, or most of it still valid

The records are the agent's own: it has made attempts that a cloud sent away (429).
"""

from struct import pack

from runtime.nvs import NvsStore
from runtime.nvs_page import ENTRIES, I32

from .flash_view import read_record
from .records import SLOT, change_nvs, found_in, generation, put, renumbered

_SLOTS = 8
_LIVES = 40
_PAUSE_US = 60_000_000
_BLOB = 1000
_BLOB_ENTRIES = 2 + (_BLOB + 31) // 32


def age(lifetime, spec: dict) -> None:
    """Give the flash of a lifetime that has not begun its past. Raises ValueError where it cannot."""
    rows, memory = lifetime.judge.view.rows, lifetime.memory
    bind = rows.get("bind")
    aged = spec.get("aged")
    if aged:
        raws = _attempts(lifetime, 2 * _SLOTS if bind else 1)
        newest = generation(raws[-1])
        shift = aged.get("generation", newest) - newest
        raws = [renumbered(raw, generation(raw) + shift) for raw in raws]
        if bind:
            memory[bind.offset : bind.offset + bind.size] = _arranged(raws, aged.get("slot", 15))
        change_nvs(rows["nvs"], memory, lambda store: put(store, raws[-1]))
    crowded = spec.get("crowded")
    if crowded:
        change_nvs(
            rows["nvs"], memory, lambda store: _crowd(store, crowded["left"], crowded["by"])
        )


def _attempts(lifetime, count: int) -> list:
    """Return at least so many records that attempts have made, as bytes, oldest first."""
    view = lifetime.judge.view
    found: dict = {}
    lifetime.start([])
    for _ in range(_LIVES):
        lifetime.live()
        lifetime.stand_ins.time.pass_us(_PAUSE_US)
        for _, raw in found_in(view.part("bind" if "bind" in view.rows else "nvs")):
            found[generation(raw)] = raw
        raws = [found[number] for number in sorted(found)]
        while raws and read_record(raws[-1])["state"] != "unbound":
            raws.pop()
        if len(raws) >= count:
            return raws
    raise ValueError("attempts made only %d records" % len(raws))


def _arranged(raws: list, slot: int) -> bytes:
    """Return a `bind` partition with the newest record in a slot and the others before it.

    The sector that is written to is blank behind the newest, the other one is full.
    """
    data = bytearray(b"\xff" * (2 * _SLOTS * SLOT))
    first = slot // _SLOTS * _SLOTS
    places = list(range(slot, first - 1, -1))
    other = _SLOTS - first
    places += range(other + _SLOTS - 1, other - 1, -1)
    for raw, place in zip(reversed(raws), places):  # noqa: B905 - MicroPython knows no `strict`
        data[place * SLOT : place * SLOT + len(raw)] = raw
    return bytes(data)


def _crowd(store: NvsStore, left: int, by: str) -> None:
    """Fill `nvs` with an application's data until only so many entries are left before a collection."""
    space = store.namespace(b"app")
    count = 0
    if by == "live":  # the first page is the one that has most to give back, settings and all
        while len(store._used) < 2 and _room(store) > 1:
            count += 1
            store.put(space, b"n", I32, pack("<I", count))
    while len(store._free) > 1 or _room(store) - left >= _BLOB_ENTRIES + 3:
        count += 1
        key = b"b%d" % (count if by == "live" else count & 1)
        store.put_blob(space, key, bytes((count & 255,)) * _BLOB)
        if by == "live":
            store.put(space, b"n", I32, pack("<I", count))
    while _room(store) > left:
        count += 1
        store.put(space, b"n", I32, pack("<I", count))


def _room(store: NvsStore) -> int:
    return ENTRIES - store._used[-1].next
