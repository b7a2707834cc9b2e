"""Words and numbers out of a device's events, fit for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from startline_host.util import printable

Fields = Mapping[str, Any]
_MISSING = "?"


def field_text(fields: Fields, name: str) -> str:
    """Return a field as it stands, `?` where there is none."""
    return printable(str(fields.get(name, _MISSING)))


def plain_words(value: object) -> str:
    """Return one of the device's or the cloud's words with spaces in it, never empty."""
    return printable(str(value)).replace("_", " ").strip() or "no reason given"


def seconds_text(ms: object) -> str:
    """Return milliseconds as `1.5 s`, `?` for what is no number."""
    return f"{ms / 1000:.1f} s" if isinstance(ms, int | float) else _MISSING
