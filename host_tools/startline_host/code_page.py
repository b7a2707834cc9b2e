"""Output on a terminal, or into a file, whose code page has few of the world's characters."""

from __future__ import annotations

import codecs
import io
from typing import TextIO

#: How common characters read where a terminal or a file has only a small code page.
_ASCII = {
    "\u2026": "...", "\u00b7": "-", "\u2013": "-", "\u2014": "-", "\u2192": "->", "\u2190": "<-",
    "\u2264": "<=", "\u2265": ">=", "\u00d7": "x", "\u2018": "'", "\u2019": "'", "\u201c": '"',
    "\u201d": '"', "\u00a0": " ", "\u2713": "v", "\u2714": "v", "\u2717": "x", "\u2022": "*",
}  # fmt: skip
_ASCII_NAME = "startline_ascii"
#: Box drawing and block elements, as rich draws tables and bars with them.
_LINES = range(0x2500, 0x25A0)


def make_encodable(*streams: TextIO) -> None:
    r"""Have text streams show what their code page lacks: in ASCII, else as `\xNN` or `\uNNNN`."""
    codecs.register_error("startline", _in_ascii)
    codecs.register(_plain_ascii)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            encoding = _ASCII_NAME if is_ascii else stream.encoding
            stream.reconfigure(encoding=encoding, errors="startline")


def _plain_ascii(name: str) -> codecs.CodecInfo | None:
    """Find ASCII under a name of our own: click writes UTF-8 where a stream says that it is ASCII."""
    if name != _ASCII_NAME:
        return None
    found = codecs.lookup("ascii")
    return codecs.CodecInfo(
        found.encode, found.decode, found.streamreader, found.streamwriter,
        found.incrementalencoder, found.incrementaldecoder, name=_ASCII_NAME,
    )  # fmt: skip


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_ascii_of, text)), error.end


def _ascii_of(character: str) -> str:
    if character in _ASCII:
        return _ASCII[character]
    if ord(character) in _LINES:
        return {"\u2500": "-", "\u2501": "-", "\u2502": "|", "\u2503": "|"}.get(character, "+")
    return character.encode("unicode_escape").decode("ascii")
