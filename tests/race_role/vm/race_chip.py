"""A chip for races: flash in memory, a clock that may be virtual and off, and a device on it."""

from fake_chip import FakeChip, RamFlash
from nor_flash import FullFlash, WornFlash
from startline.device import Device

MASK = (1 << 30) - 1
NOW = 1795000000  # 2026-11-18, as the tests' time servers say
TOKEN = "AB" * 32


class Values:
    """A namespace of `nvs` that keeps integers."""

    def __init__(self, store: dict) -> None:
        self.store = store

    def get_i32(self, key: str) -> int:
        """Return a number. Raises OSError where there is none."""
        if key not in self.store:
            raise OSError(-4354)
        return self.store[key]

    def set_i32(self, key: str, value: int) -> None:
        """Keep a number."""
        self.store[key] = value

    def commit(self) -> None:
        """Do nothing."""


class RaceChip(FakeChip):
    """Where `virtual`, its own microseconds go by only when it sleeps; `ppm` fast against UTC."""

    def __init__(self, parts: dict, plan: dict, virtual: bool = True, ppm: float = 0) -> None:
        super().__init__(parts, plan)
        self.virtual = virtual
        self.ppm = ppm
        self.true_us = 0  # since boot, by a perfect clock
        self.offset_us = plan.get("ticks", 0)  # what the counters began with
        self.rate = {}
        self.events = []

    def us(self) -> int:
        """Return the microseconds' counter."""
        if not self.virtual:
            import time

            return time.ticks_us() & MASK
        return int(self.own_us()) + self.offset_us & MASK

    def own_us(self):
        """Return what this crystal makes of the time since boot."""
        return self.true_us + int(self.true_us * self.ppm) // 1000000

    def ms(self) -> int:
        """Return the milliseconds' counter."""
        if not self.virtual:
            import time

            return time.ticks_ms() & MASK
        return (int(self.own_us()) + self.offset_us) // 1000 & MASK

    def since(self, ms: int) -> int:
        """Return the milliseconds that went by."""
        return (self.ms() - ms) & MASK

    def sleep(self, ms: int) -> None:
        """Let time go by."""
        if self.virtual:
            self.true_us += ms * 1000
        else:
            import time

            time.sleep_ms(ms)

    def unix(self) -> int:
        """Return the calendar clock."""
        return self._unix + self.true_us // 1000000

    def set_unix(self, seconds: int) -> None:
        """Set it."""
        self._unix = seconds - self.true_us // 1000000

    def nvs(self, namespace: str):
        """Return a namespace."""
        return Values(self.rate) if namespace == "race" else super().nvs(namespace)


def race_device(chip, bound: bool = True):
    """Return a device on a chip, as a bound boot leaves it; its events go to `chip.events`."""
    device = Device(chip)
    device.emit = lambda name, fields: chip.events.append((name, fields))
    device.print_line = lambda text: None
    device.identify()
    if bound:
        device.state = "bound"
        device.token = TOKEN
    return device


def make_chip(fctry: bytes, sectors: int = 16, flash=None, exact: bool = False, **options):
    """Return a chip with a provisioned identity and a blank journal, or that one."""
    parts = {
        "nvs": RamFlash(bytearray(b"\xff" * 0x6000)),
        "fctry": RamFlash(bytearray(fctry)),
        "race": flash or (WornFlash if exact else FullFlash)(sectors * 4096),
    }
    return RaceChip(parts, options.pop("plan", {}), **options)
