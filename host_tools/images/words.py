"""Sentences about parts that are named by their callers."""

from __future__ import annotations


def upper_first(text: str) -> str:
    """Return the text as it begins a sentence; names later in it keep their spelling."""
    return text[:1].upper() + text[1:]
