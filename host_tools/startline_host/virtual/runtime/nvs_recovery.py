"""What the NVS library does at its start with what a power cut left behind."""

from .nvs_page import ACTIVE, BLOB_DATA, BLOB_INDEX, FREEING, key_of


def interrupted_move(pages: list) -> tuple:
    """Return the page whose items were being moved, and the page that they went to, or None.

    `pages` are the pages in use, oldest first. The second holds nothing but copies: the move is
    done again from the start.
    """
    for victim in pages:
        if victim.state == FREEING:
            newest = pages[-1]
            return victim, newest if newest.state == ACTIVE else None
    return None, None


def drop_duplicates(items) -> None:
    """Of two items of one identity the newer counts: power went before the old was erased.

    `items` gives (page, index, entry), oldest first.
    """
    seen = {}
    for page, index, entry in items:
        identity = entry[:2] + entry[3:4] + key_of(entry)
        older = seen.get(identity)
        if older:
            older[0].erase_item(older[1], older[2])
        seen[identity] = (page, index, entry[2])


def drop_broken_blobs(items) -> None:
    """Erase chunks that no index claims, and indexes (with their chunks) that miss a chunk.

    `items()` gives (page, index, entry).
    """
    claims = {}
    for page, index, entry in items():
        if entry[1] == BLOB_INDEX:
            claims[entry[:1] + key_of(entry)] = [page, index, entry, entry[28]]
    for page, index, entry in items():
        if entry[1] != BLOB_DATA:
            continue
        claim = claims.get(entry[:1] + key_of(entry))
        if claim and _claims(claim[2], entry):
            claim[3] -= 1
        else:
            page.erase_item(index, entry[2])
    broken = {name: claim for name, claim in claims.items() if claim[3]}
    for page, index, _, _ in broken.values():
        page.erase_item(index, 1)
    for page, index, entry in items():
        if entry[1] == BLOB_DATA and entry[:1] + key_of(entry) in broken:
            page.erase_item(index, entry[2])


def _claims(index: bytes, chunk: bytes) -> bool:
    return index[29] <= chunk[3] < index[29] + index[28]
