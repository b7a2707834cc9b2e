"""Source text as the chip's compiler reads it: with the chip's `errno` numbers, not the host's.

MicroPython's compiler replaces `errno.NAME` by its number, from a table that is built into the VM;
the Unix port's table has the host's numbers. So the text is given the chip's before it is compiled,
however it is spelled: with brackets around the name, over several lines, with comments in between.
Strings and comments stay as they are; the braces of an f-string hold code.
"""

from .error_numbers import NUMBERS

_MARK = b"errno"
_NAME = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_BLANK = b" \t\r\f"
_MAYBE_BLANK = _BLANK + b"\n\\#"
_QUOTES = b"'\""
_PREFIXES = (b"b", b"f", b"r", b"u", b"br", b"fr", b"rb", b"rf")
_BEFORE_OPERAND = frozenset(
    b"and as assert await del elif else except for from if import in is lambda not or raise return "
    b"while with yield".split()
)
"""Keywords behind which a bracket groups: behind any other word it calls something."""


def fold(source):
    """Return source text (bytes or str) with `errno.NAME` replaced by the chip's number."""
    if isinstance(source, str):
        if "errno" not in source:
            return source
        return _Folder(source.encode()).fold().decode()
    if _MARK not in source:
        return source
    return _Folder(bytes(source)).fold()


class _Folder:
    """Goes through a text once.

    `_before` is the word or the character in front; `_open` are the brackets that are open, True
    for one that only groups; of the last `_bare` of them nothing but brackets has come yet.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0
        self._out = bytearray()
        self._before = b"\n"
        self._open: list = []
        self._bare = 0
        self._braced = 0

    def fold(self) -> bytes:
        self._code(b"")
        return bytes(self._out)

    def _code(self, end: bytes) -> None:
        """Copy code up to a closing character on its own level, or to the end of the text."""
        outer = len(self._open)
        while self._at < len(self._text):
            char = self._text[self._at : self._at + 1]
            blank = self._skip(self._at, bool(self._open)) if char in _MAYBE_BLANK else self._at
            if blank > self._at:
                self._copy(blank - self._at)
            elif char in _NAME:
                self._word()
            elif char in _QUOTES:
                self._string(b"")
            elif char == end and len(self._open) == outer:
                return
            else:
                self._mark(char)

    def _mark(self, char: bytes) -> None:
        """Copy one character that is no word, no string and no blank."""
        if char in b"([{":
            groups = char == b"(" and not self._after_operand()
            self._open.append(groups)
            self._bare = self._bare + 1 if groups else 0
        else:
            if char in b")]}" and self._open:
                self._open.pop()
            self._bare = 0
        self._before = char
        self._copy(1)

    def _after_operand(self) -> bool:
        """Tell whether a bracket here calls what stands in front of it."""
        before = self._before
        if before[:1] in _NAME:
            return before not in _BEFORE_OPERAND
        return before in b")]}\"'"

    def _word(self) -> None:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] in _NAME:
            self._at += 1
        word = self._text[start : self._at]
        if self._text[self._at : self._at + 1] in (b"'", b'"') and word.lower() in _PREFIXES:
            self._out += word
            self._string(word.lower())
            return
        if word != _MARK or self._before == b"." or not self._number():
            self._out += word
        self._before = word
        self._bare = 0

    def _number(self) -> bool:
        """Put the number of the constant that the word begins, if it begins one."""
        closed, at = 0, self._skip(self._at, bool(self._open))
        while self._text[at : at + 1] == b")" and closed < self._bare:
            closed += 1
            at = self._skip(at + 1, len(self._open) > closed)
        inside = len(self._open) > closed
        start = self._skip(at + 1, inside)
        end = start
        while end < len(self._text) and self._text[end] in _NAME:
            end += 1
        value = NUMBERS.get(self._text[start:end].decode())
        follows = self._text[self._skip(end, inside) :][:1]
        if self._text[at : at + 1] != b"." or value is None or follows in (b".", b"(", b"["):
            return False
        self._out += b"%d" % value + self._text[self._at : at] + self._text[at + 1 : start]
        self._at = end
        while closed:
            self._open.pop()
            closed -= 1
        return True

    def _skip(self, at: int, inside: bool) -> int:
        """Return where blanks and comments end; line ends are blanks inside of brackets.

        In an f-string's braces `#` belongs to a format.
        """
        text = self._text
        inside = inside or self._braced > 0
        while at < len(text):
            char = text[at : at + 1]
            if char == b"\\" and text[at + 1 : at + 3] == b"\r\n":
                at += 3
            elif char == b"\\" and text[at + 1 : at + 2] == b"\n":
                at += 2
            elif char in _BLANK or (inside and char == b"\n"):
                at += 1
            elif char == b"#" and not self._braced:
                end = text.find(b"\n", at)
                at = len(text) if end < 0 else end
            else:
                break
        return at

    def _string(self, prefix: bytes) -> None:
        quote = self._text[self._at : self._at + 1]
        self._before = quote
        self._bare = 0
        if self._text[self._at : self._at + 3] == quote * 3:
            quote = quote * 3
        self._copy(len(quote))
        while self._at < len(self._text):
            two = self._text[self._at : self._at + 2]
            if self._text[self._at : self._at + len(quote)] == quote:
                self._copy(len(quote))
                return
            if two[:1] == b"\\" or (b"f" in prefix and two in (b"{{", b"}}")):
                self._copy(2)
            elif b"f" in prefix and two[:1] == b"{":
                self._braces()
            elif two[:1] == b"\n" and len(quote) == 1:
                return  # not a string that ends: the compiler says so
            else:
                self._copy(1)

    def _braces(self) -> None:
        """Copy the code of an f-string up to its closing brace."""
        before = self._before
        self._copy(1)
        self._before = b"{"
        self._braced += 1
        self._code(b"}")
        self._braced -= 1
        self._before = before

    def _copy(self, count: int) -> None:
        self._out += self._text[self._at : self._at + count]
        self._at += count
