"""What a panel is started with."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from startline_host.device.port import DEFAULT_BAUD
from startline_host.flows.doctor.checks import DoctorContext
from startline_host.flows.operator.cloud_target import CloudTarget
from startline_host.secrets import Secret


def no_cloud() -> CloudTarget | None:
    """Name no cloud."""
    return None


class PanelOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which reader is looked at, and what the page may do.

    `url` and `baud` are of the reader's port, `http_port` is the page's (0: any that is free).
    Without `control` nothing on the reader can be changed. `find_cloud` says which cloud it may be
    compared with or carried to, and is asked anew each time; `carry_to` is the base URL that the
    connections of a reader with link = "usb" are carried to all the time, "" for none. `doctor` is
    what the checks look at.
    """

    url: str
    doctor: DoctorContext
    baud: int = DEFAULT_BAUD
    http_port: int = 0
    control: bool = False
    find_cloud: Callable[[], CloudTarget | None] = no_cloud
    carry_to: str = ""
    read_key: Secret | None = None
