"""What is left in `nvs` of a record that cannot be read: proof that there was one, or that not.

Entries that are erased or damaged keep their bytes until their page is erased, and a page whose
own head is damaged keeps all of them. Of a blob, NVS writes the index last: what was cut off
before it never counted, and nothing of it but the beginning of a chunk is there.
"""

from . import CHUNK, KEY, MAGIC, PIECE, SIZE, SPACE, generation, intact, later, whole

if False:  # for mypy; a device has none of these
    from collections.abc import Iterator

    from agent_types import ReadableFlash, WritableFlash


def remains(flash: "ReadableFlash") -> bytes:
    """Return b"?" where something is left of a record, b"" where there never was one."""
    for _ in traces(flash):
        return b"?"
    return b""


def traces(flash: "ReadableFlash") -> "Iterator[int]":
    """Yield the offset of every entry that shows that there was a record, or may have been."""
    doubtful = []
    names: dict[int, list[bytes]] = {}
    for offset, head in _all(flash):
        if head[:4] == MAGIC:
            if not _is_cut_off(flash, offset):
                yield offset
        elif head[:2] == b"\0\1" and whole(head):
            names.setdefault(head[24], []).append(bytes(head[8:24]))
        elif _is_near(head) and head[1] != CHUNK:
            doubtful.append((offset, head[0] if whole(head) else -1))
    for offset, space in doubtful:
        # An intact entry of a namespace that never was ours is an application's own.
        if SPACE in names.get(space, (SPACE,)):
            yield offset


def salvage(flash: "ReadableFlash") -> bytes:
    """Return the newest record whose bytes are whole, though NVS no longer has it; b"" for none.

    One that is `bound` stays true, and `unknown` is settled by looking, whatever came after it.
    What else it says may have been true before a request, so that it does not count.
    """
    best = b""
    for offset in traces(flash):
        raw = intact(flash.read(offset, min(SIZE, flash.size - offset)))
        if raw and (not best or later(generation(raw), generation(best))):
            best = raw
    return best if best and (best[4] > 1 or best[5] in b"\1\2") else b""


def wipe(flash: "WritableFlash") -> None:
    """Zero what `traces` finds. Raises OSError."""
    for offset in list(traces(flash)):
        flash.program(offset, bytes(32))


def _all(flash: "ReadableFlash") -> "Iterator[tuple[int, bytes]]":
    """Yield (offset, its 32 bytes) of every place for an entry where something may stand."""
    for page in range(0, flash.size, 4096):
        for start in range(page + 64, page + 4096, PIECE):
            piece = flash.read(start, PIECE)
            if piece.count(b"\xff") < PIECE:
                for at in range(0, PIECE, 32):
                    yield start + at, piece[at : at + 32]


def _is_near(head: bytes) -> bool:
    """Tell whether an entry's key is the record's, but for one bit at most."""
    other = int.from_bytes(head[8:24], "little") ^ int.from_bytes(KEY, "little")
    return not other & other - 1


def _is_cut_off(flash: "ReadableFlash", offset: int) -> bool:
    """Tell whether the record at `offset` was never finished: the index of its blob was not begun.

    Behind its chunk there is nothing then, or what was written later.
    """
    head = flash.read(offset - 32, 32)
    end = offset - 32 + 32 * head[2]
    if not whole(head) or head[1] != CHUNK or head[8:24] != KEY or end > offset | 4095:
        return False
    behind = flash.read(end, 32)
    return behind == b"\xff" * 32 or (
        whole(behind) and (behind[8:24] != KEY or behind[1] == CHUNK)
    )
