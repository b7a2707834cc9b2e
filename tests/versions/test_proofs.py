"""Power cuts and hostile answers on other versions of MicroPython, a sample of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.hostile.survey import bombard
from tests.proofs.powercuts.blank_units import make_units
from tests.proofs.powercuts.cut_plan import Size, double_jobs, single_jobs
from tests.proofs.powercuts.cut_results import CutResults
from tests.proofs.powercuts.vm_runner import VmRunner
from tests.versions import selection

#: These builds collect no garbage while a program runs: few lifetimes a process.
_A_PROCESS = 4
_SIZE = Size(every=401, doubles=20, seed=3, batch=_A_PROCESS)


@pytest.fixture
def one_in(request: pytest.FixtureRequest) -> int:
    """Return which part of the samples is run: `make versions` runs all of it."""
    return 1 if request.config.getoption("--versions") != selection.FEW else 40


@pytest.mark.parametrize("cloud", ["rufus", "vms"])
def test_a_sample_of_power_cuts_is_survived(
    micropython: Path, tmp_path: Path, cloud: str, one_in: int
) -> None:
    """Nothing is bound twice or lost on that version: a few cuts in every world, or in some."""
    jobs = [*single_jobs(cloud, _SIZE), *double_jobs(cloud, _SIZE)][::one_in]
    tally = CutResults()
    with VmRunner(tmp_path, make_units(cloud)) as machine:
        for job, result in machine.run_all(jobs, _A_PROCESS):
            tally.add(job, result)
    assert tally.failures == []
    assert tally.clean
    assert tally.total().cuts > len(jobs) / 2


def test_a_sample_of_hostile_answers(micropython: Path, one_in: int) -> None:
    """Whatever is answered, a first boot on that version comes to a classified outcome."""
    survey = bombard(120 // one_in, seed=5, workers=1)
    assert survey.bad == {}
    assert survey.answers == 120 // one_in
