"""The text of a file as editors of any system save it, and what is wrong with it as TOML."""

from __future__ import annotations

import codecs
import re

_TABLE = re.compile(r"\(('[^']*'(?:, '[^']*')*),?\)")
_NAME = re.compile(r"'([^']*)'")


def decode_text(data: bytes) -> str:
    """Return UTF-8, with or without its mark, or UTF-16 or 32 with one, as text without the mark.

    Raises UnicodeDecodeError for anything else.
    """
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return data.decode("utf-32")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def toml_fault(error: ValueError) -> str:
    """Return what is wrong with a TOML text, with tables as they stand there: [net], not ('net',)."""
    return _TABLE.sub(lambda found: f"[{'.'.join(_NAME.findall(found[1]))}]", str(error))
