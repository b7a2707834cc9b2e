"""What is around the unit, and changes while it lives: clocks that jump, networks that come late.

A spec says it with these members:

    ntp       offsets from the true time in seconds, one for each time that a server is asked, in
              turn; null for no answer; the last one stays
    wakes     what the clock shows after each power-on, as "YYYY-MM-DD"; the last one stays
    network   {"late": S}: the access point is there S seconds after each power-on;
              {"gone": [S, T]}: it goes in between; {"mended": S}: until then its password is
              another one
"""

from runtime import clock
from runtime.world import RuntimeWorld

_NAME = b"bench"
_POINT = {"password": "bench-wifi"}
_OTHER = {"password": "another-wifi"}


class Environment(RuntimeWorld):
    """The world of one lifetime; `offline` takes every network away."""

    def __init__(self, spec: dict, time, reached) -> None:
        super().__init__(lambda: spec.get("world", {}))
        self.offline = False
        self._time = time
        self._reached = reached
        self._network = spec.get("network")
        self._ntp = list(spec.get("ntp", ()))
        self._wakes = list(spec.get("wakes", ()))
        self._offset = 0
        self._began_us = 0
        self._missed = False

    def begin_life(self) -> None:
        """Note that the unit is switched on."""
        self._began_us = self._time.now_us
        self._missed = False

    def access_points(self) -> dict:
        """Return the access points in reach by their names' bytes."""
        if self.offline:
            return {}
        if not self._network:
            return super().access_points()
        seconds = (self._time.now_us - self._began_us) / 1_000_000
        network = self._network
        there = seconds >= network.get("late", 0)
        if "gone" in network:
            there = not network["gone"][0] <= seconds < network["gone"][1]
        point = _POINT if seconds >= network.get("mended", 0) else _OTHER
        if not there or point is _OTHER:
            self._missed = True
        elif self._missed:
            self._missed = False
            self._reached.note("network")
        return {_NAME: point} if there else {}

    def ntp_offset(self, server: str) -> "float | None":
        """Return a time server's offset in seconds, None for no answer."""
        if not self._ntp:
            return super().ntp_offset(server)
        offset = self._ntp.pop(0) if len(self._ntp) > 1 else self._ntp[0]
        if offset != self._offset:
            self._reached.note("jump")
            self._offset = offset
        return offset

    def power_on_us(self) -> int:
        """Return what the clock shows after power-on, in microseconds since 2000."""
        if not self._wakes:
            return super().power_on_us()
        self._reached.note("jump")
        return clock.from_text(self._wakes.pop(0) if len(self._wakes) > 1 else self._wakes[0])
