"""A single bit of the journal that turns over while the power is off, and what that may cost."""

from .journal_view import entries_in

_SECTOR = 4096


def flip(kind: str, judge, rng) -> None:
    """Turn over a bit of an entry of that kind, of a header (`header`) or of anything (`any`)."""
    memory = judge.memory
    row = judge.rows["race"]
    places = []
    for sector in range(row.offset, row.offset + row.size, _SECTOR):
        if memory[sector] == 0xFF:
            continue
        if kind in ("header", "any"):
            places.append((sector, 32, "header"))
        for at, end, name, _ in entries_in(memory, sector):
            if kind in (name, "any"):
                places.append((at, end - at, name))
    if not places:
        return
    at, size, name = rng.pick(places)
    where = at + rng.below(size)
    memory[where] ^= 1 << rng.below(8)
    judge.note_reached("flip_" + name)
    judge.damaged(where)
