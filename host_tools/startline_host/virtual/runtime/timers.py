"""Timers of the chip and callbacks of its UARTs.

They run where the program sleeps, waits or looks at the time. A program that does none of it
delays them, which a chip would not do.
"""

import sys
import time

from . import uart_driver

_LOOK_MS = 2
"""How often a program that waits looks at the UARTs that have a handler."""


class Alarm:
    """A callback that is due at a time, once or every `period`, in microseconds."""

    def __init__(self, due: int, period: int, repeats: bool, callback) -> None:
        self.due = due
        self.period = period
        self.repeats = repeats
        self.callback = callback


class ProgramTime:
    """The time as a program knows that only sleeps and computes: it cannot tell what it was late.

    A computer lets the VM wait for its processor, which a chip has for itself. What a sleep ended
    late by, and what the VM was kept from running since, is left out for the timers, until the
    program looks at a clock or waits for something else.
    """

    _LEAST_US = 2000
    """What is less is how long things take."""

    def __init__(self, ticks_us) -> None:
        self._ticks_us = ticks_us
        self._late_us = 0
        self._since = None

    def now_us(self) -> int:
        """Return the chip's microseconds without what is left out."""
        return self._ticks_us() - self._late_us

    def look(self) -> None:
        """Leave nothing out any more."""
        self._late_us = 0
        self._since = None

    def settle(self) -> None:
        """Leave out what the program was kept from computing until now."""
        now, used = self._ticks_us(), time.clock()
        if self._since is not None:
            began, used_before = self._since
            self._leave_out(now - began - int((used - used_before) * 1_000_000))
        self._since = (now, used)

    def wake(self, late_us: int) -> None:
        """Leave out by how much a sleep was too long."""
        self._leave_out(late_us)
        self._since = (self._ticks_us(), time.clock())

    def _leave_out(self, microseconds: int) -> None:
        if microseconds >= self._LEAST_US:
            self._late_us += microseconds


def run_due(chip) -> int:
    """Run what is due; return the milliseconds until there is something to do, -1 for never.

    A callback is not interrupted by another, as the port's scheduler has it.
    """
    chip.program_time.look()
    return _run(chip, chip.ticks_us(), False)


def run_asleep(chip, end: int) -> int:
    """Run what is due by now, but not after `end`, where a sleep of the program's time ends."""
    return _run(chip, min(chip.program_time.now_us(), end), True)


def _run(chip, now: int, asleep: bool) -> int:
    if chip.in_callback or not (chip.timers or chip.interrupts):
        return -1
    for driver in chip.interrupts:
        uart_driver.service(chip, driver)
    while True:
        due = [alarm for alarm in sorted(chip.timers, key=_due) if alarm.due <= now]
        for alarm in due:
            if alarm not in chip.timers:
                continue  # another's callback has stopped it
            if not alarm.repeats:
                chip.timers.remove(alarm)
            alarm.due += alarm.period
            if not asleep:
                alarm.due = max(alarm.due, now)  # the port's scheduler forgets what waits too long
            chip.run_callback(alarm.callback)
        if not (due and asleep):
            break
    if not chip.timers:
        return _LOOK_MS if chip.interrupts else -1
    pause = max(0, min(alarm.due for alarm in chip.timers) - now) // 1000
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
