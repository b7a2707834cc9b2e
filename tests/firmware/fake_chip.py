"""A chip of files and wishes for the agent's tests; it runs on CPython and on MicroPython.

It has the shape of `startline.chip.Chip`. What a `plan` says goes wrong, goes wrong:

    broken          {partition: how many of its next writes are lost}
    broken_after    {partition, or "nvs": after how many writes all others are lost}
    nvs_full        whether `nvs` takes no more
    wifi_status     what the join ends in, instead of an address; `associated`: with a signal
    ntp             a time server's Unix time, or {host: time}; null for no answer
    clock           the clock's Unix time after this reset
    cause           "power_on" or anything else
    mac             six numbers
    print           whether to print to standard output as well

Sleeping costs no time: the clock is moved on instead.
"""

import gc
import os
import sys
import time


def _ticks() -> int:
    return time.ticks_ms() if hasattr(time, "ticks_ms") else int(time.monotonic() * 1000)


class RamFlash:
    """NOR flash over a bytearray."""

    def __init__(self, data: bytearray) -> None:
        self.data = data
        self.size = len(data)
        self.broken = 0
        self.good = -1  # writes until all are lost; -1: none is
        self.erased = []

    def read(self, offset: int, length: int) -> bytearray:
        """Return bytes. Raises OSError for what is not all in the partition, as the driver does."""
        if not 0 <= offset <= offset + length <= self.size:
            raise OSError(-260, "ESP_ERR_INVALID_SIZE")
        return bytearray(self.data[offset : offset + length])

    def program(self, offset: int, data: bytes) -> None:
        """Clear bits."""
        if self.broken or not self.good:
            self.broken = max(0, self.broken - 1)
            return
        self.good -= 1
        old = self.read(offset, len(data))
        for at in range(len(data)):
            old[at] &= data[at]
        self.put(offset, old)

    def erase(self, offset: int) -> None:
        """Set a sector's bits."""
        self.erased.append(offset)
        self.put(offset, b"\xff" * 4096)

    def put(self, offset: int, data: bytes) -> None:
        """Replace bytes."""
        self.data[offset : offset + len(data)] = data


class FileFlash(RamFlash):
    """NOR flash in a file, which costs no memory."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = os.stat(path)[6]
        self.broken = 0
        self.good = -1
        self.erased = []

    def read(self, offset: int, length: int) -> bytearray:
        """Return bytes. Raises OSError for what is not all in the partition, as the driver does."""
        if not 0 <= offset <= offset + length <= self.size:
            raise OSError(-260, "ESP_ERR_INVALID_SIZE")
        data = bytearray(length)
        with open(self.path, "rb") as file:
            file.seek(offset)
            file.readinto(data)
        return data

    def put(self, offset: int, data: bytes) -> None:
        """Replace bytes."""
        with open(self.path, "r+b") as file:
            file.seek(offset)
            file.write(data)


class FakeNvs:
    """A namespace that can hold the record's blob, durable once it is committed."""

    def __init__(self, chip: "FakeChip") -> None:
        self.chip = chip
        self.pending = b""

    def set_blob(self, _key: str, data: bytes) -> None:
        """Write."""
        after = self.chip.plan.get("broken_after", {})
        if self.chip.plan.get("nvs_full") or after.get("nvs") == 0:
            raise OSError(-4357, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        if "nvs" in after:
            after["nvs"] -= 1
        self.pending = bytes(data)

    def erase_key(self, _key: str) -> None:
        """Forget."""
        self.pending = b""

    def commit(self) -> None:
        """Make it durable."""
        self.chip.keep(self.pending)


class FakeWlan:
    """A station that joins at once, or never."""

    def __init__(self, plan: dict) -> None:
        self.plan = plan
        self.joined = False
        self.asked = ()

    def isconnected(self) -> bool:
        """Tell whether there is an address."""
        return self.joined

    def active(self, _on: bool) -> None:
        """Switch on."""

    def config(self, reconnects: int) -> None:
        """Take a setting."""

    def connect(self, ssid: str, password: str) -> None:
        """Join."""
        self.asked = (ssid, password)
        self.joined = "wifi_status" not in self.plan

    def status(self, what: str = "") -> int:
        """Return the state of the join, or the signal. Raises OSError where there is none."""
        if what == "rssi":
            if self.plan.get("associated"):
                return -40
            raise OSError("Wifi Not Connected")
        return self.plan.get("wifi_status", 1000)

    def disconnect(self) -> None:
        """Leave."""
        self.joined = False


class FakeChip:
    """A chip with the partitions in `parts` (label: flash); `keep` is told of the record's blob."""

    def __init__(self, parts: dict, plan: dict, record: bytes = b"", keep=None) -> None:
        self.plan = plan
        self.parts = parts
        self.record = record
        self.out = []
        self.slept = []
        self.heap = 0
        self.station = FakeWlan(plan)
        self._keep = keep
        self._skew = 0
        self._start = _ticks()
        self._unix = plan.get("clock", 946684800)
        for label in plan.get("broken", {}):
            parts[label].broken = plan["broken"][label]
        for label in plan.get("broken_after", {}):
            if label in parts and label != "nvs":
                parts[label].good = plan["broken_after"][label]

    def full(self) -> "FakeChip":
        """Return the whole chip, which this is; import what a real one would, for its cost."""
        import startline.chip  # noqa: F401

        return self

    def write(self, text: str) -> None:
        """Print, and note what is in use of the heap."""
        if self.plan.get("print"):
            gc.collect()
            self.heap = max(self.heap, gc.mem_alloc())
            sys.stdout.write(text)
        else:
            self.out.append(text)

    def ms(self) -> int:
        """Return milliseconds since boot."""
        return _ticks() - self._start + self._skew

    def since(self, ms: int) -> int:
        """Return the milliseconds that went by."""
        return self.ms() - ms

    def sleep(self, ms: int) -> None:
        """Move the clock on."""
        self.slept.append(ms)
        del self.slept[:-50]
        self._skew += ms

    def mac(self) -> bytes:
        """Return the MAC."""
        return bytes(self.plan.get("mac", (0x24, 0x6F, 0x28, 0, 0, 1)))

    def powered_on(self) -> bool:
        """Tell why this boot began."""
        return self.plan.get("cause", "power_on") == "power_on"

    def random(self, count: int) -> bytes:
        """Return random bytes."""
        return os.urandom(count)

    def flash(self, label: str) -> "RamFlash | None":
        """Return a partition."""
        return self.parts.get(label)

    def nvs(self, _namespace: str) -> FakeNvs:
        """Return a namespace."""
        return FakeNvs(self)

    def blob(self) -> bytes:
        """Return the record's blob; import what a real one would, for its cost."""
        import startline.record  # noqa: F401

        return self.record

    def keep(self, record: bytes) -> None:
        """Take the record's blob."""
        self.record = record
        if self._keep:
            self._keep(record)

    def unix(self) -> int:
        """Return the clock."""
        return self._unix + self.ms() // 1000

    def set_unix(self, seconds: int) -> None:
        """Set the clock."""
        self._unix = seconds - self.ms() // 1000

    def ntp(self, host: str) -> int:
        """Answer as a time server. Raises OSError."""
        answer = self.plan.get("ntp")
        if isinstance(answer, dict):
            answer = answer.get(host)
        if answer is None:
            self.sleep(2000)
            raise OSError(116)
        return answer + self.ms() // 1000

    def wlan(self) -> FakeWlan:
        """Return the station."""
        return self.station
