"""A way out for the sender that never holds the reader's program for long: generators that wait.

Each yields the milliseconds after which it wants to be resumed. Only resolving a name, which
blocks in C, and the arithmetic of a handshake hold whoever drives them.
"""

from startline.net import StepFailed

if False:  # for mypy; a device has none of these
    from collections.abc import Callable, Iterator
    from typing import Any

    from agent_types import Chip, Identity

_JOIN_STEPS = 400  # of 50 ms
_AGAIN_STEPS = 100  # after so many, a driver that has given up is asked once more
_CONNECTING = 1001  # the status of a driver that has not


class Network:
    """The link of this device; `sockets` is the module to connect through, once it is up."""

    def __init__(
        self, chip: "Chip", identity: "Identity", emit: "Callable[[str, dict[str, Any]], None]"
    ) -> None:
        self.chip = chip
        self.identity = identity
        self.emit = emit
        self.sockets = self.usb = self.wlan = None  # type: Any
        self.silent = 0  # failures in a row that a link without traffic would explain

    def up(self) -> "Iterator[int]":
        """Have the link up. Raises StepFailed."""
        if self.identity.text("net.link") == "usb":
            if not self.usb:
                from startline.roles import load_role

                role = load_role(self, "startline_usb")  # type: ignore[arg-type] # enough of one
                if not role:
                    raise StepFailed("link", "no_role")
                self.usb = self.sockets = role.UsbLink(self.chip, self.identity)
                self.usb.up(3000)
            return
        if not self.sockets:
            import socket

            self.sockets = socket
            self.wlan = self.chip.wlan()
        if not self.wlan.isconnected():
            yield from self._join()

    def _join(self) -> "Iterator[int]":
        name = self.identity.text("net.ssid")
        if not name:
            raise StepFailed("link", "no_ssid")
        wlan = self.wlan
        self.emit("link", {"kind": "wifi", "phase": "join"})
        for step in range(_JOIN_STEPS):
            if not step or (not step % _AGAIN_STEPS and wlan.status() != _CONNECTING):
                self._connect(name)
            if wlan.isconnected():
                return
            yield 50
        from startline.net.reasons import wifi_reason

        raise StepFailed("link", wifi_reason(wlan, wlan.status()))

    def _connect(self, name: str) -> None:
        wlan = self.wlan
        try:
            wlan.active(True)
            wlan.config(reconnects=2)
            wlan.connect(name, self.identity.text("net.password"))
        except (OSError, ValueError, RuntimeError):
            pass  # the driver is busy with the join before, which may yet succeed

    def failed(self, step: str, reason: str) -> None:
        """Join anew when a link has an address and, as it seems, no traffic."""
        self.silent = self.silent + 1 if step == "dns" or reason == "timeout" else 0
        if self.silent >= 3 and self.wlan:
            self.silent = 0
            try:
                self.wlan.disconnect()
            except OSError:
                pass
