"""A scanner for lists in JSON of any length, in a few hundred bytes of memory.

Strict about what matters here, that everything which is opened is closed, and lenient about
commas, which the documented answers leave out.
"""


class Scanner:
    """Takes JSON piece by piece and calls `found(fields)` for each object in the list `result`.

    The list stands in the outermost object, or in its `body`. `fields` has the texts whose names
    are in `names`; texts of 200 bytes and more are left empty. `listed` tells that the list was there,
    `closed` that all is closed.
    """

    def __init__(self, names: tuple, found) -> None:
        self.names = names
        self.found = found
        self.listed = self.closed = False
        self.open = b""  # the brackets that are open
        self.path = []  # the last name in each object that is open
        self.named = False  # in an object: what comes is a value
        self.text = None  # of the string that is being read
        self.escape = b""
        self.high = 0  # the first half of a surrogate pair
        self.list = 0  # how many brackets are open in the list itself; 0 outside it

    def feed(self, data: bytes) -> None:
        """Take the next piece. Raises ValueError for what is no JSON."""
        at = 0
        while at < len(data):
            if self.text is not None:
                at = self.string(data, at)
                continue
            code = data[at]
            at += 1
            if code in b" \t\r\n,:":
                continue
            if self.closed or (not self.open and code not in b"{["):
                raise ValueError
            if code == 0x22:
                self.text = b""
                continue
            if code in b"{[":
                self.push(code)
            elif code in b"}]":
                self.pop(code)
            elif code not in b"0123456789+-.eEtrufalsn":
                raise ValueError
            self.named = False

    def push(self, code: int) -> None:
        """Open a bracket."""
        depth = len(self.open)
        if depth > 30:
            raise ValueError
        if code == 0x7B:
            self.path.append("")
            if depth == self.list:
                self.fields = {}
        elif b"[" not in self.open and self.path in (["result"], ["body", "result"]):
            self.listed = True
            self.list = depth + 1
        self.open += bytes((code,))

    def pop(self, code: int) -> None:
        """Close a bracket."""
        if self.open[-1] != code - 2:
            raise ValueError
        self.open = self.open[:-1]
        depth = len(self.open)
        self.closed = not depth
        if code == 0x7D:
            self.path.pop()
            if depth and depth == self.list:
                self.found(self.fields)
        elif depth < self.list:
            self.list = 0

    def string(self, data: bytes, at: int) -> int:
        """Go on in a string; return where it, an escape, or the piece ends."""
        if self.escape:
            self.unescape(data[at])
            return at + 1
        end = data.find(b'"', at)
        if end < 0:
            end = len(data)
        stop = data.find(b"\\", at, end)
        if stop >= 0:
            end = stop
            self.escape = b"\\"
        self.add(data[at:end])
        if stop < 0 and end < len(data):
            text = str(self.text, "utf-8") if len(self.text) < 200 else ""
            self.text = None
            if self.open[-1] == 0x7B:
                self.named = not self.named
                if self.named:
                    self.path[-1] = text
                elif self.list and len(self.open) == self.list + 1 and self.path[-1] in self.names:
                    self.fields[self.path[-1]] = text
        return end + 1

    def unescape(self, code: int) -> None:
        """Take the next character of an escape."""
        self.escape += bytes((code,))
        if self.escape[1] == 0x75:
            if len(self.escape) < 6:
                return
            code = int(self.escape[2:], 16)
            if 0xDC00 <= code < 0xE000:
                code = 0x10000 + ((self.high & 0x3FF) << 10 | code & 0x3FF)
            self.high = code
        else:
            code = {0x6E: 10, 0x74: 9, 0x72: 13, 0x62: 8, 0x66: 12}.get(code, code)
        self.escape = b""
        if not 0xD800 <= code < 0xDC00:
            self.add(chr(code).encode())

    def add(self, raw: bytes) -> None:
        """Keep a piece of a string."""
        if len(self.text) < 200:
            self.text += raw
