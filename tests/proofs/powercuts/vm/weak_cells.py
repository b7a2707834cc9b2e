"""Flash cells that a power cut left weak: they read back right at the next boot, and flip later.

Programming or erasing that ends too early leaves cells near the threshold, which may read as
either. Here some bits that the cut operation changed hold for a while, and then are what they were.
"""

_MOST = 4
"""So many bits of one operation, at the most."""
_TRIES = 8
"""How often a bit is looked for in one piece of an operation."""


class WeakCells:
    """The weak cells of one unit; `when` they flip is "boot" or "write".

    "boot" is at the end of the life after the one that was cut, "write" in that life, just before
    its first flash operation. `cached(offset)` tells what the port reads once and then keeps in
    RAM: that is not let go under a life that has read it.
    """

    def __init__(self, when: str, memory: bytearray, cached, reached) -> None:
        self._when = when
        self._memory = memory
        self._cached = cached
        self._reached = reached
        self._cells: list = []  # (offset, mask, the byte's bits in it as they were written)
        self._lives = 0

    def weaken(self, offset: int, old: bytes, new: bytes, rng) -> None:
        """Let some of the bits weaken that an operation has changed, the last of its life."""
        self._lives = 0
        for _ in range(_TRIES if new else 0):
            at = rng.below(len(new))
            changed = old[at] ^ new[at]
            if len(self._cells) >= _MOST or not changed:
                continue
            if self._when == "write" and self._cached(offset + at):
                continue
            mask = 1 << rng.below(8)
            if changed & mask:
                self._cells.append((offset + at, mask, new[at] & mask))

    def end_life(self) -> None:
        """Note that a life ended; in the one after the cut its cells flip."""
        if self._lives == 1:
            self._flip()
        self._lives += 1

    def before_operation(self) -> None:
        """Note that this life is about to write or erase."""
        if self._when == "write" and self._lives == 1:
            self._flip()

    def _flip(self) -> None:
        for offset, mask, bits in self._cells:
            if self._memory[offset] & mask == bits:  # nothing has been written there since
                self._memory[offset] ^= mask
                self._reached.note("decay")
        self._cells.clear()
