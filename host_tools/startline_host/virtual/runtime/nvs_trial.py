"""A page of an NVS partition on which changes are only tried: nothing of them is in flash."""

from .nvs_page import ACTIVE, BLANK


class TrialPage:
    """Looks to `NvsStore` like `nvs_page.NvsPage`; begins as a copy of one, or blank.

    Its items are kept as [index, entry, data, page that holds the data].
    """

    def __init__(self, page=None) -> None:
        self.state = page.state if page else BLANK
        self.sequence = page.sequence if page else -1
        self.next = page.next if page else 0
        self.live = page.live if page else 0
        self._items = [[index, entry, None, page] for index, entry in page.items()] if page else []

    def items(self):
        """Yield (index, entry) of each item."""
        for item in list(self._items):
            yield item[0], item[1]

    def data(self, index: int, entry: bytes) -> bytes:
        """Return the bytes of a variable-length item, b"" when its CRC does not fit."""
        for item in self._items:
            if item[0] == index:
                return item[3].data(index, entry) if item[3] else item[2]
        return b""

    def activate(self, sequence: int) -> None:
        """Make a blank page the one that is written to."""
        self.state = ACTIVE
        self.sequence = sequence

    def mark(self, state: int) -> None:
        """Change the state."""
        self.state = state

    def append(self, entry: bytes, data: bytes = b"") -> None:
        """Add an item behind the last one."""
        self._items.append([self.next, entry, data, None])
        self.next += entry[2]
        self.live += entry[2]

    def erase_item(self, index: int, span: int) -> None:
        """Forget an item."""
        for item in self._items:
            if item[0] == index:
                self._items.remove(item)
                self.live -= item[1][2]
                return

    def wipe(self) -> None:
        """Erase the page."""
        self.__init__()
