"""Types at the bench's program for races, and keeps what it has said to be stored."""

from __future__ import annotations

import time

import msgspec
from startline.states import STATES

from startline_host.bench.scenarios.race_app import DONE, REFUSED, STORED
from startline_host.bench.scenarios.race_model import EventPattern
from startline_host.bench.scenarios.reader import APP_WORD, PowerCycle, Reader

#: How long the program may take for one order, in seconds: filling a journal is the longest.
_ORDER_SECONDS = 180.0
_RACES = "app: races"
#: What the app begins with, in each state.
_APP_BEGINS = frozenset(f"{APP_WORD} {state}" for state in STATES)


class PromisedPassing(msgspec.Struct, frozen=True):
    """A passing whose storing was heard of: of which life, and between which Unix times.

    `dated` tells that it came with a time of the module's own.
    """

    number: int
    chip: str
    life: int
    after: float
    before: float
    dated: bool = False


class RaceDriver:
    """One reader in a race, while it has one serial number; `prefix` begins the chips that are its own.

    `stored` has every passing that the reader has said to be in flash, `refused` what it would not
    store. `most` is the highest number that one may have which was stored and not heard of.
    """

    def __init__(self, reader: Reader, serial: str, prefix: str) -> None:
        self.reader = reader
        self.serial = serial
        self.prefix = prefix
        self.stored: list[PromisedPassing] = []
        self.refused: list[str] = []
        self.most = 0
        self._began = len(reader.lives)
        self._read: dict[int, int] = {}
        self._typed = 0.0
        self._dated = False

    def chip_of(self, number: int) -> str:
        """Return the chip of the passing with that number, where it has one of its own."""
        return f"{self.prefix}{number:020X}"

    def obey(self, orders: tuple[str, ...], *, wait: bool) -> None:
        """Have the program do this; unless told to `wait`, the last of it may be under way still.

        Raises TimedOut, BenchStopped.
        """
        reader = self.reader
        reader.follow(_is_at_app, _ORDER_SECONDS, "at its app")
        if not _is_racing(reader):
            reader.send(f"race {self.prefix}\r")
            reader.follow(_is_racing, _ORDER_SECONDS, "racing")
        for number, order in enumerate(orders, 1):
            done = _count(reader.cycle, DONE)
            self._expect(order)
            reader.send(f"{_typed(order)}\r")
            if wait or number < len(orders):
                reader.follow(
                    lambda one, done=done: _count(one.cycle, DONE) > done,  # type: ignore[misc]
                    _ORDER_SECONDS,
                    f"done with {order!r}",
                )
                self.collect()

    def collect(self) -> None:
        """Take in what the program has said since the last time."""
        now = time.time()
        for life, cycle in enumerate(self.reader.lives):
            lines = cycle.lines[self._read.get(life, 0) :] if life >= self._began - 1 else []
            self._read[life] = len(cycle.lines)
            for line in lines:
                if line.startswith(STORED):
                    self._take(line.removeprefix(STORED).split(), life, now)
                elif line.startswith(REFUSED):
                    self.refused.append(line.removeprefix(REFUSED).strip())

    def is_at(self, pattern: EventPattern) -> bool:
        """Tell whether the reader's last word of its race, all it has stored counted, is this."""
        told = [event for event in self.reader.cycle.events if event.name == "race"]
        done = [line for line in self.reader.cycle.lines if line.startswith(DONE)]
        if not told or not pattern.fits("race", told[-1].fields):
            return False
        stored = told[-1].fields.get("stored")
        return not done or (isinstance(stored, int) and stored >= int(done[-1].split()[-1]))

    def _expect(self, order: str) -> None:
        """Note what an order may store from now on."""
        word, _, rest = order.partition(" ")
        self._typed, self._dated = time.time(), word == "dated"
        heard = max((one.number for one in self.stored), default=0)
        self.most = max(self.most, heard)
        if word in {"pass", "long", "see", "dated"}:
            self.most += int(rest) if word in {"pass", "long"} else 1

    def _take(self, words: list[str], life: int, now: float) -> None:
        first, _, last = words[0].partition("-")
        for number in range(int(first), int(last or first) + 1):
            if all(one.number != number for one in self.stored[-200:]):  # else a repeat: merged
                chip = self.chip_of(number) if last else words[1]
                self.stored.append(
                    PromisedPassing(number, chip, life, self._typed, now, self._dated)
                )


def _is_racing(reader: Reader) -> bool:
    """Tell whether the program for races runs: it has begun since the app last spoke for itself."""
    begins = [line for line in reader.cycle.lines if line in _APP_BEGINS or line == _RACES]
    return begins[-1:] == [_RACES]


def _is_at_app(reader: Reader) -> bool:
    """Tell whether the app has spoken after each boot of this life."""
    begun = sum(line in _APP_BEGINS for line in reader.cycle.lines)
    return begun >= reader.cycle.count("ready")


def _count(cycle: PowerCycle, words: str) -> int:
    return sum(line.startswith(words) for line in cycle.lines)


def _typed(order: str) -> str:
    """Put an order as it is typed: a time that is some seconds off as Unix milliseconds."""
    word, _, rest = order.partition(" ")
    return f"time {int((time.time() + int(rest)) * 1000)}" if word == "time" else order
