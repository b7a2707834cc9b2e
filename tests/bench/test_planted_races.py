"""Race roles with a defect planted in them: the right scenarios fail, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.picked_cases import failing
from tests.bench.planted_races import CAUGHT, ENDLESS, planted, races
from tests.bench.test_scenarios import RACES

#: Readers at a time: nearly all of a case is waiting.
_AT_A_TIME = 6
#: Of the defects three that break each another rule; `make scenarios ONLY=planted` plants them all.
_PLANTED = ("unfrozen_times", "counts_uncompared", "gone_drops_the_rest")


@pytest.mark.parametrize("name", _PLANTED)
def test_a_defect_fails_the_right_races(name: str, tmp_path: Path) -> None:
    """Of the races that these defects fail, and some more, exactly those of this one fail."""
    names = {*RACES, *(one for defect in _PLANTED for one in CAUGHT[defect])} - ENDLESS
    found = failing(planted(name, tmp_path), races(names), _AT_A_TIME)
    assert found.keys() == CAUGHT[name] - ENDLESS, found
