"""The text of a file as editors of any system save it, and what is wrong with it as TOML."""

from __future__ import annotations

import codecs
import re
import tomllib
from typing import Any

_TABLE = re.compile(r"\(('[^']*'(?:, '[^']*')*),?\)")
_NAME = re.compile(r"'([^']*)'")


def decode_text(data: bytes) -> str:
    """Return UTF-8, with or without its mark, or UTF-16 or 32 with one, as text without the mark.

    Raises UnicodeDecodeError for anything else.
    """
    if marked := marked_as(data):
        return data.decode(marked)
    return data.decode("utf-8-sig")


def marked_as(data: bytes) -> str:
    """Return the encoding that a file's mark names, "utf-16" or "utf-32"; "" for none."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""


def nul_trace(text: str) -> tuple[str, str] | None:
    """Return what a file is whose text has many NULs, as a clause, and what to do; None for others."""
    body = text.rstrip("\0")
    count = len(text) - len(body)
    if count and "\0" not in body:
        return (
            f"ends in {count} zero bytes, as a file does that was cut short while it was saved",
            "Save or export it again.",
        )
    if text.count("\0") * 3 <= len(text):
        return None
    name = "utf-32" if text.count("\0") * 5 > len(text) * 3 else "utf-16"
    order = "be" if text.startswith("\0") else "le"
    return (
        f"looks like {name.upper()} without a byte order mark",
        f"Name it: --encoding {name}-{order}",
    )


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text says. Raises TOMLDecodeError for what is none, however deep it nests."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("lists or tables are nested too deep") from None


def toml_fault(error: ValueError) -> str:
    """Return what is wrong with a TOML text, with tables as they stand there: [net], not ('net',)."""
    return _TABLE.sub(lambda found: f"[{'.'.join(_NAME.findall(found[1]))}]", str(error))
