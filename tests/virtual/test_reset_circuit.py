"""DTR and RTS drive EN and IO0 as on the devkit, however a host steps through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from startline_host.virtual.reset_circuit import ResetCircuit

if TYPE_CHECKING:
    from collections.abc import Callable


class CircuitBoard:
    """A reset circuit with a clock that only `expire` moves."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.pending: list[CircuitBoard.Call] = []
        self.circuit = ResetCircuit(
            lambda: self.events.append("held"),
            lambda io0_is_low: self.events.append("loader" if io0_is_low else "flash"),
            self.later,
        )

    class Call:
        """One call for later."""

        def __init__(self, action: Callable[[], None]) -> None:
            self.action = action

        def cancel(self) -> None:
            """Do nothing when the time comes."""
            self.action = lambda: None

    def later(self, seconds: float, action: Callable[[], None]) -> Call:
        """Note a call."""
        self.pending.append(CircuitBoard.Call(action))
        return self.pending[-1]

    def expire(self) -> None:
        """Let the time pass."""
        for call in self.pending:
            call.action()

    def step(self, *states: tuple[int, int]) -> list[str]:
        """Set the lines to (DTR, RTS), one state after the other; return what happened."""
        for dtr, rts in states:
            self.circuit.set_lines(dtr=bool(dtr), rts=bool(rts))
        return self.events


@pytest.mark.parametrize(
    ("states", "happened"),
    [
        ([(1, 0), (1, 1), (0, 0)], []),  # a port is opened and closed
        ([(0, 1), (0, 0)], ["held", "flash"]),  # a hard reset
        ([(0, 1), (0, 1), (0, 1)], ["held"]),  # held as long as it takes
        ([(1, 1), (0, 1), (1, 0), (0, 0)], ["held", "loader"]),  # both lines in one step
        ([(1, 1), (0, 1), (1, 1), (1, 0), (0, 0)], ["held", "loader"]),  # one after the other
        ([(0, 1), (1, 1), (0, 1), (0, 0)], ["held", "flash"]),  # DTR only flickers
        ([(0, 1), (1, 1), (0, 0)], ["held", "flash"]),  # the port is closed in between
    ],
)
def test_sequences(states: list[tuple[int, int]], happened: list[str]) -> None:
    """Each sequence of line states resets the chip, or not, into the right mode."""
    board = CircuitBoard()
    assert board.step(*states) == happened
    board.expire()
    assert board.events == happened


def test_a_host_that_stops_half_way() -> None:
    """With both lines left asserted, EN rises in the end, and IO0 is high."""
    board = CircuitBoard()
    assert board.step((0, 1), (1, 1)) == ["held"]
    board.expire()
    assert board.events == ["held", "flash"]
