"""A chip of RAM and wishes for the agent's tests; it runs on CPython and on MicroPython.

It has the shape of `startline.chip.Chip`. What a `plan` says goes wrong, goes wrong. Sleeping
costs no time: the clock is moved on instead.
"""

import os
import sys
import time

_UNIX = getattr(time, "time_ns", None)


def _ticks():
    return time.ticks_ms() if hasattr(time, "ticks_ms") else int(time.monotonic() * 1000)


class RamFlash:
    """NOR flash over a bytearray; `broken` is how many writes from now on are lost."""

    def __init__(self, data, broken=0):
        self.data = data
        self.size = len(data)
        self.broken = broken
        self.erased = []

    def read(self, offset, length):
        """Return bytes."""
        return bytearray(self.data[offset : offset + length])

    def program(self, offset, data):
        """Clear bits."""
        if self.broken:
            self.broken -= 1
            return
        for at in range(len(data)):
            self.data[offset + at] &= data[at]

    def erase(self, offset):
        """Set a sector's bits."""
        self.erased.append(offset)
        for at in range(offset, offset + 4096):
            self.data[at] = 0xFF


class FakeWlan:
    """A station that joins at once, or never."""

    def __init__(self, plan):
        self.plan = plan
        self.joined = False
        self.calls = []

    def isconnected(self):
        """Tell."""
        return self.joined

    def active(self, _on):
        """Switch on."""

    def config(self, **settings):
        """Take settings."""

    def connect(self, ssid, password):
        """Join."""
        self.calls.append((ssid, password))
        self.joined = "wifi_status" not in self.plan

    def status(self, what=None):
        """Return the state of the join."""
        if what == "rssi":
            if self.plan.get("associated"):
                return -40
            raise OSError("Wifi Not Connected")
        return self.plan["wifi_status"]

    def disconnect(self):
        """Leave."""
        self.joined = False


class FakeNvs:
    """The record's blob, durable once it is committed."""

    def __init__(self, chip, namespace):
        self.chip = chip
        self.pending = None

    def set_blob(self, _key, data):
        """Write."""
        if self.chip.plan.get("nvs_full"):
            raise OSError(-4357, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        self.pending = bytes(data)

    def commit(self):
        """Make it durable."""
        self.chip.record = self.pending


class FakeChip:
    """A chip with the partitions in `parts` (label: bytearray)."""

    def __init__(self, parts, plan=None, record=b""):
        self.plan = plan or {}
        self.parts = {label: RamFlash(parts[label]) for label in parts}
        self.record = record
        self.out = []
        self.slept = []
        self.rtc = b""
        self._skew = 0
        self._start = _ticks()
        self._unix = self.plan.get("clock", 946684800)
        self._wlan = FakeWlan(self.plan)

    def full(self):
        """Return this."""
        return self

    def write(self, text):
        """Print."""
        self.out.append(text)
        if self.plan.get("print"):
            sys.stdout.write(text)

    def ms(self):
        """Return milliseconds."""
        return _ticks() - self._start + self._skew

    def since(self, ms):
        """Return the difference."""
        return self.ms() - ms

    def sleep(self, ms):
        """Move the clock on."""
        self.slept.append(ms)
        self._skew += ms

    def mac(self):
        """Return the MAC."""
        return bytes(self.plan.get("mac", (0x24, 0x6F, 0x28, 0, 0, 1)))

    def powered_on(self):
        """Tell the cause of this boot."""
        return self.plan.get("cause", "power_on") == "power_on"

    def random(self, count):
        """Return random bytes."""
        return os.urandom(count)

    def flash(self, label):
        """Return a partition."""
        return self.parts.get(label)

    def blob(self):
        """Return the record's blob."""
        return self.record

    def nvs(self, namespace):
        """Return a namespace."""
        return FakeNvs(self, namespace)

    def unix(self):
        """Return the clock."""
        return self._unix + self.ms() // 1000

    def set_unix(self, seconds):
        """Set the clock."""
        self._unix = seconds - self.ms() // 1000

    def ntp(self, host):
        """Answer as a time server."""
        answer = self.plan.get("ntp", 1795000000)
        if isinstance(answer, dict):
            answer = answer.get(host)
        if answer is None:
            self.sleep(2000)
            raise OSError(116)
        return answer

    def wlan(self):
        """Return the station."""
        return self._wlan
