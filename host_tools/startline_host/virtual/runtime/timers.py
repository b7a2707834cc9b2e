"""Timers of the chip; their callbacks run where the program sleeps or waits for input.

A program that computes without ever sleeping delays them, which a chip would not do.
"""

import sys


class Alarm:
    """A callback that is due at a time, once or every `period` milliseconds."""

    def __init__(self, due: int, period: int, repeats: bool, callback) -> None:
        self.due = due
        self.period = period
        self.repeats = repeats
        self.callback = callback


def run_due(chip) -> int:
    """Run what is due; return the milliseconds until something is next, -1 for never."""
    for alarm in list(chip.timers):
        now = chip.ticks_ms()
        if alarm.due > now:
            continue
        if alarm.repeats:
            alarm.due = max(alarm.due + alarm.period, now)
        else:
            chip.timers.remove(alarm)
        try:
            alarm.callback()
        except Exception as error:
            sys.modules["sys"].print_exception(error)
    if not chip.timers:
        return -1
    return max(0, min(alarm.due for alarm in chip.timers) - chip.ticks_ms())
