"""Timers of the chip and callbacks of its UARTs.

They run where the program sleeps, waits or looks at the time. A program that does none of it
delays them, which a chip would not do.
"""

import sys

from . import uart_driver

_LOOK_MS = 2
"""How often a program that waits looks at the UARTs that have a handler."""


class Alarm:
    """A callback that is due at a time, once or every `period` milliseconds."""

    def __init__(self, due: int, period: int, repeats: bool, callback) -> None:
        self.due = due
        self.period = period
        self.repeats = repeats
        self.callback = callback


def run_due(chip) -> int:
    """Run what is due; return the milliseconds until there is something to do, -1 for never.

    A callback is not interrupted by another, as the port's scheduler has it.
    """
    if chip.in_callback or not (chip.timers or chip.interrupts):
        return -1
    for driver in chip.interrupts:
        uart_driver.service(chip, driver)
    for alarm in sorted(chip.timers, key=_due):
        now = chip.ticks_ms()
        if alarm.due > now:
            continue
        if alarm.repeats:
            alarm.due = max(alarm.due + alarm.period, now)
        else:
            chip.timers.remove(alarm)
        chip.run_callback(alarm.callback)
    if not chip.timers:
        return _LOOK_MS if chip.interrupts else -1
    pause = max(0, min(alarm.due for alarm in chip.timers) - chip.ticks_ms())
    return min(pause, _LOOK_MS) if chip.interrupts else pause


def _due(alarm: Alarm) -> int:
    return alarm.due


def run(chip, callback) -> None:
    """Call back; what it raises is printed, and the program goes on."""
    chip.in_callback = True
    try:
        callback()
    except Exception as error:
        sys.modules["sys"].print_exception(error)
    finally:
        chip.in_callback = False
