"""What the tests of the whole way share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

SERIAL, MODEL = "DEVICE-123", "Model X1"
ALIAS = "Çıkış – Ñandú 起点"  # noqa: RUF001 - other alphabets are the point
#: One try is all that a device makes within so many seconds.
SHORT_BOOT = 6


class Done(msgspec.Struct, frozen=True):
    """How a command ended: exit code, results, and everything else that it said."""

    code: int
    out: str
    err: str

    def lines(self) -> list[dict[str, Any]]:
        """Return the JSON objects of `--json`, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


Startline = Callable[..., Done]
