"""A virtual reader on a race day: its chip on one flash through all power cuts, and its modules."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from startline_host.device.console import ConsoleLine, ConsoleParser, Event
from startline_host.device.port import open_port
from startline_host.errors import NoSuchPort
from startline_host.formats.partitions import PartitionRow
from startline_host.race.day_app import CLOSE_PIN, STORED
from startline_host.race.day_reader import DayReader
from startline_host.race.day_script import DaySighting
from startline_host.virtual import VirtualEsp32
from startline_host.virtual.uhf_module import UhfModule
from startline_host.virtual.world_file import write_world

_WIFI: Mapping[str, object] = {"access_points": {"bench": {"password": "bench-wifi"}}}
_NO_WIFI: Mapping[str, object] = {"access_points": {}, "link_fault": "down"}
_SLICE = 0.1


class VirtualDayReader(DayReader):
    """A reader whose program is `day_app.APP`, with two UHF modules at its UARTs."""

    def __init__(
        self, name: str, flash: Path, mac: str, ppm: float, stop: threading.Event
    ) -> None:
        super().__init__(name, ppm, stop)
        self.flash = flash
        self._mac = mac
        self._world = flash.with_suffix(".json")
        self._chip: VirtualEsp32 | None = None
        self._modules: dict[int, UhfModule] = {}
        self._listener: threading.Thread | None = None
        self._off = threading.Event()
        self._pins: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def listening(self) -> bool:
        """Whether it has power, and has started its modules."""
        return bool(self._modules) and all(
            one.wait_until_started(0) for one in list(self._modules.values())
        )

    def power_on(self) -> None:
        """Give it power: a new life on the flash that the last one left."""
        self._write_world()
        self._begin_life()
        self._off.clear()
        self._chip = VirtualEsp32(
            self.flash,
            raw=True,
            mac=self._mac,
            world=self._world,
            uart1=0,
            uart2=0,
            ppm=self.ppm or 0.0,
        )
        self._listener = threading.Thread(target=self._listen, args=(self._chip.raw_url,))
        self._listener.start()
        with self._lock:
            self._modules = {
                1: UhfModule(self._chip.uart1_url or ""),
                2: UhfModule(self._chip.uart2_url or ""),
            }

    def power_off(self, *, cut: bool = True) -> None:
        """Take its power away: nothing that it was doing ends properly."""
        self._off.set()
        if cut:
            self.cut_lives.add(self.life)
        if self._chip is not None:
            self._chip.kill()
            self._chip = None
        with self._lock:
            modules, self._modules = self._modules, {}
        for module in modules.values():
            module.__exit__(None, None, None)
        if self._listener is not None:
            self._listener.join()
            self._listener = None

    def set_link(self, *, there: bool) -> None:
        """Take its Wi-Fi away, or give it back."""
        self.online = there
        self._write_world()

    def press_close(self) -> None:
        """Close its session by the input that does so."""
        self._pins = {CLOSE_PIN: 0}
        self._write_world()

    def see(self, sighting: DaySighting) -> None:
        """Have an antenna tell of a chip, if somebody listens."""
        with self._lock:
            module = self._modules.get(sighting.antenna)
            at = time.time()
            heard = module is not None and module.see(sighting.chip, sighting.rssi)
            self._note(at, sighting, heard=heard)

    def journal(self, row: PartitionRow) -> bytes:
        """Return its journal, out of its flash."""
        return self.flash.read_bytes()[row.offset : row.end]

    def _write_world(self) -> None:
        write_world(self._world, {**(_WIFI if self.online else _NO_WIFI), "pins": self._pins})

    def _listen(self, url: str) -> None:
        console = ConsoleParser()
        with contextlib.suppress(NoSuchPort), open_port(url) as port:
            while not self._off.is_set():
                for item in console.feed(port.read(_SLICE)):
                    self._take(item)

    def _take(self, item: Event | ConsoleLine) -> None:
        super()._take(item)
        if not isinstance(item, Event) and item.line.startswith(STORED):
            self.promised[item.line.split()[-1]] = time.time()
