"""Source text as the chip's compiler reads it: with the chip's `errno` numbers, not the host's.

MicroPython's compiler replaces `errno.NAME` by its number, from a table that is built into the VM;
the Unix port's table has the host's numbers. So the text is given the chip's before it is compiled.
Strings and comments stay as they are; the braces of an f-string hold code.
"""

from .error_numbers import NUMBERS

_MARK = b"errno"
_NAME = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_BLANK = b" \t"
_QUOTES = b"'\""


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
    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0
        self._out = bytearray()

    def fold(self) -> bytes:
        self._code(b"")
        return bytes(self._out)

    def _code(self, end: bytes) -> None:
        """Copy code up to a closing character on its own level, or to the end of the text."""
        depth = 0
        while self._at < len(self._text):
            char = self._text[self._at : self._at + 1]
            if char in _NAME:
                self._word()
            elif char in _QUOTES:
                self._string(b"")
            elif char == b"#" and not end:
                self._copy_to(self._text.find(b"\n", self._at))
            elif char == end and not depth:
                return
            else:
                depth += (char in b"([{") - (char in b")]}")
                self._copy(1)

    def _word(self) -> None:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] in _NAME:
            self._at += 1
        word = self._text[start : self._at]
        if self._text[self._at : self._at + 1] in (b"'", b'"') and len(word) <= 2:
            self._out += word
            self._string(word.lower())
        elif word == _MARK and self._out[-1:] != b".":
            self._out += self._number() or word
        else:
            self._out += word

    def _number(self) -> bytes:
        """Return the number of the constant behind the word, b"" if there is none to replace."""
        at = self._skip(self._at)
        if self._text[at : at + 1] != b".":
            return b""
        start = at = self._skip(at + 1)
        while at < len(self._text) and self._text[at] in _NAME:
            at += 1
        name = self._text[start:at].decode()
        value = NUMBERS.get(name)
        if value is None or self._text[self._skip(at) :][:1] in (b".", b"(", b"["):
            return b""
        self._at = at
        return b"%d" % value

    def _skip(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in _BLANK:
            at += 1
        return at

    def _string(self, prefix: bytes) -> None:
        quote = self._text[self._at : self._at + 1]
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
                self._copy(1)
                self._code(b"}")
            elif two[:1] == b"\n" and len(quote) == 1:
                return  # not a string that ends: the compiler says so
            else:
                self._copy(1)

    def _copy(self, count: int) -> None:
        self._out += self._text[self._at : self._at + count]
        self._at += count

    def _copy_to(self, end: int) -> None:
        self._copy((len(self._text) if end < 0 else end) - self._at)
