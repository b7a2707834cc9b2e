"""The load on the mock cloud: it binds what it says, and its rows stand with and without peers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from startline_host.errors import BadInput
from tests.benchmarks import cloud, cloud_peers
from tests.benchmarks.cloud import Taken
from tests.benchmarks.cloud_running import ours


def test_a_measured_mock_holds_what_was_bound(tmp_path: Path) -> None:
    """The load binds each device once over TLS; filling up adds the rest, and memory is told."""
    with ours(ca=tmp_path / "ca.pem") as server:
        speed, taken = server.bind(20)
        assert speed > 0
        assert len(taken) == 20
        server.fill(50)
        assert server.memory() > 1
        assert server.cpu() > 0
    with ours() as server:
        server.bind(3, first=7)
        listed = json.loads(server.get("/v0/devices?page=1&limit=2"))
    assert [one["serial_number"][-2:] for one in listed["result"]] == ["07", "08"]
    assert listed["pagination"]["total"] == 3


def test_rows_do_without_those_that_are_not_there() -> None:
    """Every row of our own is there with and without the others' mocks; only its peer is not."""
    taken = {}
    names = ("http", "https", "proxied", cloud_peers.JSON_SERVER, cloud_peers.MOCKOON)
    for name in (*names, f"{cloud_peers.MOCKOON} over TLS"):
        taken[name] = Taken()
        taken[name].add(100.0, [1.0, 3.0, 2.0], cpu=0.5)
        taken[name].add(50.0, [9.0, 9.0, 9.0], cpu=0.7)
    alone = {name: taken[name] for name in names[:3]}
    full, bare = (list(cloud._speeds(each)) for each in (taken, alone))
    assert [row.name for row in full if "_of_" not in row.name] == [row.name for row in bare]
    assert all(row.ratio == 1 for row in full if row.peer)
    assert [row.name for row in full if not row.peer] == [
        "p99_http", "p99_http_of_json_server", "p99_http_of_mockoon",
        "p99_https", "p99_https_of_mockoon",
    ]  # fmt: skip
    assert [row.name for row in bare if row.peer] == ["binds_https_proxied", "cpu_https_proxied"]
    assert {row.name: row.value for row in bare}["p50_http"] == 5.5


def test_a_machine_without_npm_is_told_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where npm is missing, the reason and the way out are one sentence each."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="There is no npm") as caught:
        cloud_peers.install(tmp_path / "npm")
    assert "Install Node.js" in caught.value.hint
    assert not (tmp_path / "npm").exists()
