"""A slot whose boards are virtual readers: plugging one in starts its process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from startline_host.errors import NoSuchPort
from startline_host.virtual import VirtualEsp32

if TYPE_CHECKING:
    from startline_host.factory.fault_injection import FaultInjector, InjectedFault
    from startline_host.factory.job import ConnectedBoard, UnitResult
    from startline_host.factory.virtual_board_pool import VirtualBoardPool

#: Ends after which a board is not plugged in again; one that left unbound may come back.
_DONE = ("passed", "seen")


class VirtualSlot:
    """Takes boards out of the box, one after another; `injector` may break some of them."""

    def __init__(
        self, name: str, box: VirtualBoardPool, injector: FaultInjector | None = None
    ) -> None:
        self.name = name
        self._box = box
        self._injector = injector
        self._number = 0
        self._chip: VirtualEsp32 | None = None
        self._fault: InjectedFault | None = None
        # Trouble comes from a thread of its own.
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where the board is reached."""
        with self._lock:
            if self._chip is None:
                raise NoSuchPort(f"Slot {self.name} holds no board.")
            return (self._fault.url if self._fault else "") or self._chip.url

    def next_board(self, stop: threading.Event) -> ConnectedBoard | None:
        """Take the next board out of the box and power it up."""
        number = None if stop.is_set() else self._box.take()
        if number is None:
            return None
        self._number = number
        with self._lock:
            self._chip = self._start()
            if self._injector is not None:
                self._fault = self._injector.inject(self._chip.url, self.power_cycle)
        return self

    def finished(self, result: UnitResult) -> None:
        """Unplug the board, and put it aside if it is done."""
        self.close()
        if result.end in _DONE:
            self._box.done(self._number)

    def power_cycle(self) -> bool:
        """Cut the board's power and give it back; its port then has another name."""
        with self._lock:
            if self._chip is None:
                return False
            self._chip.kill()
            self._chip = self._start()
            # A loose cable led to the old port.
            trouble, self._fault = self._fault, None
        if trouble is not None:
            trouble.close()
        return True

    def close(self) -> None:
        """Unplug what is plugged in."""
        with self._lock:
            trouble, self._fault = self._fault, None
            chip, self._chip = self._chip, None
        if chip is not None:
            chip.stop()
        if trouble is not None:
            trouble.close()

    def _start(self) -> VirtualEsp32:
        mac = f"{self._box.mac_prefix}:{self._number >> 8:02x}:{self._number & 255:02x}"
        return VirtualEsp32(self._box.flash(self._number), mac=mac)
