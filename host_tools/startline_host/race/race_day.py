"""A race day in a box: virtual readers and a mock cloud, through outages and power cuts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import msgspec

from startline_host.boards import load_board
from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, find_cloud
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision, make_bundle
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
from startline_host.formats.units import Unit
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.race.day_app import APP
from startline_host.race.day_reader import DayReader, DayStopped
from startline_host.race.day_result import DayResult, judge_day
from startline_host.race.day_script import DayOptions, DayOutage, DayPowerCut, write_script
from startline_host.secrets import Secret
from startline_host.virtual.time_server import TimeServer

_BOARD = "VIRTUAL_ESP32"
_MODEL = "Race day"
_BOOT_LIMIT = 30
#: Seconds that binding and opening, a start after a cut, and the sending at the end may take.
_BEGIN, _START, _END = 120.0, 60.0, 180.0
#: Seconds between two looks at the readers, and for their last words to be heard.
_REFRESH, _LAST_WORDS = 0.25, 1.5
_CLOUD_GONE = "status:503"

#: Is told what is going on, and of how the readers stand.
DayView = Callable[[str, Sequence[DayReader]], None]


class RaceDay:
    """One day in `folder`, which is empty; `run` once. Raises TimedOut where a reader never starts."""

    def __init__(self, options: DayOptions, folder: Path, show: DayView) -> None:
        self._options = options
        self._script = write_script(options)
        self._folder = folder
        self._show = show
        self._phase = "preparing"
        self._gun = 0.0
        self._stop = threading.Event()
        self._readers: list[DayReader] = []
        self._happened: list[DayOutage | DayPowerCut] = []

    def run(self) -> DayResult:
        """Race, and judge what came of it."""
        began = time.monotonic()
        bundle = self._bundle()
        with ExitStack() as stack:
            clock = stack.enter_context(TimeServer())
            cloud = stack.enter_context(
                find_cloud(DEFAULT_CLOUD).played.make_mock(MockOptions(seed=self._options.seed))
            )
            self._make_readers(bundle, cloud, clock)
            pool = ThreadPoolExecutor(2 * len(self._readers) + 3)
            try:
                pool.submit(self._watch)
                self._begin(pool)
                self._race(pool, cloud)
                self._finish(pool)
            finally:
                self._stop.set()  # also after Ctrl-C: nobody goes on with the day
                pool.shutdown()
                for reader in self._readers:
                    reader.power_off(cut=False)
            return judge_day(
                self._options,
                self._script,
                self._readers,
                cloud,
                bundle.table.get("race"),
                happened=self._happened,
                gun=self._gun,
                seconds=time.monotonic() - began,
            )

    def _bundle(self) -> FirmwareBundle:
        board = load_board(_BOARD)
        bundle = make_bundle(board, FirmwareStore(default_cache()).obtain(board))
        return msgspec.structs.replace(bundle, own={"/app.py": APP})

    def _make_readers(self, bundle: FirmwareBundle, cloud: MockCloud, clock: TimeServer) -> None:
        played = find_cloud(DEFAULT_CLOUD).played
        for number, ppm in enumerate(self._script.crystals, 1):
            unit = Unit(serial=f"DAY-{number}", model=_MODEL)
            settings = DeviceSettings(
                claim=played.claim(
                    played.base_url(cloud), Secret(cloud.keys["WRITE"]), unit.serial
                ),
                run=RunSettings(key=Secret("same")),
                net=NetSettings(ssid="bench", password=Secret("bench-wifi")),
                tls=TlsSettings(ca=(cloud.ca_der,)),
                set=OptionSettings(boot_limit=_BOOT_LIMIT),
                race=RacingSettings(dead_time=self._options.dead_time, servers=(clock.server,)),
            )
            flash = self._folder / f"{unit.serial}.flash"
            image = bundle.plan(vfs=True, fctry=Provision(unit, settings).image())
            flash.write_bytes(merged_image(image))
            mac = f"24:6f:28:00:01:{number:02x}"
            self._readers.append(DayReader(unit.serial, flash, mac, ppm, self._stop))

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        """Switch all readers on, and wait until each is bound, knows the time and has a session."""

        def begin(reader: DayReader) -> None:
            reader.power_on()
            reader.wait(_BEGIN, clock="ntp", sending="open")

        self._phase = "readers bind, and open their sessions"
        list(pool.map(begin, self._readers))

    def _race(self, pool: ThreadPoolExecutor, cloud: MockCloud) -> None:
        """Let the day take its course, each kind of thing in a thread of its own."""
        self._phase = "race"
        self._gun = time.time() + 1.0
        numbers = range(len(self._readers))
        jobs = [
            *(pool.submit(self._run_past, number) for number in numbers),
            *(pool.submit(self._cut_power, number) for number in numbers),
            pool.submit(self._play_outages, cloud),
            pool.submit(self._close_elsewhere, cloud),
        ]
        for job in jobs:
            job.result()

    def _finish(self, pool: ThreadPoolExecutor) -> None:
        """Close every session, and wait until all is at the cloud."""

        def finish(reader: DayReader) -> None:
            reader.wait(_START)
            reader.press_close()
            reader.wait(_END, sending="closed", waiting=0)
            time.sleep(_LAST_WORDS)

        self._phase = "last passings go out"
        list(pool.map(finish, self._readers))

    def _until(self, at: float) -> None:
        """Wait for a moment, in seconds after the gun. Raises DayStopped."""
        if self._stop.wait(max(0.0, self._gun + at - time.time())):
            raise DayStopped

    def _now(self) -> float:
        return time.time() - self._gun

    def _run_past(self, number: int) -> None:
        for sighting in self._script.sightings:
            if sighting.reader == number:
                self._until(sighting.at)
                self._readers[number].see(sighting)

    def _cut_power(self, number: int) -> None:
        reader = self._readers[number]
        for cut in self._script.cuts:
            if cut.reader == number:
                self._until(cut.begin)
                begin = self._now()
                reader.power_off()
                self._until(cut.end)
                reader.power_on()
                reader.wait(_START)
                self._happened.append(DayPowerCut(begin, self._now(), number))

    def _play_outages(self, cloud: MockCloud) -> None:
        for outage in self._script.outages:
            self._until(outage.begin)
            begin = self._now()
            self._switch(outage, cloud, there=False)
            self._until(outage.end)
            self._switch(outage, cloud, there=True)
            self._happened.append(DayOutage(begin, self._now(), outage.reader))

    def _switch(self, outage: DayOutage, cloud: MockCloud, *, there: bool) -> None:
        if outage.reader is not None:
            self._readers[outage.reader].set_wifi(there=there)
        elif there:
            cloud.faults.clear()
        else:
            cloud.faults.turn_on(_CLOUD_GONE)

    def _close_elsewhere(self, cloud: MockCloud) -> None:
        for at, number in self._script.closings:
            self._until(at)
            row = cloud.store.row(
                "SELECT token FROM sessions JOIN devices ON devices.id = device"
                " WHERE serial_number = ? AND closed IS NULL",
                self._readers[number].name,
            )
            if row is not None:
                cloud.close_session(row["token"])

    def _watch(self) -> None:
        while not self._stop.wait(_REFRESH):
            self._show(self._phase, self._readers)
