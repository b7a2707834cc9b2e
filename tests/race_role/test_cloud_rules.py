"""The race depends on no rule that a cloud may have: all passings reach it once under each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from startline_host.mock_cloud import MockCloud, MockOptions
from tests.race_role.racing import RacingReader

PASSINGS = 130

#: A cloud's rules, the faults that are on while 130 passings are sent, and the reader's key.
WORLDS: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "lenient": ({"strict": False}, (), "WRITE"),
    "body envelope": ({"envelope": "body"}, (), "WRITE"),
    "doubles by number": (
        {"duplicates": "number"}, ("commit_then_dropx1@POST@/v0/passings",), "WRITE",
    ),
    "no protection, a key that reads": (
        {"duplicates": "none"}, ("commit_then_dropx1@POST@/v0/passings",), "READ_WRITE",
    ),
    "partial insertion": ({"partial_insertion": True}, (), "WRITE"),
    "short lists": ({"largest_list": 7}, (), "WRITE"),
    "small bodies": ({"largest_body": 2000}, (), "WRITE"),
    "some inserted": ({}, ("insert_first:30x1",), "WRITE"),
    "some inserted, a key that reads": ({}, ("insert_first:30x1",), "READ_WRITE"),
    "closed by somebody else": ({}, ("session_closedx1",), "WRITE"),
    "a list of sessions that lags": (
        {}, ("sessions_lag:300", "commit_then_dropx1@POST@/v0/sessions"), "READ_WRITE",
    ),
    "headers with underscores dropped": ({}, ("drop_underscores",), "WRITE"),
}  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_all_passings_are_there_once(tmp_path: Path, race_lib: Path, name: str) -> None:
    """Each passing is at the cloud once, in order, whatever its rules and its faults."""
    rules, faults, key = WORLDS[name]
    with MockCloud(MockOptions(**rules)) as cloud:
        racer = RacingReader(tmp_path / "racer", race_lib, cloud, key)
        racer.life([])  # to be bound
        for fault in faults:
            cloud.faults.turn_on(fault)
        racer.life(["10 km"], PASSINGS, limit_ms=40000)
        rows = cloud.store.rows("SELECT num_passing FROM passings ORDER BY id")
        assert [row["num_passing"] for row in rows] == list(range(1, PASSINGS + 1))
        assert racer.state["sent"] == PASSINGS
        active = cloud.store.rows("SELECT token FROM sessions WHERE closed IS NULL")
        assert active == []
