"""What the tests of the whole way share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec

from startline_host.device.port import open_port
from startline_host.virtual import VirtualEsp32

SERIAL, MODEL = "DEVICE-123", "Model X1"
ALIAS = "Çıkış – Ñandú 起点"
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


def at_its_prompt(chip: VirtualEsp32) -> bool:
    """Wait until the reader's program, which is short here, has come to its end."""
    deadline = time.monotonic() + 30
    with open_port(chip.url) as port:
        while time.monotonic() < deadline:
            port.write(b"\r")
            if b">>> " in port.read(1.0):
                return True
    return False


Startline = Callable[..., Done]
