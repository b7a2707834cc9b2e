"""A scanner for JSON of any length, in a few hundred bytes of memory.

It is strict about what proves that all of it came: every bracket is closed by its own kind, every
name has a value, and a number ends only where something stands behind it. No VM's `json` is asked:
that of MicroPython 1.23 to 1.25 takes an object that is never closed. It is lenient about what
servers get wrong and what changes nothing here: commas that are missing or too many (the documented
answers leave them out), names without quotes, a byte order mark, NaN, escapes that are none, and
texts that are no UTF-8, as long as nobody wants to know them.
"""

if False:  # for mypy; a device has none of these
    from collections.abc import Callable
    from typing import Any

_WORD = 0
TEXT = 1
OPEN = 2

_DEEPEST = 100  # brackets that may be open at once
_ESCAPES = b'ntrbf"\\/'  # what is escaped so, and what that means
_MEANT = b'\n\t\r\b\f"\\/'


class JsonScanner:
    """Takes JSON piece by piece; subclasses are told what it holds.

    They have `value(raw, kind)`: at `path`, a TEXT, a WORD (a number, null, or anything else
    without quotes), or what OPENs, b"{" or b"["; of a value that is not `whole`, raw is the
    beginning. And `ended(code)`: at `path`, an object (0x7D) or a list (0x5D) was closed.
    `path` has an item for each bracket that is open: in an object the name that was last, as UTF-8
    bytes (b"" for a long one, or deep down), in a list None. `closed` tells that all is closed.
    """

    LONGEST = 200  # bytes of a value that are kept
    MANY = False  # whether there may be something behind the document
    value: "Callable[[bytes, int], None]"
    ended: "Callable[[int], None]"

    def __init__(self) -> None:
        self.path: list[bytes | None] = []
        self.closed = False
        self.whole = True
        self.next = 2  # what comes next in an object: 0 a name, 1 a colon, 2 a value
        self.text: Any = None  # of the string that is being read
        self.word = self.escape = b""
        self.high = 0  # the first half of a surrogate pair

    def feed(self, data: bytes) -> None:
        """Take the next piece. Raises ValueError for what is no JSON."""
        at = 0
        while at < len(data):
            if self.text is not None:
                at = self.string(data, at)
                continue
            code = data[at]
            at += 1
            if self.word and code in b' \t\r\n,:"[]{}':
                word = self.word
                self.word = b""
                self.whole = len(word) < self.LONGEST
                self.accept(word, _WORD)
            if code not in b" \t\r\n" and (self.path or self.begins(code)):
                self.punctuation(code)

    def begins(self, code: int) -> bool:
        """Tell whether a document begins here, or else it is to be passed over. Raises ValueError."""
        opens = code in b'{["'
        if self.closed:
            if not self.MANY:
                raise ValueError
        elif not opens and code not in b"\xef\xbb\xbf":  # a byte order mark
            raise ValueError
        return opens

    def punctuation(self, code: int) -> None:
        """Take a character outside of strings. Raises ValueError where it cannot stand."""
        if code in b"{[":
            self.accept(bytes((code,)), OPEN)
        elif code in b"}]":
            self.close(code)
        elif code == 0x22:
            self.text = b""
            self.whole = True
        elif code == 0x3A:  # a colon
            if self.next != 1:
                raise ValueError
            self.next = 2
        elif code == 0x2C:  # a comma
            if self.next and self.path[-1] is not None:
                raise ValueError
        elif not 0x20 < code < 0x7F:
            raise ValueError
        elif len(self.word) < self.LONGEST:
            self.word += bytes((code,))

    def accept(self, raw: bytes, kind: int) -> None:
        """Take a name, or a value, or the beginning of one."""
        path = self.path
        if not self.next and kind != OPEN:
            path[-1] = raw if self.whole and len(path) < 6 else b""
            self.next = 1
            return
        if self.next != 2 or len(path) >= _DEEPEST:
            raise ValueError
        self.value(raw, kind)
        if kind != OPEN:
            self.value_done()
        elif raw == b"{":
            path.append(b"")
            self.next = 0
        else:
            path.append(None)

    def close(self, code: int) -> None:
        """Close a bracket."""
        if code != (0x5D if self.path[-1] is None else 0x7D) or (code == 0x7D and self.next):
            raise ValueError
        self.path.pop()
        self.value_done()
        self.ended(code)

    def value_done(self) -> None:
        """Know what comes behind a value."""
        self.closed = not self.path
        self.next = 2 if self.closed or self.path[-1] is None else 0

    def string(self, data: bytes, at: int) -> int:
        """Go on in a string; return where it, an escape, or the piece ends."""
        if self.escape:
            return self.unescape(data, at)
        end = data.find(b'"', at)
        if end < 0:
            end = len(data)
        stop = data.find(b"\\", at, end)
        if stop >= 0:
            end = stop
            self.escape = b"\\"
        if end > at:
            self.add(data[at:end])
        if stop < 0 and end < len(data):
            self.whole = self.whole and not self.high
            self.high = 0
            raw = self.text
            self.text = None
            self.accept(raw, TEXT)
        return end + 1

    def unescape(self, data: bytes, at: int) -> int:
        """Take the next character of an escape; return where to go on."""
        code = data[at]
        escape = self.escape + bytes((code,))
        self.escape = b""
        if escape[1] != 0x75:
            meant = _ESCAPES.find(escape[1:])
            self.add(_MEANT[meant : meant + 1])
            self.whole = self.whole and meant >= 0
            return at + 1
        if len(escape) > 2 and code not in b"0123456789abcdefABCDEF":
            self.whole = False
            return at  # an escape that was cut: this may well be the end of the string
        if len(escape) < 6:
            self.escape = escape
            return at + 1
        code = int(escape[2:], 16)
        if code >> 10 == 0x37 and self.high:  # the second half of a pair
            code = 0x10000 + ((self.high & 0x3FF) << 10 | code & 0x3FF)
            self.high = 0
        if code >> 10 == 0x36 and not self.high:
            self.high = code
        elif 0xD800 <= code < 0xE000:
            self.whole = False
        else:
            self.add(chr(code).encode())
        return at + 1

    def add(self, raw: bytes) -> None:
        """Keep a piece of a string."""
        if self.high:  # a half stands alone
            self.high = 0
            self.whole = False
        self.text += raw[: self.LONGEST - len(self.text)]
        self.whole = self.whole and len(self.text) < self.LONGEST


def text_of(raw: bytes) -> "str | None":
    """Return a text out of JSON; None for what is no UTF-8, by one rule on every VM."""
    try:
        text = str(raw, "utf-8")
        for char in text:
            # MicroPython takes halves of surrogate pairs, and letters written too long.
            if char > "\x7f" and (0xD800 <= ord(char) < 0xE000 or chr(ord(char)) != char):
                return None
    except ValueError:  # UnicodeError is one
        return None
    return text
