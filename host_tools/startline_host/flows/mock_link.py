"""How readers reach a mock cloud on this computer: over a Wi-Fi, or over their serial line."""

from __future__ import annotations

import socket

import msgspec

from startline_host.formats.factory_partition import NetSettings
from startline_host.secrets import Secret

LOOPBACK = "localhost"
#: What a mock listens on that a board on the Wi-Fi has to reach.
EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is for the time of a bench


class CloudLink(msgspec.Struct, frozen=True, kw_only=True):
    """How readers reach the bench's cloud; without an ssid a scenario's own Wi-Fi counts."""

    kind: str = "wifi"
    ssid: str = ""
    password: Secret | None = None

    @property
    def over_usb(self) -> bool:
        """Whether it is the serial line."""
        return self.kind == "usb"

    def net(self) -> NetSettings:
        """Return what a reader is told of it."""
        if self.over_usb:
            return NetSettings(link="usb")
        return NetSettings(ssid=self.ssid, password=self.password)

    def host_name(self, cloud_host: str = "") -> str:
        """Return the name by which a board reaches this computer: `cloud_host`, unless it is the line."""
        return LOOPBACK if self.over_usb else cloud_host or own_address()


def listens_on(name: str) -> str:
    """Return what a mock has to listen on to be reached by that name."""
    return LOOPBACK if name == LOOPBACK else EVERYWHERE


def own_address() -> str:
    """Return the address that this computer has in its own network; nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return LOOPBACK
        return str(probe.getsockname()[0])
