"""The power-cut runner: it survives with our agent, and catches every broken one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host_tools.bench.powercuts.__main__ import survive
from host_tools.bench.powercuts.plan import (
    FULL_DOUBLES,
    SAMPLE,
    Size,
    double_jobs,
    single_jobs,
    specs,
)
from host_tools.bench.powercuts.runner import Machine
from host_tools.bench.powercuts.tally import Tally
from host_tools.bench.powercuts.units import CANARY, make_units
from tests.bench.broken_agents import PATCHES, break_agent

#: Worlds in which a broken rule shows, by the rule; every one of them is survived by our agent.
TELLING: dict[str, dict[str, Any]] = {
    "unknown_after_the_request": {"script": ["commit_drop"]},
    "one_copy": {"loss": "nvs", "script": ["commit_drop"]},
    "retry_on_timeout": {"script": ["commit_stall"]},
    "a_single_look": {"script": ["late:59"]},
    "adopt_by_serial": {"twin": True, "script": ["drop"]},
}


def world(**more: Any) -> dict[str, Any]:
    """Return the spec of a unit with a READ_WRITE key, and what is special about its world."""
    plain = next(
        spec
        for spec in specs("rufus")
        if (spec["access"], spec["table"], spec["run"]) == ("READ_WRITE", "startline", "absent")
    )
    return {**plain, "name": str(more), **more}


def cut_everywhere(agent: Path | None, folder: Path, spec: dict[str, Any], every: int) -> Tally:
    """Run one spec with every n-th single cut."""
    tally = Tally()
    folder.mkdir()
    job = {"kind": "singles", "group": spec["access"], "spec": spec, "every": every}
    with Machine(folder, make_units("rufus"), agent=agent) as machine:
        for done, result in machine.run_all([job]):
            tally.add(done, result)
    return tally


@pytest.fixture(scope="module")
def sampled() -> Tally:
    """Every 149th single cut of every world, and some double cuts."""
    return survive("rufus", Size(every=149, doubles=60, seed=3, batch=20), workers=2)


def test_our_agent_survives_a_sample(sampled: Tally) -> None:
    """No request goes out uncovered, nothing is bound twice, no token and no key is left."""
    assert sampled.failures == []
    assert sampled.clean
    assert sampled.total().histories > 200


def test_our_agent_survives_with_vms() -> None:
    """The same holds with the other cloud, which knows no marks and no list."""
    tally = survive("vms", Size(every=499, doubles=20, seed=2, batch=40), workers=2)
    assert tally.failures == []
    assert tally.clean


def test_every_unresolved_device_with_a_write_key_is_settled(sampled: Tally) -> None:
    """With WRITE keys units rest in unknown, and reconcile settles each of those of their own."""
    rows = [row for (_, access), row in sampled.rows.items() if access == "WRITE"]
    assert sum(row.settled for row in rows) > 20
    reasons = {reason for row in rows for reason in row.reasons}
    assert reasons <= {"bound ", "unknown serial_taken", "unknown record_damaged"}


@pytest.mark.parametrize("name", PATCHES)
def test_a_broken_agent_is_caught(name: str, tmp_path: Path) -> None:
    """An agent with one rule broken fails in the world that this rule is for; ours does not."""
    spec = world(**TELLING[name])
    broken = cut_everywhere(break_agent(name, tmp_path), tmp_path / "broken", spec, 5)
    assert not broken.clean
    assert broken.total().bad["uncovered"] or broken.total().bad["lost"]
    assert cut_everywhere(None, tmp_path / "ours", spec, 5).clean


def test_cuts_at_every_byte_of_the_exchange(tmp_path: Path) -> None:
    """Power may go at any byte of the request and of the answer; here at every 15th way."""
    tally = cut_everywhere(None, tmp_path / "bytes", world(bytewise=True), 15)
    assert tally.clean
    assert tally.total().histories > 30


def test_the_full_size_is_what_was_promised() -> None:
    """The command runs over 90 worlds with all single cuts, and at least 10,000 double cuts."""
    full = Size(1, FULL_DOUBLES, 1, 1)
    assert len(single_jobs("rufus", full)) > 90
    assert sum(job["count"] for job in double_jobs("rufus", full)) >= 10_000
    assert all(job["every"] == 1 for job in single_jobs("rufus", full))


def test_a_seed_repeats_its_double_cuts(tmp_path: Path) -> None:
    """The same seed gives the same histories, another seed gives others."""
    job = double_jobs("rufus", SAMPLE)[0] | {"count": 12}
    results = []
    with Machine(tmp_path, make_units("rufus")) as machine:
        for seed in (5, 5, 6):
            results += machine.run([{**job, "seed": seed}])
    assert results[0] == results[1] != results[2]


def test_the_canary_is_in_the_blank_units_only_as_their_claim_key() -> None:
    """Each blank unit holds the key once, so that finding it later means it was left behind."""
    for image in make_units("rufus").values():
        assert image.count(CANARY.encode()) == 1
