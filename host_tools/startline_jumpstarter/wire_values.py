"""Values as they were before they went over Jumpstarter's wire, whose numbers are all floats."""

from __future__ import annotations

from typing import Any


def as_sent(value: Any) -> Any:
    """Return a value of JSON's kinds with whole numbers as int again."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: as_sent(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_sent(one) for one in value]
    return value
