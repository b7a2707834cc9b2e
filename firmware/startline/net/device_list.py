"""A cloud's list of devices: reading its pages, and what they tell of one device.

Host and device both read lists by this file, so that both see the same in the same bytes.

A serial number in it may be ours however the cloud writes it. A chip has no tables of Unicode. So
this errs to one side: of two texts that may be the same one after trimming, case folding,
normalisation (NFC, NFD, NFKC, NFKD), escaping for HTML, URLs or JSON, or with their separators
dropped, none is ever told apart; of others a few may not be. Digits and the letters of ASCII always
tell.
"""

from .json_scanner import OPEN, TEXT, JsonScanner, text_of

if False:  # for mypy; a device has none of these
    from collections.abc import Callable
    from typing import Any

    from agent_types import Cloud, JsonValue

SAME, LIKE, UNCLEAR, OTHER = "same", "like", "unclear", "other"

_DAY = 86400
_EXCHANGE = 30  # seconds that a request has at most
_HEX = "0123456789abcdef"

# What speaks against a clear answer; of several the last in this row is told. The first three are
# overruled by an entry of our own.
_REASONS = ("", "unclear_entry", "serial_taken", "unfit_token", "doubled")
_UNCLEAR = 1
_TAKEN = 2
_UNFIT = 3
_DOUBLED = 4


class ListReader(JsonScanner):
    """Reads one page, and calls `found(fields)` for each item of its list.

    `place` has the names that lead to the list, from the outermost object or its `body`, none for
    a page that is the list itself, and those that the total's place ends in; they are RUFUS's where
    it is empty. `fields` has, of those in `names` (bytes), what the item has: a text, the bytes of a
    number or another word, or None for what can be neither, or is said twice and differs. An item
    that is no object has none. `listed` tells that the list was there, `total` how many devices the
    cloud says it has, -1 for none said.
    """

    place: "tuple[list[bytes], ...]" = ([b"result"], [b"pagination", b"total"])
    listed = False
    total = -1
    fields: "dict[bytes, JsonValue]"  # of an item
    depth = 0  # how many brackets are open in the list itself; 0 outside it

    def __init__(
        self,
        names: tuple[bytes, ...],
        found: "Callable[[dict[bytes, JsonValue]], Any]",
        place: "tuple[list[bytes], ...]" = (),
    ) -> None:
        JsonScanner.__init__(self)
        if place:
            self.place = place
        self.names = names
        self.found = found

    def value(self, raw: bytes, kind: int) -> None:
        """Take the list, an item, a field, or the total."""
        path = self.path
        inside = len(path) - self.depth
        if not self.depth:
            entries, count = self.place
            within = [b"body"] + entries  # noqa: RUF005 - MicroPython knows no unpacking here
            if raw == b"[" and kind == OPEN and path in (entries, within):
                self.listed = True
                self.depth = len(path) + 1
            elif path[-len(count) :] == count and self.whole and raw.isdigit():
                self.total = int(raw)
        elif inside == 0:
            self.fields = {}
            if raw != b"{" or kind != OPEN:
                self.found(self.fields)
        elif inside == 1 and path[-1] in self.names:
            name = path[-1]
            value = None
            if kind != OPEN and self.whole:
                value = text_of(raw) if kind == TEXT else raw
            if name in self.fields and self.fields[name] != value:
                value = None
            self.fields[name] = value

    def ended(self, code: int) -> None:
        """End an item, or the list."""
        if len(self.path) < self.depth:
            self.depth = 0
        elif self.depth and len(self.path) == self.depth and code == 0x7D:
            self.found(self.fields)


class ListPages:
    """Whether the pages that were read are all of one list: it may be written to meanwhile."""

    total = -1
    count = 0
    before: "list[JsonValue]" = [None]

    def more(self, ends: "list[JsonValue]", count: int, total: int) -> bool:
        """Take a page by its first and its last token, how many entries it has, and the total.

        Of a page with one entry that is one token. Tell whether to read on: not behind the end, nor
        from a cloud that has no pages and repeats itself. Raises ValueError with the reason why it
        is no whole list.
        """
        if self.total < 0:
            self.total = total
        if not count or (ends[0] and ends == self.before):
            if self.total not in (-1, self.count):
                raise ValueError("list_incomplete")
            return False
        if total not in (-1, self.total) or (ends[0] and ends[0] == self.before[-1]):
            raise ValueError("list_changed")
        self.count += count
        self.before = ends
        return True


class DeviceSearch:
    """What has been seen of one device in a cloud's list.

    `mark` is what our request left there, "" where that is not known; `first` a Unix time before
    which it was not made. `where` names the entry that speaks against a clear answer, by its
    number in the list, from 1, and its token ("" if that is none), `aged` the first that was told
    from ours by its age alone.
    """

    token = ""
    number = reason = 0
    where = (0, "")
    aged: "tuple[int, str] | None" = None

    def __init__(self, cloud: "Cloud", serial: str, mark: str, first: int = 0) -> None:
        self.cloud = cloud
        self.ours = SerialNumber(serial)
        self.mark = mark
        self.first = first

    def entry(self, fields: "dict[bytes, JsonValue]") -> str:
        """Take one entry; return what it is: "ours", or as `Serial.compare` does.

        `fields` are as `ListReader` finds them. One that cannot be compared is another's all the
        same if it has another mark, or was made a day before our first request.
        """
        token: Any
        made: Any
        token, mark, serial, made = [fields.get(name) for name in self.cloud.LIST[1:5]]
        token = self.cloud.canonical(token)
        self.number += 1
        place = (self.number, token)
        found = marks(mark)
        if self.mark in found:
            if not token:
                self.against(_UNFIT, place)
            elif self.token and self.token != token:
                self.against(_DOUBLED, place)
            self.token = self.token or token
            return "ours"
        kind = self.ours.compare(serial)
        if kind == SAME:
            self.against(_TAKEN, place)
        elif kind != OTHER:
            if found:
                return OTHER
            if made and self.first:
                from .clock import of_entry

                if 0 < of_entry(made) <= self.first - _DAY:
                    self.aged = self.aged or place
                    return OTHER
            self.against(_UNCLEAR, place)
        return kind

    def against(self, reason: int, place: tuple[int, str]) -> None:
        """Keep what speaks against a clear answer."""
        if reason > self.reason:
            self.reason = reason
            self.where = place

    def verdict(self) -> tuple[str, str, str]:
        """Return (state, token, reason): unbound is that there is nothing of this device."""
        if self.token and self.reason < _UNFIT:
            return "bound", self.token, ""
        return "unknown" if self.reason else "unbound", "", _REASONS[self.reason]


def marks(text: "str | bytes | None") -> list[str]:
    """Return the attempt ids that a text of the list holds, each as `sl.9f3c2a7b`."""
    found = []
    if isinstance(text, str):
        for part in text.lower().split("sl.")[1:]:
            if len(part) > 7 and not part[:8].strip(_HEX) and part[8:9] not in tuple(_HEX):
                found.append("sl." + part[:8])
    return found


def first_request(made_at: int, due: int) -> int:
    """Return a Unix time before which a device that was made at `made_at` cannot have asked.

    The request that `due` is the deadline of may have been a later one, and the device's clock may
    have been ahead then: our own entry would look old. Before it was made, by the host's clock, a
    device asked nobody; so the earlier of both counts.
    """
    return min(made_at, due - _EXCHANGE) if due else made_at


class SerialNumber:
    """Our own serial number, to compare others with."""

    def __init__(self, text: str) -> None:
        self.raw = text.encode().strip().lower()  # of bytes, every VM lowers ASCII only
        self.folded = _fold(text)

    def compare(self, theirs: "Any") -> str:
        """Return what a list's serial number is to ours.

        It is a text, the bytes of a number or word without quotes, or None for what could not be
        read. SAME: ours. LIKE: it may be ours, written otherwise. UNCLEAR: it cannot be compared.
        OTHER: another one.
        """
        is_text = isinstance(theirs, str)
        raw = ((theirs.encode() if is_text else theirs) or b"").strip().lower()
        if raw and raw == self.raw:
            return SAME
        same_number = raw and _number(raw) == _number(self.raw)
        if not is_text:
            return SAME if same_number else UNCLEAR
        if not raw:
            return UNCLEAR
        if same_number:
            return LIKE
        try:
            # A program wrote a number anew, with as many of its digits as it liked.
            if b"e" in raw and abs(float(raw) - float(self.raw)) * 16 < float(raw):
                return UNCLEAR
        except ValueError:  # no number
            pass
        folded = _fold(theirs)
        alike = folded == self.folded
        if "*" in folded + self.folded:
            from .unicode_fold import may_match

            alike = may_match(folded, self.folded)
        return LIKE if alike else OTHER


def _number(raw: bytes) -> bytes:
    """Return a number without what a cloud may add to it or take away: 007 is 7, and so is 7.0."""
    whole, _, rest = raw.partition(b".")
    if whole.isdigit() and not rest.strip(b"0"):
        return whole.lstrip(b"0")
    return raw


def _fold(text: str) -> str:
    """Return what of a text nobody changes who writes it otherwise: see `unicode_fold`."""
    found = ""
    for char in text:
        if char > "\x7f" or char in "&%\\?":
            from .unicode_fold import fold

            return fold(text)
        if char.isalpha() or char.isdigit():
            found += char.lower()
    return found
