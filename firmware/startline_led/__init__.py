"""The LED: unbound blinks slowly, trying fast, bound is steady, unknown and refused blink twice."""

import sys

if False:  # for mypy; a device has none of these
    from typing import Any

_timers: "list[Any]" = []


def show_state(pin: int, what: str) -> None:
    """Show a state, or "trying", on a pin: its number, plus 128 if a low level lights the LED.

    Raises whatever the chip does about a pin that cannot be one.
    """
    from machine import Pin

    pattern = {"bound": b"\1", "trying": b"\1\0", "unbound": b"\1" * 8 + b"\0" * 8}
    steps = list(pattern.get(what, b"\1\0\1\0\0\0\0\0\0\0"))
    while _timers:
        _timers.pop().deinit()
    led = Pin(pin & 127, Pin.OUT)

    def step(_: object) -> None:
        led.value(steps[0] ^ pin >> 7)
        steps.append(steps.pop(0))

    step(0)
    if len(steps) > 1:
        timer = _timer()
        _timers.append(timer)
        timer.init(period=100, callback=step)


def _timer() -> "Any":
    """Return a timer, if there is a choice one that an application has not taken for itself.

    What there is depends on chip and firmware (ports/esp32/machine_timer.c). From 1.29 on -1 is a
    timer of its own each time. An ESP32, S2 and S3 have 0 to 3, a C3 and C6 only two: 1.25 and
    later say so for any other number, where 1.23 and 1.24 count on: 2 is one of the two there, but
    1, 3 and -1 are none, and reset the chip.
    """
    from machine import Timer

    for number in (-1, 2, 0) if sys.implementation.version[:2] >= (1, 25) else (2, 0):
        try:
            return Timer(number)
        except ValueError:
            pass
    raise ValueError("no timer")
