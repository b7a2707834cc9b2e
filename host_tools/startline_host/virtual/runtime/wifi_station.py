"""The station side of the radio: the driver's tries to join, and what the port makes of them.

After ports/esp32/network_wlan.c, 1.23 to 1.27: `status()` shows the reason of the last
disconnection until an address is there, so that what became of one join still shows while the next
is under way; a try that fails is followed by another, `reconnects` times, without a word. A scan
for a network that is not there takes 2.4 s at least, and `disconnect()` ends it.
"""

from .world import raw_bytes

IDLE = 1000
CONNECTING = 1001
GOT_IP = 1010
ASSOC_LEAVE = 8
BEACON_TIMEOUT = 200
NO_AP_FOUND = 201
WRONG_PASSWORD = 202

_SHOWN_AT_ONCE = (NO_AP_FOUND, WRONG_PASSWORD)
"""Reasons that the port shows while the driver still tries; others only when it has given up."""

SCAN_MS = 2400
_AUTH_MS = 400
_JOIN_MS = 100
"""A chip takes ten times as long; whoever believes a stale status does so within this."""


class WifiStation:
    """The radio of one life; `ticks_ms()` never goes back."""

    def __init__(self, world, ticks_ms) -> None:
        self._world = world
        self._ticks_ms = ticks_ms
        self.active = False
        self.ssid = b""
        self.key = b""
        self.reconnects = -1
        self.hostname = "mpy-esp32"
        self._wanted = False
        self._failures = 0
        self._began: int | None = None
        self._in_reach = False
        self._up = False
        self._reason = 0

    def points(self) -> dict:
        """Return the access points that are on the air by now, by their names' bytes."""
        if self._world.link_is_down():
            return {}
        now = self._ticks_ms()
        known = self._world.access_points()
        return {name: known[name] for name in known if now >= known[name].get("after_ms", 0)}

    def join(self, ssid: bytes, key: bytes) -> None:
        """Start to join an access point."""
        self.ssid = ssid
        self.key = key
        self._wanted = True
        self._failures = 0
        self._up = False
        self._try(self._ticks_ms())

    def leave(self) -> None:
        """Stop joining, or let the connection go; who only scans just stops."""
        if self.is_associated():
            self._reason = ASSOC_LEAVE
        self._wanted = self._up = False
        self._began = None

    def is_busy(self) -> bool:
        """Tell whether the driver is trying to join, and takes no other join."""
        self._catch_up()
        return self._began is not None and not self._up

    def is_connected(self) -> bool:
        """Tell whether there is an address."""
        self._catch_up()
        return self._up

    def is_associated(self) -> bool:
        """Tell whether an access point has let the station in, with an address or without."""
        self._catch_up()
        if self._up or self._began is None:
            return self._up
        point = self.points().get(self.ssid)
        waited = self._ticks_ms() - self._began
        return (
            self._in_reach
            and point is not None
            and point.get("fault") == "no_address"
            and waited >= point.get("delay_ms", _JOIN_MS)
        )

    def status(self) -> int:
        """Return the port's status code."""
        self._catch_up()
        if self._up:
            return GOT_IP
        if self._reason in _SHOWN_AT_ONCE:
            return self._reason
        if self._reason == ASSOC_LEAVE:
            return IDLE
        if self._wanted and (self.reconnects < 0 or self._failures <= self.reconnects):
            return CONNECTING
        return self._reason or IDLE

    def traffic_passes(self) -> bool:
        """Tell whether an access point carries what is sent (it may only pretend to)."""
        point = self.points().get(self.ssid) or {}
        return self.is_connected() and point.get("fault") != "no_traffic"

    def save(self) -> list:
        """Return what outlives a soft reboot: the radio is not reset by it."""
        return [
            self.active, self.ssid.hex(), self.key.hex(), self.reconnects, self._wanted,
            self._failures, self._began, self._in_reach, self._up, self._reason,
        ]  # fmt: skip

    def restore(self, saved: list) -> None:
        """Take over what `save` returned."""
        (
            self.active, ssid, key, self.reconnects, self._wanted,
            self._failures, self._began, self._in_reach, self._up, self._reason,
        ) = saved  # fmt: skip
        self.ssid, self.key = bytes.fromhex(ssid), bytes.fromhex(key)

    def _try(self, when: int) -> None:
        """Begin a try; a network that is not there by then is not found in it."""
        self._began = when
        self._in_reach = self.ssid in self.points()

    def _fail(self, reason: int, when: int) -> None:
        """End a try, or a connection, and begin the next try if there is to be one."""
        self._up = False
        self._began = None
        self._reason = reason
        self._failures += 1
        if self._wanted and (self.reconnects < 0 or self._failures <= self.reconnects):
            self._try(when)

    def _catch_up(self) -> None:
        """Let happen what has happened since the last look."""
        now = self._ticks_ms()
        point = self.points().get(self.ssid)
        if self._up and point is None:
            self._fail(BEACON_TIMEOUT, now)
        while self._began is not None and not self._up:
            began = self._began
            if not self._in_reach or point is None:
                after, reason = SCAN_MS, NO_AP_FOUND
            elif (raw_bytes(point.get("password") or "") or self.key) != self.key:
                after, reason = _AUTH_MS, WRONG_PASSWORD
            else:
                after, reason = point.get("delay_ms", _JOIN_MS), 0
            if now - began < after:
                return
            if reason:
                self._fail(reason, began + after)
            elif point.get("fault") == "no_address":
                return
            else:
                self._up = True
                self._reason = 0
