"""What a lifetime reached, counted from its flash operations and from what its world answered.

Nothing here is assumed: a world that is meant to collect a page of `nvs`, and never does, proves
nothing, and is reported as such. The marks are named in `results.REACHED` on the host's side.
"""

from struct import unpack_from

_MAGIC = b"SLrc"
_SECTOR = 4096
_FREEING = b"\xf8\xff\xff\xff"
"""The page state of `nvs` that begins a collection; erasing the page ends it."""
_NEAR = 256
"""A generation wrapped if it was less than this far from its end, and now is from its start."""


class Reached:
    """Counts marks by name in `marks`; `rows` are the partitions by label."""

    def __init__(self, rows: dict) -> None:
        self.marks: dict = {}
        self._rows = rows
        self._freeing: set = set()
        self._erased: set = set()
        self._last: dict = {}

    def note(self, mark: str) -> None:
        """Count something that was reached."""
        self.marks[mark] = self.marks.get(mark, 0) + 1

    def begin(self, label: str, generation: int) -> None:
        """Take the generation that a place holds when the lifetime begins."""
        self._last[label] = generation

    def erase(self, offset: int) -> None:
        """Take the erase of a sector that begins."""
        if offset in self._freeing:
            self._freeing.remove(offset)
            self.note("collection")
        if self._within("bind", offset):
            self._erased.add(offset)

    def program(self, offset: int, data: bytes) -> None:
        """Take what a program operation left at an offset."""
        if data[:4] == _MAGIC and len(data) >= 12:
            self._record(offset, unpack_from("<I", data, 8)[0])
        elif data == _FREEING and not offset % _SECTOR and self._within("nvs", offset):
            self._freeing.add(offset)

    def _record(self, offset: int, generation: int) -> None:
        label = "bind" if self._within("bind", offset) else "nvs"
        sector = offset & -_SECTOR
        if sector in self._erased:
            self._erased.remove(sector)
            self.note("switch")
        last = self._last.get(label, 0)
        if last > 0xFFFFFFFF - _NEAR and generation < _NEAR:
            self.note("wrap")
        self._last[label] = generation

    def _within(self, label: str, offset: int) -> bool:
        row = self._rows.get(label)
        return row is not None and row.offset <= offset < row.offset + row.size
