"""The station side of the radio: one join at a time, judged by the world at each look."""

IDLE = 1000
CONNECTING = 1001
GOT_IP = 1010
BEACON_TIMEOUT = 200
NO_AP_FOUND = 201
WRONG_PASSWORD = 202

_SEARCH_MS = 100
"""How long a join that must fail keeps trying before it shows why."""


class Station:
    """The radio of one life; `ticks_ms()` never goes back."""

    def __init__(self, world, ticks_ms) -> None:
        self._world = world
        self._ticks_ms = ticks_ms
        self.active = False
        self.ssid = ""
        self.key = ""
        self.reconnects = -1
        self.hostname = "mpy-esp32"
        self._since: int | None = None
        self._was_up = False

    def join(self, ssid: str, key: str) -> None:
        """Start to join an access point."""
        self.ssid = ssid
        self.key = key
        self._since = self._ticks_ms()
        self._was_up = False

    def leave(self) -> None:
        """Stop joining, or let the connection go."""
        self._since = None

    def status(self) -> int:
        """Return the port's status code: what the last try came to, or that it goes on."""
        if not self.active or self._since is None:
            return IDLE
        waited = self._ticks_ms() - self._since
        point = self._world.access_points().get(self.ssid)
        if point is None:
            return NO_AP_FOUND if waited >= _SEARCH_MS else CONNECTING
        if (point.get("password") or self.key) != self.key:
            return WRONG_PASSWORD if waited >= _SEARCH_MS else CONNECTING
        if self._world.link_is_down():
            return BEACON_TIMEOUT if self._was_up and self.reconnects >= 0 else CONNECTING
        if waited < point.get("delay_ms", 0) or point.get("fault") == "no_address":
            return CONNECTING
        self._was_up = True
        return GOT_IP

    def is_connected(self) -> bool:
        """Tell whether there is an address."""
        return self.status() == GOT_IP

    def traffic_passes(self) -> bool:
        """Tell whether an access point carries what is sent (it may only pretend to)."""
        point = self._world.access_points().get(self.ssid) or {}
        return self.is_connected() and point.get("fault") != "no_traffic"

    def save(self) -> list:
        """Return what outlives a soft reboot: the radio is not reset by it."""
        return [self.active, self.ssid, self.key, self.reconnects, self._since]

    def restore(self, saved: list) -> None:
        """Take over what `save` returned."""
        self.active, self.ssid, self.key, self.reconnects, self._since = saved
