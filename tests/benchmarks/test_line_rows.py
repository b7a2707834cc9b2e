"""The line's rows: reckoned from runs, each beside one slot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import line
from tests.benchmarks.budgets import of_group
from tests.benchmarks.line import Made
from tests.benchmarks.machine import cores


def test_the_speed_up_is_held_against_one_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best round of many slots is held against the best of one, by the cores there are."""
    made: list[tuple[int, int]] = []

    def make(folder: Path, slots: int, units: int) -> Made:
        made.append((slots, units))
        slow = 10.0 if len(made) > 1 + len(line.RUNS) else 20.0
        return Made(units, seconds=slow * units / slots, cpu=2.0 * units)

    monkeypatch.setattr(line, "make", make)
    rows = {row.name: row for row in line.rows(tmp_path)}
    assert made == [(1, 1), *line.RUNS, *line.RUNS]
    assert rows["units_a_minute_8"].ratio == 8
    assert rows["cpu_a_unit_16"].value == rows["cpu_a_unit_1"].value
    assert rows["speed_up_16_per_core"].value == 16 / cores()
    assert set(of_group("line")) <= {f"line.{name}" for name in rows}
