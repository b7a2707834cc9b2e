"""What the last `--json` line of `line` holds, of a run and of a dry run."""

from __future__ import annotations

from typing import Annotated

import msgspec

from startline_host.json_output import ResultLine, Rows


class LineEnded(ResultLine, kw_only=True, frozen=True):
    """`line`: each board that ends is an event; `batch` counts units by state."""

    seconds: float
    ends: dict[str, int]
    reasons: dict[str, int]
    batch: dict[str, int]
    agrees: bool | None


class LinePlanned(ResultLine, kw_only=True, frozen=True):
    """`line` with --dry-run: what it would do; `batch` counts units by state."""

    batch: dict[str, int]
    board: Annotated[str, msgspec.Meta(description="board profile with its variant")]
    micropython: Annotated[str, msgspec.Meta(description="MicroPython's version to be loaded")]
    next_serial: Annotated[
        str,
        msgspec.Meta(description="the next unit that a blank board becomes; empty without one"),
    ]
    steps: Annotated[
        Rows,
        msgspec.Meta(
            description="what a blank board gets, one object each: action, what, size, why"
        ),
    ]
    slots: Annotated[
        Rows,
        msgspec.Meta(
            description="what becomes of each board that is there: slot, serial, mac, steps; would "
            "is load, verify, leave or fail, with reason, words and exit_code"
        ),
    ]
