"""The chip of the current life: everything that the stand-in modules work on.

A life is one object. A harness that runs many lives in one VM makes a new `RuntimeChip` for each and
puts it in place with `use`; whatever still holds the old one can write nothing once it is dead.
"""

import time

from . import (
    crystal,
    nvs,
    nvs_errors,
    nvs_pending,
    partition_table,
    timers,
    uart_driver,
    vm_console,
    wifi_station,
)

CAUSES = {
    "power_on": 1,
    "hard": 1,  # EN powers the RTC domain down as well: the port sees a power-on
    "soft_reset": 2,
    "crash": 2,
    "wdt": 3,
    "deepsleep": 4,
    "soft": 5,
    "rescue": 5,
}
"""What `machine.reset_cause()` says, by the reason for which this life began."""

_current = [None]


class FlashWindow:
    """One partition of the flash, with offsets from its own start."""

    def __init__(self, flash, row) -> None:
        self._flash = flash
        self._start = row.offset
        self.size = row.size

    def read(self, offset: int, length: int) -> bytes:
        return self._flash.read(self._start + offset, length)

    def program(self, offset: int, data: bytes) -> None:
        self._flash.program(self._start + offset, data)

    def erase(self, offset: int, length: int) -> None:
        self._flash.erase(self._start + offset, length)


class RuntimeChip:
    """Flash, MAC (6 bytes), RTC memory, clock, radio, pins and serial ports of one life.

    `ticks_ms()` and `ticks_us()` count from its start; `crystal` tells the chip's time from real.
    """

    def __init__(
        self,
        flash,
        mac,
        world,
        clock,
        ticks_ms,
        cause="power_on",
        rtc=None,
        ticks_us=time.ticks_us,
    ) -> None:
        self.flash = flash
        self.mac = mac
        self.world = world
        self.clock = clock
        self.ticks_ms = ticks_ms
        self.ticks_us = ticks_us
        self.crystal = crystal.Crystal()
        self.cause = cause
        self.rtc = rtc or RtcMemory()
        self.station = wifi_station.WifiStation(world, ticks_ms)
        self.rows = partition_table.read_table(flash)
        self.pins: dict = {}
        self.objects: dict = {}
        self.timers: list = []
        self.program_time = timers.ProgramTime(ticks_us)
        self.interrupts: list = []
        self.in_callback = False
        self.uarts = {number: uart_driver.UartDriver(number) for number in (1, 2)}
        self.console = vm_console.SilentConsole()
        self.began_us = 0
        self._nvs = None

    def partition(self, label: str):
        """Return the row of a data partition, or None."""
        found = partition_table.find_row(self.rows, partition_table.TYPE_DATA, label=label)
        return found[0] if found else None

    def nvs(self):
        """Return the open `nvs` partition; like the port, erase it if it cannot be opened.

        Raises NvsError(PART_NOT_FOUND).
        """
        if self._nvs is None:
            row = self.partition("nvs")
            if row is None:
                raise nvs_errors.NvsError(nvs_errors.PART_NOT_FOUND)
            store = nvs.NvsStore(FlashWindow(self.flash, row), row.size)
            opened = nvs_pending.PendingNvs(store)
            try:
                opened.open()
            except nvs_errors.NvsError:
                store.erase_all()
                opened.open()
            self._nvs = opened
        return self._nvs

    def run_callback(self, callback) -> None:
        """Call back from a timer or an interrupt."""
        timers.run(self, callback)

    def power_off(self) -> None:
        """End this life: its flash refuses every write from now on."""
        self.flash.dead = True
        self.timers.clear()
        self.interrupts.clear()


class RtcMemory:
    """The bytes that outlive a reset but not a power-off; `changed` is called when they change."""

    SIZE = 2048

    def __init__(self, data: bytes = b"", changed=None) -> None:
        self.data = data
        self._changed = changed

    def set(self, data: bytes) -> None:
        """Replace the bytes. Raises ValueError for more than 2048."""
        if len(data) > self.SIZE:
            raise ValueError("buffer too long")
        self.data = bytes(data)
        if self._changed:
            self._changed()


def current() -> RuntimeChip:
    """Return the chip of this life."""
    return _current[0]


def use(chip: RuntimeChip) -> RuntimeChip:
    """Begin a life: `chip` is the one that every stand-in works on from now on."""
    _current[0] = chip
    return chip
