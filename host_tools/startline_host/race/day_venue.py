"""Where a race day takes place, and what its readers are told of it: virtual readers on this computer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from startline_host.boards import load_board
from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, find_cloud
from startline_host.flows.firmware_bundle import Provision, make_bundle
from startline_host.flows.firmware_store import FirmwareStore, default_cache
from startline_host.formats.factory_partition import (
    DeviceSettings,
    NetSettings,
    OptionSettings,
    RacingSettings,
    RunSettings,
    TlsSettings,
)
from startline_host.formats.flash_plan import merged_image
from startline_host.formats.partitions import PartitionRow
from startline_host.formats.units import Unit
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.race.day_app import APP
from startline_host.race.day_reader import DayReader
from startline_host.race.day_script import DayScript
from startline_host.race.virtual_reader import VirtualDayReader
from startline_host.secrets import Secret
from startline_host.virtual.time_server import TimeServer

MODEL = "Race day"
_BOARD = "VIRTUAL_ESP32"
#: Seconds for a reader's first boot: one that is not bound then, or does not know, stays so.
_BOOT_LIMIT = 100


class DayCloud(msgspec.Struct, frozen=True):
    """The mock cloud of a day, who has the time ("" for nobody), and the dead time in milliseconds."""

    mock: MockCloud
    time_server: str
    dead_time: int

    @property
    def base_url(self) -> str:
        """What readers know it by."""
        return find_cloud(DEFAULT_CLOUD).played.base_url(self.mock)

    def provision(
        self, serial: str, net: NetSettings, extra: Mapping[str, str] | None = None
    ) -> Provision:
        """Return what a reader of the day is told; `extra` goes into its namespace `factory`."""
        claim = find_cloud(DEFAULT_CLOUD).played.claim(
            self.base_url, Secret(self.mock.keys["WRITE"]), serial
        )
        servers = (self.time_server,) if self.time_server else ()
        settings = DeviceSettings(
            claim=claim,
            run=RunSettings(key=Secret("same")),
            net=net,
            tls=TlsSettings(ca=(self.mock.ca_der,)),
            set=OptionSettings(boot_limit=_BOOT_LIMIT),
            race=RacingSettings(dead_time=self.dead_time, servers=servers),
        )
        return Provision(Unit(serial=serial, model=MODEL, extra=dict(extra or {})), settings)


class DayVenue(Protocol):
    """Where the readers of a day are; `row` is the partition of their journals."""

    row: PartitionRow

    def mock_options(self, seed: int) -> MockOptions:
        """Return what the mock cloud has to be like for the readers to reach it."""

    def time_server(self) -> TimeServer:
        """Return a server that has the time for them."""

    def readers(
        self, script: DayScript, cloud: DayCloud, stop: threading.Event
    ) -> AbstractContextManager[list[DayReader]]:
        """Have the readers at hand for the time of a day, each off; `stop` ends their waits."""


class VirtualVenue:
    """Virtual readers, whose flash is in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        board = load_board(_BOARD)
        bundle = make_bundle(board, FirmwareStore(default_cache()).obtain(board))
        self._bundle = msgspec.structs.replace(bundle, own={"/app.py": APP})
        self.row = self._bundle.table.get("race")

    def mock_options(self, seed: int) -> MockOptions:
        """Return those of a mock on loopback."""
        return MockOptions(seed=seed)

    def time_server(self) -> TimeServer:
        """Return one on loopback."""
        return TimeServer()

    @contextmanager
    def readers(
        self, script: DayScript, cloud: DayCloud, stop: threading.Event
    ) -> Iterator[list[DayReader]]:
        """Make one reader for each crystal of the day."""
        found: list[DayReader] = []
        for number, ppm in enumerate(script.crystals, 1):
            net = NetSettings(ssid="bench", password=Secret("bench-wifi"))
            provision = cloud.provision(f"DAY-{number}", net)
            flash = self._folder / f"{provision.unit.serial}.flash"
            image = self._bundle.plan(vfs=True, fctry=provision.image())
            flash.write_bytes(merged_image(image))
            mac = f"24:6f:28:00:01:{number:02x}"
            found.append(VirtualDayReader(provision.unit.serial, flash, mac, ppm, stop))
        yield found
