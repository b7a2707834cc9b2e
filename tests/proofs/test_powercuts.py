"""The power-cut runner: it survives with our agent, and catches every broken one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.proofs.powercuts.__main__ import survive
from tests.proofs.powercuts.blank_units import CANARY, make_units
from tests.proofs.powercuts.cut_plan import (
    FULL_DOUBLES,
    SAMPLE,
    SECOND_BINDS,
    Size,
    double_jobs,
    single_jobs,
)
from tests.proofs.powercuts.cut_results import REACHED, CutResults, CutRow
from tests.proofs.powercuts.mutants import FAULTS, break_agent, cut_everywhere, telling_world
from tests.proofs.powercuts.results_table import show
from tests.proofs.powercuts.vm_runner import VmRunner


def test_our_agent_survives_a_sample() -> None:
    """No request goes out uncovered, nothing is bound twice or lost, all that is unknown ends.

    Every 397th single cut of every world, and some double cuts. Each world reaches what it is for.
    """
    results = survive("rufus", Size(every=397, doubles=12, seed=3, batch=20), workers=2)
    assert results.failures == []
    assert results.missed == {}
    assert results.clean
    total = results.total()
    assert total.lifetimes > 200
    check_settled(total)
    check_wear(results)
    check_marks(results)


def check_marks(results: CutResults) -> None:
    """Pages are collected, sectors switched, generations wrap: counted, in each such world."""
    for mark in ("collection", "switch", "wrap"):
        meant = [world for world in results.worlds.values() if mark in world.means]
        assert len(meant) > 5
        assert all(world.reached[mark] for world in meant)


def test_a_world_that_never_reaches_what_it_is_for_fails_the_run() -> None:
    """A world that is meant to switch sectors and does not is named, although nothing is bad."""
    results = cut_everywhere(None, telling_world(means=["switch"]), 10_000)
    assert not any(results.total().bad.values())
    assert list(results.missed.values()) == [["switch"]]
    assert not results.clean
    file = io.StringIO()
    show(Console(file=file, width=200), results, 1.0)
    text = file.getvalue()
    assert "All survived: " in text
    assert "Not all proven: 1 world never reached what the red lines" in text


def test_the_report_says_of_each_world_what_it_reached() -> None:
    """Each mark has its number, zeros too, and stands beside the lifetimes of that world."""
    results = cut_everywhere(None, telling_world(aged={"slot": 15}), 10_000)
    (world,) = results.as_json()["worlds"].values()
    assert set(world["reached"]) == set(REACHED)
    assert world["reached"]["switch"] == world["lifetimes"] > 0
    assert world["reached"]["wrap"] == 0


def check_settled(total: CutRow) -> None:
    """Of all that rested in unknown, each was settled, or was said to be another board's."""
    assert total.unknown == total.settled.total() > 40
    assert total.settled["reconcile"] > 20
    assert total.settled["another's"] == total.rests["unknown"]
    left = {reason for reason in total.reasons if reason.startswith("unknown")}
    assert left <= {"unknown serial_taken", "unknown record_damaged"}


def check_wear(results: CutResults) -> None:
    """The report has programs and erases by partition; the key is scrubbed without an erase."""
    wear = results.as_json()["total"]["flash_wear_of_a_history"]
    assert {"nvs", "bind", "fctry", "bind, failing"} <= set(wear)
    assert wear["bind"]["programs"]["mean"] > wear["bind"]["erases"]["mean"]
    assert wear["fctry"]["erases"]["most"] == 0


def test_our_agent_survives_with_vms() -> None:
    """The same holds with the other cloud, which knows no marks and no list, in each kind of world."""
    size = Size(every=1999, doubles=6, seed=2, batch=40, one_of_each_kind=True)
    results = survive("vms", size, workers=2)
    assert results.failures == []
    assert results.clean
    # A unit that was bound and is reset comes to be settled without having rested in unknown.
    assert results.total().unknown <= results.total().settled.total()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_agent_is_caught(name: str, tmp_path: Path) -> None:
    """An agent with one rule broken fails in the world that this rule is for; ours does not."""
    spec = telling_world(**FAULTS[name].world)
    every = FAULTS[name].every
    assert any(cut_everywhere(break_agent(name, tmp_path), spec, every).total().bad.values())
    assert cut_everywhere(None, spec, every).clean


def test_a_damaged_record_is_settled_by_an_operator_who_adopts() -> None:
    """With both copies gone and an entry in the cloud, `--adopt` binds the unit, with one record."""
    world = telling_world(loss="nvs", spoil="bind", script=["commit_drop"])
    results = cut_everywhere(None, world, 23)
    assert results.clean
    assert results.total().settled["adopt"] > 5


def test_a_cloud_that_is_later_than_the_pause_is_not_survived() -> None:
    """What is claimed has this limit, and the judge sees where it is passed: a second record."""
    late = cut_everywhere(None, telling_world(script=["late:150"]), 10_000)
    assert late.total().bad["second"]


def test_cuts_at_every_byte_of_the_exchange() -> None:
    """Power may go at any byte of the request and of the answer; here at every 45th way."""
    results = cut_everywhere(None, telling_world(bytewise=True), 45)
    assert results.clean
    assert results.total().lifetimes > 10


def test_the_full_size_is_what_was_promised() -> None:
    """All single cuts of over 200 worlds, and at least 10,000 double cuts of as many."""
    full = Size(1, FULL_DOUBLES, 1, 1)
    singles, doubles = single_jobs("rufus", full), double_jobs("rufus", full)
    assert len(singles) > 200
    assert all(job["every"] == 1 for job in singles)
    assert sum(job["count"] for job in doubles) >= 10_000
    for access in ("WRITE", "READ_WRITE"):
        drawn = [spec for job in doubles if job["group"] == access for spec in job["specs"]]
        assert {spec.get("second", "new") for spec in drawn} == set(SECOND_BINDS)


def test_a_seed_repeats_its_double_cuts(tmp_path: Path) -> None:
    """The same seed gives the same lifetimes, another seed gives others."""
    job = double_jobs("rufus", SAMPLE)[0] | {"count": 3}
    results = []
    with VmRunner(tmp_path, make_units("rufus")) as machine:
        for seed in (5, 5, 6):
            results += machine.run([{**job, "seed": seed}])
    assert results[0] == results[1] != results[2]


def test_the_canary_is_in_the_blank_units_only_as_their_claim_key() -> None:
    """Each blank unit holds the key once, so that finding it later means it was left behind."""
    for image in make_units("rufus").values():
        assert image.count(CANARY.encode()) == 1
