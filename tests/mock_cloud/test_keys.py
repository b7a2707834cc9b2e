"""Keys and what they may do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from startline_host.errors import BadInput
from startline_host.mock_cloud import MockCloud
from startline_host.mock_cloud.keys import ACCESS, EXAMPLE_KEY

from .conftest import Client

Connect = Callable[..., Client]

CALLS = [("GET", "/devices"), ("POST", "/devices"), ("PATCH", "/sessions/close/x"),
         ("DELETE", "/devices/x")]  # fmt: skip


@pytest.mark.parametrize("access", ACCESS)
def test_each_access_type_may_do_what_the_page_says(
    cloud: MockCloud, connect: Connect, access: str
) -> None:
    """READ may GET, WRITE may POST and PATCH, and only the unbind flag may DELETE."""
    client = connect(cloud, access)
    allowed = {
        method for method, path in CALLS if client.call(method, path, json={}).status_code != 403
    }
    assert allowed == ACCESS[access] - {"HEAD"}


def test_the_vendors_example_key_may_write(cloud: MockCloud) -> None:
    """The first company's WRITE key is the one of the vendor's pages."""
    assert cloud.keys["WRITE"] == EXAMPLE_KEY
    assert set(cloud.keys) == set(ACCESS)


@pytest.mark.parametrize("header", ["api_key", "API_KEY", "x-api-key", "X-Api-Key"])
def test_either_header_carries_the_key(client: Client, header: str) -> None:
    """The key is taken from `api_key` and from `x-api-key`, in any case."""
    answer = client.http.get(f"{client.cloud.base_url}/devices", headers={header: client.key})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [[], [("api_key", "")], [("api_key", "ror-00000000000000000000")], [("api_key", "ünknown")],
     [("authorization", "ror-ae4fc6c19681a20fad30")]],
)  # fmt: skip
def test_without_a_known_key_nothing_goes(client: Client, headers: list[tuple[str, str]]) -> None:
    """No key, an empty one, an unknown one, or one in the wrong header gets 403."""
    pairs = [(name.encode(), value.encode()) for name, value in headers]
    for path in ("/devices", "/devices/x", "/sessions/x"):
        answer = client.http.get(client.cloud.base_url + path, headers=pairs)
        assert answer.status_code == 403, path


def test_of_two_headers_the_older_counts(client: Client) -> None:
    """Where both headers carry a key, `api_key` is the one; twice the same header is one too many."""
    url = f"{client.cloud.base_url}/devices"
    for older, newer, status in ((client.key, "x", 200), ("x", client.key, 403)):
        answer = client.http.get(url, headers={"x-api-key": newer, "api_key": older})
        assert answer.status_code == status
    twice = [("api_key", client.key), ("api_key", client.key)]
    assert client.http.get(url, headers=twice).status_code == 403


def test_the_key_is_judged_before_the_body(cloud: MockCloud, connect: Connect) -> None:
    """A key without the right learns nothing about what would be wrong with its body."""
    assert connect(cloud, "READ").call("POST", "/devices", content=b"{").status_code == 403


def test_a_company_has_ten_keys_at_most(cloud: MockCloud) -> None:
    """The eleventh key is refused in words."""
    company = cloud.store.company("Small")
    for _ in range(10):
        cloud.store.add_key(company, "READ")
    with pytest.raises(BadInput, match="10 keys"):
        cloud.store.add_key(company, "READ")


def test_keys_never_stand_in_the_log(client: Client) -> None:
    """A logged request shows a key's fingerprint, and nothing of the key itself."""
    client.http.get(
        f"{client.cloud.base_url}/devices",
        headers={"api_key": client.key, "Authorization": "Bearer top-secret", "Cookie": "a=b"},
    )
    shown = repr(client.cloud.requests[0])
    assert client.key not in shown
    assert "top-secret" not in shown
    assert client.cloud.requests[0].header("API_KEY") == client.cloud.requests[0].header("api_key")
    assert str(client.cloud.requests[0].header("api_key")).startswith("***")
