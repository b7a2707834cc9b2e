"""The Wi-Fi link: joins with a deadline, and says why it could not.

What the driver says of a join cannot be taken at its word at once: until a join has come to
something of its own, `status()` tells what became of the one before, and a join that has failed
is tried anew by the driver while its failure still shows. A scan takes 2.4 to 5 s, and whoever
disconnects meanwhile ends it. So a join is left alone for as long as three scans take before its
status counts, and nothing that may be scanning is ever disconnected.
"""

from . import StepFailed

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Chip, Identity

_IDLE = 1000
_CONNECTING = 1001
_JOIN_MS = 8000  # before that no status counts but an address
_LIMIT_MS = 20000  # for an address, once there is a signal
_STEP_MS = 50


class WifiLink:
    """The station interface; `sockets` is the module to connect through."""

    kind = "wifi"

    def __init__(self, chip: "Chip", identity: "Identity") -> None:
        import socket

        self.sockets = socket
        self.chip = chip
        self.wlan: Any = None
        self.text = identity.text

    def up(self, left: int) -> None:
        """Join the network within `left` milliseconds, 20 s at most. Raises StepFailed."""
        try:
            status = self.join(min(left, _LIMIT_MS))
        except (OSError, ValueError, RuntimeError, MemoryError):
            raise StepFailed("link", "no_radio")  # off, or out of memory
        if status:
            from .reasons import wifi_reason

            reason = wifi_reason(self.wlan, status)
            if reason == "no_address":
                self.down()  # joined, and given none: the next join may get one
            raise StepFailed("link", reason)

    def join(self, limit: int) -> int:
        """Join within `limit` milliseconds; return 0, or the status that it ended with.

        Raises StepFailed without a network to join, OSError and others as the driver does.
        """
        wlan = self.wlan = self.wlan or self.chip.wlan()
        if wlan.isconnected():
            return 0
        name = self.text("net.ssid")
        if not name:
            raise StepFailed("link", "no_ssid", True)
        wlan.active(True)
        wlan.config(reconnects=2)  # without a bound, the driver never says what is wrong
        try:
            wlan.connect(name, self.text("net.password"))
        except OSError:
            pass  # it is still busy with the join before: that may yet succeed
        waited = 0
        status = _CONNECTING
        while waited < limit and (waited < _JOIN_MS or status in (_IDLE, _CONNECTING)):
            self.chip.sleep(_STEP_MS)
            waited += _STEP_MS
            if wlan.isconnected():
                return 0
            status = wlan.status()
        return status

    def down(self) -> None:
        """Leave the network, so that the next `up` joins anew."""
        try:
            self.wlan.disconnect()
        except (AttributeError, OSError):
            pass  # it was never up
