"""Randomness that a seed repeats: xorshift, since the VM's own generator is shared by everyone."""


class Rng:
    """A generator of 32-bit numbers; any integer seeds it."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 2654435761 + 0x9E3779B9) & 0xFFFFFFFF or 1
        for _ in range(4):
            self.number()

    def number(self) -> int:
        """Return the next 32 bits."""
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return x

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1."""
        return self.number() % limit

    def pick(self, things):
        """Return one of a sequence."""
        return things[self.below(len(things))]

    def bytes(self, count: int) -> bytes:
        """Return random bytes."""
        data = bytearray(count)
        for at in range(count):
            data[at] = self.number() >> 11 & 255
        return bytes(data)
