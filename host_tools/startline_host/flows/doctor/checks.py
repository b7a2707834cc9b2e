"""The whole examination, in the order in which things would fail."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from startline_host.boards import Board
from startline_host.device.ports import UsbId, detect_port, list_serial_ports
from startline_host.errors import NoSuchPort
from startline_host.flows.doctor.check_cloud import check_cloud
from startline_host.flows.doctor.check_firmware import check_firmware
from startline_host.flows.doctor.check_port import check_port
from startline_host.flows.doctor.check_tools import check_tools
from startline_host.flows.doctor.finding import DoctorFinding, bad, note
from startline_host.secrets import Secret


class DoctorContext(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be examined.

    Without a `port` one of `usb_ids` is looked for, and there may be none. `settings_named` says
    that somebody asked for that settings file. `seconds` is how long the line is listened to.
    """

    board: Board
    port: str | None
    usb_ids: Collection[UsbId]
    baud: int
    settings: Path
    settings_named: bool
    read_key: Secret | None
    seconds: float


def run_checks(context: DoctorContext) -> Iterator[DoctorFinding]:
    """Yield every finding as it is made. Nothing is written, bound, restarted or interrupted."""
    yield from check_computer(context)
    yield from check_ports(context)
    yield from check_settings(context)


def check_computer(context: DoctorContext) -> Iterator[DoctorFinding]:
    """Yield what there is to say of the tools here, and of the firmware that is to be loaded."""
    yield from check_tools()
    yield check_firmware(context.board)


def check_settings(context: DoctorContext) -> Iterator[DoctorFinding]:
    """Return what there is to say of the settings, and of the cloud that they name."""
    return check_cloud(context.settings, context.read_key, named=context.settings_named)


def check_ports(context: DoctorContext) -> Iterator[DoctorFinding]:
    """Yield what there is to say of the port, which nobody else may have meanwhile."""
    url = context.port
    if url is None:
        try:
            url = detect_port(context.usb_ids)
        except NoSuchPort as error:
            if any(port.usb_id in context.usb_ids for port in list_serial_ports()):
                yield bad("port", error)
            else:
                yield note("port", error.message, error.hint)
            return
    yield from check_port(url, context.baud, context.seconds)
