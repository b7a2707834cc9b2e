"""What a run of the line makes its units of, what comes into its slots, and how work on it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from startline_host.factory.label_layout import LabelSize
from startline_host.flows.notices import Remark

if TYPE_CHECKING:
    from pathlib import Path

    from startline_host.boards import Board
    from startline_host.flows.firmware_bundle import FirmwareBundle
    from startline_host.formats.factory_partition import DeviceSettings
    from startline_host.secrets import Secret

#: How the work on a board can end.
ENDS = ("passed", "deferred", "seen", "failed", "no serial", "stopped")


class LinePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What all units of a run share.

    `verify` asks the cloud about each unit, with `read_key` where it has a list; `defer` ends
    after loading, `labels` is a folder for SVG labels, `tries` counts goes on one board,
    `boot_limit` is in seconds. `overwrite` replaces files of a board's owner, saved first.
    """

    batch: str
    board: Board
    bundle: FirmwareBundle
    settings: DeviceSettings
    read_key: Secret | None = None
    verify: bool = True
    defer: bool = False
    labels: Path | None = None
    label_size: LabelSize = LabelSize()
    tries: int = 2
    flash_baud: int | None = None
    boot_limit: float | None = None
    overwrite: bool = False


class UnitIdentified(Remark, frozen=True):
    """A board was recognised, or given its serial number."""

    serial: str = ""


class UnitResult(msgspec.Struct, frozen=True, kw_only=True):
    """How the work on a board ended: `end` out of `ENDS`, with the reason's name and a sentence."""

    end: str
    serial: str = ""
    mac: str = ""
    reason: str = ""
    words: str = ""
    seconds: float = 0.0
    exit_code: int = 0


class ConnectedBoard(Protocol):
    """A board in a slot."""

    @property
    def url(self) -> str:
        """Where it is reached at this moment."""

    def power_cycle(self) -> bool:
        """Take its power away and give it back; tell whether that could be done."""
