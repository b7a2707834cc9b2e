"""The race that `make bench` ends with: 200 tags through a UART while Wi-Fi and power come and go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from startline_host.bench.scenarios.reader import Reader
from startline_host.bench.scenarios.transcript import Transcript
from startline_host.device.console import Event
from startline_host.device.event_text import describe_event
from startline_host.errors import Bug
from startline_host.virtual import VirtualEsp32
from startline_host.virtual.uhf_module import UhfModule
from startline_host.virtual.world_file import write_world

_RUNNERS = 200
_WIFI_GOES, _POWER_GOES, _WIFI_COMES = 60, 110, 140  # runners who have passed by then
_PAUSE = 0.05  # seconds from one runner to the next
_BUTTON = "0"
_PRESS, _HOLD = 0.3, 2.3
_SECONDS = 60.0
#: What is around the demo's reader while it has Wi-Fi.
WIFI: Mapping[str, object] = {"access_points": {"bench": {"password": "bench-wifi"}}}
_NO_WIFI: Mapping[str, object] = {"access_points": {}, "link_fault": "down"}


def _epc(runner: int) -> str:
    return f"E2801160600002054C3A{runner:04X}"


class DemoRace:
    """One race of a bound reader whose flash holds the example app.

    `world` is the file of what is around the reader, `passings` asks the cloud for all that it
    has, `note` says a line. Raises Bug where a passing is missing, doubled, invented, or out of
    order at the cloud; TimedOut.
    """

    def __init__(
        self,
        flash: Path,
        world: Path,
        passings: Callable[[], list[dict[str, Any]]],
        note: Callable[[str], None],
    ) -> None:
        self._flash = flash
        self._world = world
        self._passings = passings
        self._note = note
        self._wifi: Mapping[str, object] = WIFI
        self._seen: dict[str, float] = {}

    def run(self) -> None:
        """Time the race, and hold the cloud's list against what the module saw."""
        self._around()
        with self._reader() as (reader, module):
            self._until(reader, "the time is known", clock="ntp")
            self._press(reader, _PRESS)
            self._until(reader, "the session is open at the cloud", sending="open")
            self._pass(module, _WIFI_GOES)
            self._wifi = _NO_WIFI
            self._around()
            self._note(f"after {_WIFI_GOES} runners the Wi-Fi goes; they go on")
            self._pass(module, _POWER_GOES)
            self._until(reader, "all are in flash", stored=_POWER_GOES)
        self._note("the power goes: kill -9")
        with self._reader() as (reader, module):
            self._note("power again, and still no Wi-Fi; the session goes on")
            self._pass(module, _WIFI_COMES)
            self._wifi = WIFI
            self._around()
            self._note(f"after {_WIFI_COMES} runners the Wi-Fi is back")
            self._pass(module, _RUNNERS)
            self._until(reader, "all are in flash", stored=_RUNNERS)
            self._press(reader, _HOLD)
            self._until(reader, "the session is closed at the cloud", sending="closed", waiting=0)
        self._check()

    @contextmanager
    def _reader(self) -> Iterator[tuple[Reader, UhfModule]]:
        """Switch the reader on with its module, and cut its power in the end."""
        with VirtualEsp32(self._flash, world=self._world, uart1=0) as chip:
            with Reader(chip.url, Transcript([])) as reader:
                reader.power_off()
                reader.power_on()
                with UhfModule(chip.uart1_url or "") as module:
                    reader.follow(
                        lambda _: module.wait_until_started(0), _SECONDS, "asking for tags"
                    )
                    yield reader, module
            chip.kill()

    def _around(self, **pins: int) -> None:
        write_world(self._world, {**self._wifi, "pins": pins})

    def _press(self, reader: Reader, seconds: float) -> None:
        self._around(**{_BUTTON: 0})
        reader.settle(seconds)
        self._around(**{_BUTTON: 1})

    def _pass(self, module: UhfModule, until: int) -> None:
        for runner in range(len(self._seen) + 1, until + 1):
            module.see(_epc(runner), -40 - runner % 30)
            self._seen[_epc(runner)] = time.time()
            time.sleep(_PAUSE)

    def _until(self, reader: Reader, what: str, **fields: object) -> None:
        """Listen until the reader's last word of its race has these fields, and say it."""

        def last() -> Event | None:
            told = [event for event in reader.cycle.events if event.name == "race"]
            return told[-1] if told else None

        def holds(_: Reader) -> bool:
            event = last()
            return event is not None and all(event.fields.get(k) == v for k, v in fields.items())

        reader.follow(holds, _SECONDS, what)
        event = last()
        if event is not None:
            self._note(describe_event(event))

    def _check(self) -> None:
        found = self._passings()
        chips = [one["chip"] for one in found]
        if chips != list(self._seen):
            missing = self._seen.keys() - set(chips)
            raise Bug(f"The cloud has {len(chips)} passings, and lacks {len(missing)}.")
        times = [datetime.fromisoformat(one["timestamp"]).timestamp() for one in found]
        if times != sorted(times):
            raise Bug("The passings' times are out of order.")
        late = sorted(when - seen for when, seen in zip(times, self._seen.values(), strict=True))
        self._note(
            f"The cloud has all {len(found)} passings once, in order. Their times are "
            f"{1000 * late[len(late) // 2]:.0f} ms (median) and {1000 * late[-1]:.0f} ms (latest) "
            "behind the module's sighting."
        )
