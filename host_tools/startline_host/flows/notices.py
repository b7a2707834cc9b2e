"""What a flow tells whoever watches it: steps, remarks, transfers, and the device's own words."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from startline_host.device.bootloader import TransferProgress
from startline_host.device.console import ConsoleLine, Event


class Step(msgspec.Struct, frozen=True):
    """Something that takes a while begins."""

    text: str


class Remark(msgspec.Struct, frozen=True):
    """Something was found or done; `warning` where a person should care."""

    text: str
    warning: bool = False


Notice = Step | Remark | TransferProgress | Event | ConsoleLine
Listener = Callable[[Notice], None]


def ignore_notices(notice: Notice) -> None:
    """Take notices that nobody watches."""
