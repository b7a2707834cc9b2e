"""How a devkit's two transistors turn DTR and RTS into the chip's EN and IO0 pins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_CAPACITOR_SECONDS = 0.5
"""How long EN stays low after its transistor lets go, if both lines are asserted meanwhile.

Hosts that change the lines one after the other pass through "both asserted" on the way from
"EN low" to "IO0 low", and count on the capacitor at EN to bridge that gap. Over RFC 2217 each
change waits for its answer, 50 ms and more, so this capacitor is a large one.
"""


class ScheduledCall(Protocol):
    """What a scheduler gives back: something that can be cancelled."""

    def cancel(self) -> None:
        """Forget the call."""


class ResetCircuit:
    """DTR alone pulls IO0 low, RTS alone pulls EN low, both or none pull nothing.

    `hold()` is called when EN falls, `release(io0_is_low)` when it rises again;
    `later(seconds, call)` schedules.
    """

    def __init__(
        self,
        hold: Callable[[], None],
        release: Callable[[bool], None],
        later: Callable[[float, Callable[[], None]], ScheduledCall],
    ) -> None:
        self._hold = hold
        self._release = release
        self._later = later
        self._held = False
        self._charging: ScheduledCall | None = None

    def set_lines(self, *, dtr: bool, rts: bool) -> None:
        """Take the state of both lines, True for asserted."""
        if rts and not dtr:
            self._stop_charging()
            if not self._held:
                self._held = True
                self._hold()
        elif self._held and dtr and rts:
            if self._charging is None:
                self._charging = self._later(_CAPACITOR_SECONDS, self._charged)
        elif self._held:
            self._rise(io0_is_low=dtr)

    def _charged(self) -> None:
        self._rise(io0_is_low=False)

    def _rise(self, *, io0_is_low: bool) -> None:
        self._stop_charging()
        self._held = False
        self._release(io0_is_low)

    def _stop_charging(self) -> None:
        if self._charging is not None:
            self._charging.cancel()
            self._charging = None
