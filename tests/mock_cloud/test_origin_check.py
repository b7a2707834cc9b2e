"""Host and Origin are checked, on loopback too."""

from __future__ import annotations

import httpx
import pytest

from startline_host.local_web.origin_check import host_name
from startline_host.mock_cloud import MockCloud

from .conftest import Client, Start


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8443", "", "a@localhost",
             "localhost:x", "localhost/x", "[::1", "0.0.0.0"],  # noqa: S104
)  # fmt: skip
def test_other_host_names_are_turned_away(client: Client, host: str) -> None:
    """A name that was only pointed at loopback gets no answer; the log tells of such readers."""
    for path in ("/", "/_page/state", "/openapi.json", "/v0/devices"):
        answer = client.http.get(
            client.cloud.root_url + path, headers={"Host": host, "api_key": client.key}
        )
        assert answer.status_code == 421, path
    assert [entry.status for entry in client.cloud.requests] == [421]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:99"])
def test_our_own_names_are_let_in(client: Client, host: str) -> None:
    """Loopback's names are ours with any port, since a proxy has another one."""
    assert client.get("/devices", headers={"Host": host}).status_code == 200


def test_a_name_can_be_added(start: Start) -> None:
    """A host name that was asked for is answered to."""
    cloud = start(tls=False, names=["bench.example"])
    answer = httpx.get(cloud.root_url, headers={"Host": "bench.example"}, trust_env=False)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "https://localhost:1"},
     {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "cross-site"},
     {"Sec-Fetch-Site": "same-site"}],
)  # fmt: skip
def test_pages_of_other_sites_are_turned_away(client: Client, headers: dict[str, str]) -> None:
    """A request that another site's page sends switches, resets and binds nothing."""
    root = client.cloud.root_url
    for path in ("/_page/faults", "/_page/reset", "/v0/devices"):
        answer = client.http.post(
            root + path, json={"on": "status"}, headers={**headers, "api_key": client.key}
        )
        assert answer.status_code == 403, path
    assert client.cloud.faults.active == []


def test_the_page_itself_is_let_in(client: Client) -> None:
    """A request from the page's own origin switches a fault."""
    root = client.cloud.root_url
    answer = client.http.post(
        f"{root}/_page/faults", json={"on": "status:500"}, headers={"Origin": root}
    )
    assert answer.status_code == 200
    assert [str(order) for order in client.cloud.faults.active] == ["status:500"]


def test_a_form_cannot_switch_anything(client: Client) -> None:
    """What a plain HTML form can send is no order, whatever stands in it."""
    answer = client.http.post(
        f"{client.cloud.root_url}/_page/faults",
        content=b'{"on":"status"}',
        headers={"Content-Type": "text/plain"},
    )
    assert answer.status_code == 400
    assert client.cloud.faults.active == []


@pytest.mark.parametrize(
    ("host", "name"),
    [("Example:80", "example"), ("[2001:DB8::1]:1", "2001:db8::1"), ("a b", "a b"), ("", None)],
)
def test_names_are_read_out_of_host_headers(host: str, name: str | None) -> None:
    """Port and case do not matter, and brackets belong to the address."""
    assert host_name(host) == name


def test_an_unknown_path_is_noted_and_not_found(cloud: MockCloud, client: Client) -> None:
    """A reader with a wrong base URL sees 404, and its request stands in the log."""
    for path in ("/v1/devices", "/v0/devices/%0A"):
        answer = client.http.post(cloud.root_url + path, json={})
        assert (answer.status_code, answer.json()) == (404, {"description": "Not Found"})
    assert [entry.path for entry in cloud.requests] == ["/v1/devices", "/v0/devices/\n"]
