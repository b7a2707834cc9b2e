"""The mock of a cloud that is only described."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from startline_host.clouds.cloud_kind import PlainCloud
from startline_host.mock_cloud import MockOptions
from startline_host.mock_cloud.plain_cloud import make_mock

_CLOUD = PlainCloud(
    prefix="/plain",
    path="/timers",
    key_header="Authorization",
    token_form="%d",
    token="uuid",
    serial="sn",
    mark="build",
    created="since",
    words="detail",
)


@pytest.mark.parametrize(
    ("prefix", "said", "status"),
    [
        ("Bearer ", "Bearer {}", 201),
        ("Bearer ", "{}", 403),
        ("Bearer ", "Basic {}", 403),
        ("", "{}", 201),
        ("", "Bearer {}", 403),
    ],
)
def test_a_key_stands_behind_its_prefix(prefix: str, said: str, status: int) -> None:
    """What the description says stands before a key has to stand there, and nothing else."""
    described = msgspec.structs.asdict(msgspec.structs.replace(_CLOUD, key_prefix=prefix))
    with make_mock(MockOptions(tls=False), **described) as mock:
        headers = {"Authorization": said.format(mock.keys["WRITE"])}
        answer = httpx.post(f"{mock.root_url}/plain/timers", headers=headers, json={"sn": "S-1"})
    assert answer.status_code == status


def test_a_token_is_spoilt_by_its_own_name() -> None:
    """A fault on tokens finds what this cloud calls one."""
    described = msgspec.structs.asdict(_CLOUD)
    with make_mock(MockOptions(tls=False, faults=["token_nullx1"]), **described) as mock:
        headers = {"Authorization": mock.keys["WRITE"]}
        answer = httpx.post(f"{mock.root_url}/plain/timers", headers=headers, json={"sn": "S-1"})
    assert answer.json() == {"uuid": None}


@pytest.mark.parametrize("prefix", ["/v0", "/api", ""])
def test_its_prefix_may_be_one_of_another_cloud(prefix: str) -> None:
    """A base URL that ends as RUFUS's does leads to this cloud where this one is played."""
    described = msgspec.structs.asdict(msgspec.structs.replace(_CLOUD, prefix=prefix))
    with make_mock(MockOptions(tls=False), **described) as mock:
        headers = {"Authorization": mock.keys["WRITE"]}
        answer = httpx.post(f"{mock.root_url}{prefix}/timers", headers=headers, json={"sn": "S-1"})
    assert answer.json() == {"uuid": "1"}
