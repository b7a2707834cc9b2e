"""The whole examination, in the order in which things would fail."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from startline_host.boards import Board
from startline_host.device.ports import UsbId, detect_port, list_serial_ports
from startline_host.errors import NoSuchPort
from startline_host.flows.doctor.check_cloud import examine_cloud
from startline_host.flows.doctor.check_firmware import examine_firmware
from startline_host.flows.doctor.check_port import examine_port
from startline_host.flows.doctor.check_tools import examine_tools
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


def examine(patient: DoctorContext) -> Iterator[DoctorFinding]:
    """Yield every finding as it is made. Nothing is written, bound, restarted or interrupted."""
    yield from examine_tools()
    yield examine_firmware(patient.board)
    yield from _ports(patient)
    yield from examine_cloud(patient.settings, patient.read_key, named=patient.settings_named)


def _ports(patient: DoctorContext) -> Iterator[DoctorFinding]:
    url = patient.port
    if url is None:
        try:
            url = detect_port(patient.usb_ids)
        except NoSuchPort as error:
            if any(port.usb_id in patient.usb_ids for port in list_serial_ports()):
                yield bad("port", error)
            else:
                yield note("port", error.message, error.hint)
            return
    yield from examine_port(url, patient.baud, patient.seconds)
