"""The places where boards are plugged in: by port, by USB socket, once or one after another."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from startline_host.device.port import scheme
from startline_host.device.port_session import PortSession
from startline_host.device.ports import describe_ports, list_serial_ports
from startline_host.errors import BadInput, NoSuchPort, StartlineError

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection

    from startline_host.device.ports import UsbId
    from startline_host.factory.job import ConnectedBoard, UnitResult
    from startline_host.factory.power import PowerSwitch

#: Seconds between two looks at a slot, and that a port just plugged in takes to be usable.
_LOOK, _SETTLE = 0.3, 0.7
_USB = "usb:"

#: What an ESP32's ROM prints when power came: another board was put onto the same adapter.
_POWER_ON = b"POWERON"


class Slot(Protocol):
    """A place that boards come to."""

    @property
    def name(self) -> str:
        """How people call it."""

    def next_board(self, stop: threading.Event) -> ConnectedBoard | None:
        """Wait for the next board; None when none will come, or `stop` was set."""

    def finished(self, result: UnitResult) -> None:
        """Take note of how the work on the last board ended."""

    def close(self) -> None:
        """Let go of everything."""


class PortSlot:
    """A serial port, or a USB socket whatever the port on it is called.

    `where` is a port's name or URL, or "usb:1-1.4". Once, or with `watch` for one board after
    another: a board has gone when its port has, or when another one powers up on the same port.
    `arriving`: the first one was plugged in just now.
    """

    def __init__(
        self,
        name: str,
        where: str,
        *,
        watch: bool = False,
        arriving: bool = False,
        power: PowerSwitch | None = None,
    ) -> None:
        self.name = name
        self._where = where
        self._watch = watch
        self._arriving = arriving
        self._power = power
        self._used = False

    @property
    def url(self) -> str:
        """Where the board is now. Raises NoSuchPort when nothing is plugged in."""
        found = self._where if scheme(self._where) else self._find()
        if found is None:
            raise NoSuchPort(f"Nothing is plugged into slot {self.name} ({self._where}).",
                             describe_ports())  # fmt: skip
        return found

    def next_board(self, stop: threading.Event) -> ConnectedBoard | None:
        """Wait for the next board; without `watch` there is one, which is there or not."""
        if not self._watch:
            once, self._used = not self._used, True
            return self if once and not stop.is_set() else None
        if self._used:
            self._wait_until_gone(stop)
        self._used = True
        arriving, self._arriving = self._arriving, False
        while self._find() is None and not stop.is_set():
            arriving = True
            stop.wait(_LOOK)
        if arriving:
            stop.wait(_SETTLE)
        return None if stop.is_set() else self

    def finished(self, result: UnitResult) -> None:
        """Nothing is to be done here: the board is taken out by a person."""

    def power_cycle(self) -> bool:
        """Switch the slot's power, where there is a command for it."""
        if self._power is None:
            return False
        if self._where.startswith(_USB):
            self._power.cycle(self.name, self._find() or "", self._where.removeprefix(_USB))
        else:
            self._power.cycle(self.name, self._where, self._socket())
        return True

    def close(self) -> None:
        """Nothing is held between two boards."""

    def _find(self) -> str | None:
        if not self._where.startswith(_USB):
            return self._where if _is_there(self._where) else None
        place = self._where.removeprefix(_USB)
        return next((port.url for port in list_serial_ports() if port.location == place), None)

    def _socket(self) -> str:
        ports = {port.url: port.location for port in list_serial_ports()}
        return ports.get(self._where) or ""

    def _wait_until_gone(self, stop: threading.Event) -> None:
        """Return when the port has gone, or a board on it has just got power."""
        while not stop.is_set():
            try:
                with PortSession(self.url) as line:
                    self._listen(line, stop)
                    return
            except StartlineError:
                if scheme(self._where) or self._find() is None:
                    return
                # Somebody else's for a moment.
                stop.wait(_LOOK)

    def _listen(self, line: PortSession, stop: threading.Event) -> None:
        """Listen until a board says that it got power: what was made is not disturbed by it."""
        tail = b""
        while not stop.is_set() and _POWER_ON not in tail:
            tail = tail[-len(_POWER_ON) :] + line.port().read(_LOOK)
            if not scheme(self._where) and self._find() is None:
                return


def parse_slots(
    given: Collection[str], *, watch: bool, power: PowerSwitch | None = None
) -> list[PortSlot]:
    """Read slots as they are typed: "/dev/ttyUSB0", "usb:1-1.4", or with a name, "3=usb:1-1.4".

    Unnamed ones are numbered. Raises BadInput for a name or a place that stands twice.
    """
    slots: list[PortSlot] = []
    places: set[str] = set()
    for number, text in enumerate(given, 1):
        name, sign, where = text.partition("=")
        if not sign or "://" in name or "/" in name:
            name, where = str(number), text
        if not where or where in places or name in {slot.name for slot in slots}:
            raise BadInput(f"The slot {text!r} is empty or given twice.", "Such as 3=usb:1-1.4")
        places.add(where)
        slots.append(PortSlot(name, where, watch=watch, power=power))
    return slots


class PortScanner:
    """Finds the ports of this computer that look like a reader; each becomes a slot once.

    A slot is a USB socket wherever the system names it, and stays when its board goes.
    """

    def __init__(
        self, usb_ids: Collection[UsbId], *, watch: bool, power: PowerSwitch | None = None
    ) -> None:
        self._usb_ids = usb_ids
        self._watch = watch
        self._power = power
        self._known: set[str] = set()
        self._looked = False

    def new(self) -> list[PortSlot]:
        """Return the slots that were not there at the last call."""
        places = {
            port.location or port.url: f"{_USB}{port.location}" if port.location else port.url
            for port in list_serial_ports()
            if port.usb_id in self._usb_ids
        }
        found = [name for name in places if name not in self._known]
        self._known.update(found)
        arriving, self._looked = self._looked, True
        return [
            PortSlot(name, places[name], watch=self._watch, arriving=arriving, power=self._power)
            for name in found
        ]


def find_slots(sockets: PortScanner) -> list[PortSlot]:
    """Return a slot for each port that looks like a reader. Raises NoSuchPort if there is none."""
    found = sockets.new()
    if not found:
        raise NoSuchPort("No port looks like a reader.", f"Name slots with -p. {describe_ports()}")
    return found


def _is_there(where: str) -> bool:
    if scheme(where):
        return _answers(where)
    if os.name == "posix":
        return os.path.exists(where)  # noqa: PTH110 - it is a device
    return where in {port.url for port in list_serial_ports()}


def _answers(url: str) -> bool:
    try:
        with PortSession(url) as line:
            line.port()
    except NoSuchPort:
        return False
    return True
