"""The LED tells the state of a device from across the room."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from startline import lamp


class Led:
    """A pin and the timers, as `machine` has them: `levels` is what an eye would see."""

    OUT = 1

    def __init__(self) -> None:
        self.levels: list[int] = []
        self.numbers: list[int] = []
        self.running: list[SimpleNamespace] = []

    def pin(self, number: int, _direction: int) -> SimpleNamespace:
        """Give out a pin."""
        self.numbers.append(number)
        return SimpleNamespace(value=self.levels.append)

    def timer(self, _number: int) -> SimpleNamespace:
        """Give out a timer."""
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
def led(monkeypatch: pytest.MonkeyPatch) -> Led:
    """Put an LED in the place of the chip's, and no timer of another test."""
    made = Led()
    pin = type("Pin", (), {"OUT": 1, "__new__": lambda _, *told: made.pin(*told)})
    monkeypatch.setitem(sys.modules, "machine", SimpleNamespace(Pin=pin, Timer=made.timer))
    monkeypatch.setattr(lamp, "_timers", [])
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
def test_each_state_has_its_pattern(led: Led, what: str, pattern: str) -> None:
    """Bound is steady, unbound blinks slowly, trying fast, unknown and refused twice a second."""
    lamp.show(5, what)
    seen = led.watch(19)
    assert seen.ljust(20, seen[-1]) == pattern
    assert led.numbers == [5]
    assert [timer.period for timer in led.running] == ([] if what == "bound" else [100])


def test_a_low_level_may_light_it(led: Led) -> None:
    """A pin given plus 128 is lit by a low level."""
    lamp.show(128 + 2, "trying")
    assert led.watch(3) == "0101"
    assert led.numbers == [2]


def test_one_state_after_another(led: Led) -> None:
    """The pattern of the state before ends when another is shown."""
    lamp.show(5, "trying")
    lamp.show(5, "unknown")
    assert len(led.running) == 1
    lamp.show(5, "bound")
    assert led.running == []
