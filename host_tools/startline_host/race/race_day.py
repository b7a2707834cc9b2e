"""A race day in a box: readers and a mock cloud, through outages and power cuts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, find_cloud
from startline_host.mock_cloud import MockCloud
from startline_host.race.day_reader import DayReader, DayStopped
from startline_host.race.day_result import DayResult, judge_day
from startline_host.race.day_script import DayOptions, DayOutage, DayPowerCut, write_script
from startline_host.race.day_venue import DayCloud, DayVenue

#: Seconds that binding and opening, a start after a cut, and the sending at the end may take.
_BEGIN, _START, _END = 120.0, 60.0, 180.0
#: Seconds between two looks at the readers, and for their last words to be heard.
_REFRESH, _LAST_WORDS = 0.25, 1.5
#: What stands for a cloud that is down, and for a network that leads nowhere.
_CLOUD_GONE, _NO_WAY = "status:503", "drop"

#: Is told what is going on, and of how the readers stand.
DayView = Callable[[str, Sequence[DayReader]], None]


class RaceDay:
    """One day at a venue; `run` once. Raises TimedOut where a reader never starts."""

    def __init__(self, options: DayOptions, venue: DayVenue, show: DayView) -> None:
        self._options = options
        self._script = write_script(options)
        self._venue = venue
        self._show = show
        self._phase = "preparing"
        self._gun = 0.0
        self._stop = threading.Event()
        self._readers: list[DayReader] = []
        self._happened: list[DayOutage | DayPowerCut] = []

    def run(self) -> DayResult:
        """Race, and judge what came of it."""
        began = time.monotonic()
        with ExitStack() as stack:
            clock = stack.enter_context(self._venue.time_server())
            mock = find_cloud(DEFAULT_CLOUD).played.make_mock
            cloud = stack.enter_context(mock(self._venue.mock_options(self._options.seed)))
            known = DayCloud(cloud, clock.server, self._options.dead_time)
            self._readers = stack.enter_context(
                self._venue.readers(self._script, known, self._stop)
            )
            self._play(cloud)
            return judge_day(
                self._options,
                self._script,
                self._readers,
                cloud,
                self._venue.row,
                happened=self._happened,
                gun=self._gun,
                seconds=time.monotonic() - began,
            )

    def _play(self, cloud: MockCloud) -> None:
        """Have the day from its beginning to its end; whatever ends it, all readers are let go."""
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

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        """Switch all readers on, and wait until each is bound, knows the time and has a session."""

        def begin(reader: DayReader) -> None:
            reader.power_on()
            reader.wait(_BEGIN, clock=reader.clock, sending="open")

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
            if cut.reader == number and reader.has_power_switch:
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
        reader = None if outage.reader is None else self._readers[outage.reader]
        if reader is not None and reader.has_link_switch:
            reader.set_link(there=there)
        elif there:
            cloud.faults.clear()
        else:  # a Wi-Fi that stays is one that leads nowhere
            cloud.faults.turn_on(_CLOUD_GONE if reader is None else _NO_WAY)

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
