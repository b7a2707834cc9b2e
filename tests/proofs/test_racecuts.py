"""The power cuts of a race: it holds with our role, and every broken one is caught by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.racecuts.race_cut_plan import FULL, FULL_DOUBLES, RaceSize, jobs_of
from tests.proofs.racecuts.race_cut_worlds import KEY_TYPES, specs
from tests.proofs.racecuts.race_cuts import race_through
from tests.proofs.racecuts.race_mutants import RACE_MUTANTS, catch, cut_one_world

#: No more than the first lifetime of each world, the one without a cut, and one with a cut.
_FEW = RaceSize(every=400, doubles=0)
#: What the worlds are there to reach, beside the full ring and the one that goes round.
_MARKS = ("session_closed_elsewhere", "session_found", "race_aside", "race_lookup")
#: Those of which a single lifetime tells.
_QUICK = ("sent_before_the_answer", "over_a_backlog", "counts_uncompared", "there_forgotten",
          "number_reused", "other_bytes")  # fmt: skip


def test_every_world_holds() -> None:
    """All that is seen is at the cloud once, in order, in every world, with hardly a cut."""
    results = race_through(jobs_of(_FEW), workers=2, batch=40)
    assert results.failures == []
    assert results.clean
    reached = results.total().reached
    for mark in (*_MARKS, "JournalFull", "reused_while_waiting"):
        assert reached[mark], mark


def test_the_full_size_is_what_was_promised() -> None:
    """Every single cut of over 200 worlds, and at least 10,000 double cuts, for both key types."""
    jobs = jobs_of(FULL)
    doubles = [job for job in jobs if job["kind"] == "doubles"]
    assert sum(job["count"] for job in doubles) == FULL_DOUBLES
    assert all(job["every"] == 1 for job in jobs if job["kind"] == "singles")
    assert len(specs()) > 200
    assert {spec["access"] for spec in specs()} == set(KEY_TYPES)


@pytest.mark.parametrize("name", _QUICK)
def test_a_broken_role_is_caught(name: str, tmp_path: Path) -> None:
    """A role with one rule broken breaks the invariant that this rule is for; ours does not."""
    mutant, columns = RACE_MUTANTS[name]
    caught = {column for column, count in catch(name, tmp_path).total().bad.items() if count}
    assert caught & columns
    assert cut_one_world(mutant.world, 10_000).clean
