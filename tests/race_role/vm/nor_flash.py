"""NOR flash in memory that counts, tears, wears out and loses bits when a case says so."""


class FlashCut(BaseException):
    """The power went in the middle of a flash operation."""


class WornFlash:
    """Flash of `size` bytes; `cut_in` operations later the power goes, `torn` bytes into it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.data = bytearray(b"\xff" * size)
        self.programs = self.erases = 0
        self.cut_in = -1
        self.torn = 0
        self.dead = {}  # offset: a bit there does not clear
        self.worn = set()  # sectors that do not become blank any more
        self.wear = {}

    def read(self, offset: int, length: int) -> bytearray:
        """Return bytes; a few of them with no more garbage than a chip's driver makes."""
        if length > 64:
            return bytearray(memoryview(self.data)[offset : offset + length])
        data = bytearray(length)
        for at in range(length):
            data[at] = self.data[offset + at]
        return data

    def program(self, offset: int, data) -> None:
        """Clear bits."""
        self.programs += 1
        stop = len(data)
        cut = self._cut()
        if cut:
            stop = min(stop, self.torn)
        flash = self.data
        for at in range(stop):
            flash[offset + at] &= data[at]
            if offset + at in self.dead:
                flash[offset + at] |= self.dead[offset + at]
        if cut:
            raise FlashCut

    def erase(self, offset: int) -> None:
        """Set a sector's bits."""
        self.erases += 1
        self.wear[offset] = self.wear.get(offset, 0) + 1
        cut = self._cut()
        stop = min(4096, self.torn) if cut else 4096
        self.data[offset : offset + stop] = b"\xff" * stop
        if offset in self.worn:
            self.data[offset + 100] = 0
        if cut:
            raise FlashCut

    def flip(self, offset: int, bits: int = 1) -> None:
        """Change bits of a byte."""
        self.data[offset] ^= bits

    def _cut(self) -> bool:
        self.cut_in -= 1
        return self.cut_in == -1


class FullFlash(WornFlash):
    """The same, whose programs are fast: it obeys NOR rules by the word of its caller."""

    def program(self, offset: int, data) -> None:
        """Write to what is blank."""
        self.programs += 1
        flash = self.data
        for at in range(len(data)):
            flash[offset + at] = data[at]
