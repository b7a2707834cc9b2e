"""The serial port at the chip's pins, and whoever is plugged into its other end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from startline_host.virtual.baud_pacing import BaudPacer

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_BAUD = 115200
_BACKLOG = 4096


class Plug(Protocol):
    """One host's end of the line."""

    def write(self, data: bytes) -> None:
        """Take bytes from the chip; never blocks."""


class UartCounts(NamedTuple):
    """Bytes that went over the line so far, seen from the chip.

    `busy` is how many seconds they take at the baud rates at which they went, one after another.
    """

    received: int
    sent: int
    busy: float = 0.0


class UartHub:
    """Joins the chip to any number of plugs: each gets all output, all may send.

    `receive(data)` gets what hosts send, `set_lines(dtr=, rts=)` their modem lines, and
    `pause_output(paused=)` whether some host is too slow to take more. `paced` makes both
    directions as slow as the baud rate that the host has set.
    """

    def __init__(self, *, paced: bool = False) -> None:
        self.baud = DEFAULT_BAUD
        self.receive: Callable[[bytes], None] = _nothing
        self.set_lines: Callable[[bool, bool], None] = _nothing
        self.pause_output: Callable[[bool], None] = _nothing
        self._plugs: list[Plug] = []
        self._full: set[object] = set()
        self._to_chip = BaudPacer(self._arrive, lambda: self.baud, paced=paced)
        self._to_host = BaudPacer(self._deliver, lambda: self.baud, paced=paced)

    @property
    def counts(self) -> UartCounts:
        """Bytes carried each way, and their time."""
        there, back = self._to_chip, self._to_host
        return UartCounts(there.carried, back.carried, there.busy + back.busy)

    def plug_in(self, plug: Plug) -> None:
        """Connect a host's end; it gets output from now on."""
        self._plugs.append(plug)

    def unplug(self, plug: Plug) -> None:
        """Disconnect a host's end."""
        if plug in self._plugs:
            self._plugs.remove(plug)
        self.set_full(plug, full=False)

    def send(self, data: bytes) -> None:
        """Put the chip's output on the line; with no plug it is lost, as on a real pin."""
        self._to_host.push(data)
        self._weigh_backlog()

    def push(self, data: bytes) -> None:
        """Put a host's bytes on the line."""
        self._to_chip.push(data)

    def drop_output(self) -> None:
        """Forget output that is still on its way to the host."""
        self._to_host.clear()

    def drop_input(self) -> None:
        """Forget input that is still on its way to the chip."""
        self._to_chip.clear()

    def set_full(self, part: object, *, full: bool) -> None:
        """Note that a part of the way out, such as a plug, can take no more for now (or again)."""
        was = bool(self._full)
        if full:
            self._full.add(part)
        else:
            self._full.discard(part)
        if was != bool(self._full):
            self.pause_output(bool(self._full))

    def _arrive(self, data: bytes) -> None:
        self.receive(data)

    def _deliver(self, data: bytes) -> None:
        for plug in self._plugs:
            plug.write(data)
        self._weigh_backlog()

    def _weigh_backlog(self) -> None:
        """Hold the chip's output up while a paced line has more than it can carry soon."""
        self.set_full(self._to_host, full=self._to_host.backlog > _BACKLOG)


def _nothing(*_: object) -> None:
    """Stand in until the chip is connected."""
