"""Words that came from a device, made fit for a person's terminal."""

from __future__ import annotations

import unicodedata

# Controls, format characters (they can turn text around), lone surrogates, line separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    r"""Return `text` with every control or format character shown as its escape, such as `\x1b`."""
    return "".join(
        character if unicodedata.category(character) not in _UNSAFE else _escape(character)
        for character in text.replace("\t", " ")
    )


def device_text(raw: bytes) -> str:
    r"""Decode a device's bytes as UTF-8 for display; what is none shows as `\xNN`."""
    return printable(raw.decode("utf-8", errors="backslashreplace"))


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
