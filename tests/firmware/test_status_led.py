"""The LED tells the state of a device from across the room."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import startline_led as status_led

from startline_host.mock_cloud import MockCloud
from tests.firmware.conftest import MakeReader


class WatchedLed:
    """A pin and the timers, as `machine` has them: `levels` is what an eye would see."""

    OUT = 1

    def __init__(self) -> None:
        self.levels: list[int] = []
        self.numbers: list[int] = []
        self.running: list[SimpleNamespace] = []
        self.timers: tuple[int, ...] = (0, 1, 2, 3)
        self.taken: list[int] = []

    def pin(self, number: int, _direction: int) -> SimpleNamespace:
        """Give out a pin."""
        self.numbers.append(number)
        return SimpleNamespace(value=self.levels.append)

    def timer(self, number: int) -> SimpleNamespace:
        """Give out a timer. Raises ValueError for one that there is not."""
        if number not in self.timers:
            raise ValueError("invalid Timer number")
        self.taken.append(number)
        made = SimpleNamespace(period=0, callback=None)

        def init(*, period: int, callback: Callable[[object], None]) -> None:
            made.period, made.callback = period, callback
            self.running.append(made)

        made.init, made.deinit = init, lambda: self.running.remove(made)
        return made

    def watch(self, ticks: int) -> str:
        """Let the timer run so often; return the levels since the state was shown."""
        for _ in range(ticks):
            for timer in self.running:
                timer.callback(timer)
        return "".join(map(str, self.levels))


@pytest.fixture
def led(monkeypatch: pytest.MonkeyPatch) -> WatchedLed:
    """Put an LED in the place of the chip's, and no timer of another test."""
    made = WatchedLed()
    pin = type("Pin", (), {"OUT": 1, "__new__": lambda _, *told: made.pin(*told)})
    monkeypatch.setitem(sys.modules, "machine", SimpleNamespace(Pin=pin, Timer=made.timer))
    monkeypatch.setattr(status_led, "_timers", [])
    return made


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("bound", "1" * 20),
        ("unbound", "1" * 8 + "0" * 8 + "1" * 4),
        ("trying", "10" * 10),
        ("unknown", "1010000000" * 2),
        ("refused", "1010000000" * 2),
    ],
)
def test_each_state_has_its_pattern(led: WatchedLed, what: str, pattern: str) -> None:
    """Bound is steady, unbound blinks slowly, trying fast, unknown and refused twice a second."""
    status_led.show_state(5, what)
    seen = led.watch(19)
    assert seen.ljust(20, seen[-1]) == pattern
    assert led.numbers == [5]
    assert [timer.period for timer in led.running] == ([] if what == "bound" else [100])


@pytest.mark.parametrize(
    ("version", "timers", "taken"),
    [
        ((1, 23, 0), (-1, 0, 1, 2, 3), 2),  # takes any number, and 1, 3 and -1 reset a C3
        ((1, 24, 1), (-1, 0, 1, 2, 3), 2),
        ((1, 25, 0), (0, 1, 2, 3), 2),
        ((1, 27, 0), (0, 1), 0),  # a C3 or C6
        ((1, 29, 0, "preview"), (-1, 0, 1), -1),
    ],
)
def test_the_timer_is_one_that_there_is(
    led: WatchedLed,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, ...],
    timers: tuple[int, ...],
    taken: int,
) -> None:
    """Each firmware is asked for a timer that exists on every chip, and never for a dangerous one."""
    monkeypatch.setattr(sys, "implementation", SimpleNamespace(version=version))
    led.timers = timers
    status_led.show_state(5, "trying")
    assert led.taken == [taken]


def test_a_steady_led_takes_no_timer(led: WatchedLed) -> None:
    """A bound reader's LED leaves all timers to the application."""
    led.timers = ()
    status_led.show_state(5, "bound")
    assert led.levels == [1]


MACHINES = {
    "no pin": "class Pin:\n    OUT = 3\n    def __init__(self, *_):\n        raise ValueError\n",
    "no timer": "class Pin:\n    OUT = 3\n    def __init__(self, *_):\n        pass\n"
    "    def value(self, _):\n        pass\n"
    "class Timer:\n    def __init__(self, *_):\n        raise OSError(5)\n",
    "nothing": "",
}


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())
def test_an_led_that_fails_stops_nothing(
    make_reader: MakeReader, cloud: MockCloud, tmp_path: Path, machine: str
) -> None:
    """A board whose LED cannot be lit is bound all the same, and says so once."""
    reader = make_reader(led=2)
    (tmp_path / "machine.py").write_text(machine)
    reader.path.insert(0, str(tmp_path))
    boot = reader.boot()
    assert boot.state == "bound"
    assert [event["what"] for event in boot.all("warning")] == ["led"]
    assert "Traceback" not in boot.text
    assert reader.boot().state == "bound"


def test_a_low_level_may_light_it(led: WatchedLed) -> None:
    """A pin given plus 128 is lit by a low level."""
    status_led.show_state(128 + 2, "trying")
    assert led.watch(3) == "0101"
    assert led.numbers == [2]


def test_one_state_after_another(led: WatchedLed) -> None:
    """The pattern of the state before ends when another is shown."""
    status_led.show_state(5, "trying")
    status_led.show_state(5, "unknown")
    assert len(led.running) == 1
    status_led.show_state(5, "bound")
    assert led.running == []
