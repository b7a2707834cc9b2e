"""When a file was changed by the chip's clock: LittleFS writes the computer's time into flash.

The times at which the chip's clock was set or began anew are kept as long as the process that is
the chip lives; a file that is older has the computer's time. A file tells whole seconds, within
which the clock may have been set: so the chip's time of the last files written is kept as well.
"""

import json
import time

from .clock import SECONDS_1970_TO_2000

_MICROSECONDS = 1_000_000
_KEPT = 64
"""How many files' times are kept beside; the process keeps as many."""


class FileTimes:
    """Computer's time to chip's time.

    `known` has "anchors", pairs of both in microseconds, oldest first, and "written", the seconds of
    both by file. The computer's count from 1970, the chip's from 2000.
    """

    def __init__(self, known: dict, clock, tell) -> None:
        self._anchors = known["anchors"]
        self._written = known["written"]
        self._clock = clock
        self._tell = tell

    def set(self) -> None:
        """Note that the chip's clock counts from another time than before."""
        anchor = [time.time_ns() // 1000, self._clock.now_us()]
        self._anchors.append(anchor)
        self._tell("c" + json.dumps(anchor))

    def written(self, file: str) -> None:
        """Note that a file was just changed, unless the program has locked the heap."""
        try:
            self._note(file, [int(time.time()), self._clock.now_us() // _MICROSECONDS])
        except MemoryError:
            pass

    def renamed(self, old: str, new: str) -> None:
        """Note that a file, or the folder that it is in, has another name."""
        for file in list(self._written):
            if file == old or file.startswith(old + "/"):
                self._note(new + file[len(old) :], self._written.pop(file))

    def of_chip(self, seconds: int, resolution: int = 1, file: str = "") -> int:
        """Return the chip's seconds since 2000 for the computer's since 1970; 0 for none.

        `resolution` is what a file's time is rounded down to, in seconds.
        """
        if not seconds:
            return 0
        real, chip = self._written.get(file, (0, 0))
        if seconds <= real < seconds + resolution:
            return chip
        latest = (seconds + resolution) * _MICROSECONDS - 1
        for real, chip in reversed(self._anchors):
            if real <= latest:
                return max(chip, chip + latest - real) // _MICROSECONDS
        return seconds - SECONDS_1970_TO_2000

    def _note(self, file: str, times: list) -> None:
        if self._written.get(file) == times:
            return
        if len(self._written) >= _KEPT and file not in self._written:
            self._written.pop(min(self._written, key=lambda name: self._written[name][0]))
        self._written[file] = times
        self._tell("f" + json.dumps((file, times[0], times[1])))
