"""Which serial ports this computer has, and which of them look like a reader."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec
from serial.tools import list_ports

from startline_host.errors import NoSuchPort

#: USB vendor and product ids, as a board profile lists them.
UsbId = tuple[int, int]


class PortInUse(NoSuchPort):
    """The port is there, and somebody else has it."""


class PortInfo(msgspec.Struct, frozen=True):
    """A port of this computer; the USB members are None for a port that is not on USB.

    `location` is the socket it hangs on, "1-1.4": it stays when the port's name does not.
    """

    url: str
    description: str
    vendor: int | None = None
    product: int | None = None
    serial_number: str | None = None
    location: str | None = None

    @property
    def usb_id(self) -> UsbId | None:
        """The pair that board profiles name."""
        if self.vendor is None or self.product is None:
            return None
        return (self.vendor, self.product)


def list_serial_ports() -> list[PortInfo]:
    """Return the computer's serial ports, those on USB first, each group by name."""
    found = [
        PortInfo(
            port.device,
            port.description or "",
            port.vid,
            port.pid,
            port.serial_number,
            port.location,
        )
        for port in list_ports.comports()
    ]
    return sorted(found, key=lambda port: (port.usb_id is None, port.url))


def find_port(device: PortInfo, ports: Iterable[PortInfo]) -> str | None:
    """Return where a USB device is now, by its ids and serial number; None where it is not.

    A device without a serial number is found only as long as it is the only one of its kind.
    """
    alike = [port for port in ports if port.usb_id == device.usb_id]
    same = [port for port in alike if port.serial_number == device.serial_number]
    if device.serial_number is None and len(alike) != 1:
        return None
    return same[0].url if len(same) == 1 else None


def describe_ports() -> str:
    """Say in one sentence which ports are there."""
    names = [port.url for port in list_serial_ports()]
    if not names:
        return "This computer has no serial port; `startline virtual` makes one without hardware."
    return f"There {'is' if len(names) == 1 else 'are'}: {', '.join(names)}."


def detect_port(usb_ids: Collection[UsbId]) -> str:
    """Return the one port whose USB id a board profile names.

    Raises NoSuchPort where there is none, or more than one to choose from.
    """
    fitting = [port.url for port in list_serial_ports() if port.usb_id in usb_ids]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise NoSuchPort(
            f"More than one port could be the reader: {', '.join(fitting)}.",
            "Name one with -p or STARTLINE_PORT.",
        )
    raise NoSuchPort(
        "No port looks like a reader.", f"Name one with -p or STARTLINE_PORT. {describe_ports()}"
    )


def process_holding(path: str) -> str | None:
    """Name the process that has a device file open, where the system lets one look (Linux)."""
    target = os.path.realpath(path)
    for link in _open_files():
        try:
            if str(link.readlink()) == target:
                process = link.parent.parent
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f"process {process.name} ({name})"
        except OSError:
            continue  # It ended, or is another user's.
    return None


def _open_files() -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            yield from (process / "fd").iterdir()
        except OSError:
            continue
