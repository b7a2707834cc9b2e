"""When a file was changed by the chip's clock: LittleFS writes the computer's time into flash.

The times at which the chip's clock was set or began anew are kept as long as the process that is
the chip lives; a file that is older has the computer's time.
"""

import time

from .clock import SECONDS_1970_TO_2000

_MICROSECONDS = 1_000_000


class FileTimes:
    """Computer's time to chip's time. `anchors` are pairs of both in microseconds, oldest first.

    The computer's count from 1970, the chip's from 2000.
    """

    def __init__(self, anchors: list, clock, tell) -> None:
        self._anchors = anchors
        self._clock = clock
        self._tell = tell

    def set(self) -> None:
        """Note that the chip's clock counts from another time than before."""
        anchor = [time.time_ns() // 1000, self._clock.now_us()]
        self._anchors.append(anchor)
        self._tell("c%d %d" % (anchor[0], anchor[1]))

    def of_chip(self, seconds: int, resolution: int = 1) -> int:
        """Return the chip's seconds since 2000 for the computer's since 1970; 0 for none.

        `resolution` is what a file's time is rounded down to, in seconds.
        """
        if not seconds:
            return 0
        # What was written within the seconds of an anchor is later.
        latest = (seconds + resolution) * _MICROSECONDS - 1
        for real, chip in reversed(self._anchors):
            if real <= latest:
                return max(chip, chip + latest - real) // _MICROSECONDS
        return seconds - SECONDS_1970_TO_2000
