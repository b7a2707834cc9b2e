"""Tries the way to the cloud on a device, without touching its binding or its settings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec

from startline_host.device.console import Event
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.errors import Bug, StorageFailed
from startline_host.flows.field_settings import Name
from startline_host.flows.first_boot import boot_remedy
from startline_host.flows.notices import Listener, Notice, Step
from startline_host.flows.operator.device_session import device_session
from startline_host.flows.wifi_scan import scan_networks, with_networks
from startline_host.secrets import Secret
from startline_host.util import printable

#: Seconds for the device's try, whose own limit is a minute.
_LIMIT = 90.0


class NetworkTrial(msgspec.Struct, frozen=True):
    """What a try found: the address that the device was given, and whether TLS was verified."""

    serial: str
    address: str
    verified: bool

    def sentence(self, ssid: str | None) -> str:
        """Say how far it came in the Wi-Fi of that name, or in its own network without one."""
        network = f"the Wi-Fi {printable(ssid)}" if ssid else "its network"
        address = f", address {printable(self.address)}" if self.address else ""
        secure = "accepted its certificate" if self.verified else "connected in plain text"
        return (
            f"{printable(self.serial)} joined {network}{address}, reached its cloud and {secure}."
        )


def try_network(
    line: PortSession, changes: Mapping[Name, str | int | Secret], base_url: str, listen: Listener
) -> NetworkTrial:
    """Have the device join a network and connect to its cloud; then it restarts as it was.

    `changes` stand in for its own settings in this try only. `base_url` is where its connections
    are carried if they come by this cable. Raises NetworkFailed, TlsFailed or ClockWrong for the
    step that failed, and BadInput for a device that knows no cloud.
    """
    shown = {".".join(name): _plain(value) for name, value in changes.items()}
    if "net.ssid" in shown:
        shown.setdefault("net.link", "wifi")
    seen: dict[str, Event] = {}

    def hear(notice: Notice) -> None:
        if isinstance(notice, Event):
            seen[notice.name] = notice
        listen(notice)

    with device_session(line, hear) as device:
        serial = device.name
        _ = device.cloud  # a device that knows no cloud is refused
        if shown.get("net.link", "usb") == "usb":
            device.carry_to(base_url)
        listen(Step("Trying the way to the cloud"))
        seen.clear()
        try:
            outcome = device.run_command(
                f"try_network({shown!r})", _LIMIT, module="network_commands"
            )
        except (DeviceRaised, StorageFailed):
            raise Bug("The agent on the device could not try it.", "Please report it.") from None
        if outcome.failed_step:
            ssid = (
                "" if shown.get("net.link") == "usb" else str(shown.get("net.ssid", device.ssid))
            )
            scan = partial(scan_networks, device.repl)
            outcome = with_networks(outcome, ssid, scan, listen)
    if outcome.failed_step:
        failure = outcome.failure()
        failure.hint = f"Nothing was written. {boot_remedy(outcome)}"
        raise failure
    address = str(seen["link"].fields.get("address") or "") if "link" in seen else ""
    return NetworkTrial(serial, address, "tls" in seen)


def _plain(value: str | int | Secret) -> str | int:
    return value.reveal() if isinstance(value, Secret) else value
