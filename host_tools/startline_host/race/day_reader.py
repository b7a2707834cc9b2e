"""A reader on a race day, be it virtual or on a desk: what it was shown, and what it says."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import msgspec

from startline_host.device.console import ConsoleLine, Event
from startline_host.errors import StartlineError, TimedOut
from startline_host.formats.partitions import PartitionRow
from startline_host.race.day_script import DaySighting
from startline_host.util import PatientDeadline

_SLICE = 0.1


class Shown(msgspec.Struct, frozen=True):
    """A sighting that a module told its reader, at Unix time `at`, in the reader's power cycle `life`.

    `life` is -1 where nobody listened: the reader was without power, or still starting.
    """

    at: float
    life: int
    antenna: int
    chip: str


class DayStopped(Exception):
    """The day ends before its time."""


class DayReader(ABC):
    """One reader; `stop` ends every wait; `told` is its last word of its race, `promised` the chips that it has stored.

    `ppm` is how far its crystal is off, None where nobody knows. `cut_lives` are the power cycles
    that ended with a power cut. Its power, its link and its antennas may each be used from another
    thread.
    """

    #: What it has its time from, as its events name it.
    clock = "ntp"
    #: Why nothing is heard of it any more.
    failure: StartlineError | None = None
    #: Whether its link can be taken away, or its power.
    has_link_switch = has_power_switch = True

    def __init__(self, name: str, ppm: float | None, stop: threading.Event) -> None:
        self.name = name
        self.ppm = ppm
        self.shown: list[Shown] = []
        self.promised: dict[str, float] = {}
        self.told: Mapping[str, Any] = {}
        self.cut_lives: set[int] = set()
        self.life = -1
        self.online = True
        self._stop = stop

    @property
    @abstractmethod
    def listening(self) -> bool:
        """Whether it has power, and takes in what its antennas see."""

    @abstractmethod
    def power_on(self) -> None:
        """Give it power: a new life on the flash that the last one left."""

    @abstractmethod
    def power_off(self, *, cut: bool = True) -> None:
        """Take its power away: nothing that it was doing ends properly."""

    @abstractmethod
    def set_link(self, *, there: bool) -> None:
        """Take its way to the cloud away, or give it back."""

    @abstractmethod
    def press_close(self) -> None:
        """Have its program close the session, after all that it was shown."""

    @abstractmethod
    def see(self, sighting: DaySighting) -> None:
        """Have an antenna tell of a chip, if somebody listens. Raises the reader's failure."""

    @abstractmethod
    def journal(self, row: PartitionRow) -> bytes:
        """Return its journal of passings, once its day is over."""

    def wait(self, seconds: float, **fields: object) -> None:
        """Wait until it listens, and its last word has these fields.

        Raises TimedOut, DayStopped, and the reader's failure.
        """
        deadline = PatientDeadline(seconds)
        while not self._is(fields):
            if self.failure is not None:
                raise self.failure
            if deadline.expired:
                raise TimedOut(f"{self.name} was not at {fields}: it says {dict(self.told)}.")
            if self._stop.wait(_SLICE):
                raise DayStopped

    def _is(self, fields: Mapping[str, object]) -> bool:
        told = self.told
        return self.listening and all(told.get(name) == value for name, value in fields.items())

    def _begin_life(self) -> None:
        self.life += 1
        self.told = {}

    def _note(self, at: float, sighting: DaySighting, *, heard: bool) -> None:
        """Note what was shown at a Unix time."""
        life = self.life if heard else -1
        self.shown.append(Shown(at, life, sighting.antenna, sighting.chip))

    def _take(self, item: Event | ConsoleLine) -> None:
        """Take in what it says on its console."""
        if isinstance(item, Event) and item.name == "race":
            self.told = item.fields
