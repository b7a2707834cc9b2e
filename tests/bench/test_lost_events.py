"""What the bench counts as an event that was lost."""

from __future__ import annotations

import pytest

from startline_host.bench.scenarios.facts import lost_events
from startline_host.bench.scenarios.reader import PowerCycle
from startline_host.device.console import Event


def heard(*numbers: int, resumed: tuple[int, ...] = ()) -> PowerCycle:
    """Return a life with events of those numbers; number 0 begins a boot."""
    cycle = PowerCycle()
    for number in numbers:
        cycle.events.append(Event("boot" if number == 0 else "link", number, 0, {}))
    cycle.resumed.update(resumed)
    return cycle


@pytest.mark.parametrize(
    ("cycle", "lost"),
    [
        (heard(0, 1, 2), 0),
        (heard(0, 1, 0, 1), 0),
        (heard(0, 2, 3), 1),
        (heard(0, 1, 3, 5), 2),
        (heard(1, 2), 1),
        (heard(0, 1, 4, 5), 1),
        (heard(0, 1, 4, 5, resumed=(2,)), 0),
        (heard(0, 1, 4, 6, resumed=(2,)), 1),
    ],
)
def test_a_number_is_missed_only_while_somebody_listened(cycle: PowerCycle, lost: int) -> None:
    """A gap counts, but not the one that the line's other user left behind."""
    assert lost_events(cycle) == lost
