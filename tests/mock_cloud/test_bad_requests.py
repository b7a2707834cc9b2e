"""Whatever comes over the wire: documented answers, bounds, and no traceback."""

from __future__ import annotations

import json
import logging
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_mock import MockerFixture

from startline_host.local_web import connection, server
from startline_host.local_web.request_body import MAX_BODY
from startline_host.mock_cloud import MockCloud, MockOptions

from .conftest import Client, Start

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        ["model", "serial_number", "alias", "deviceid", "token_session", "passings_list", "bib",
         "login", "name", "type", "mac", "skip_reserve_check"]
    ),
    JSON,
)  # fmt: skip
DOCUMENTED = {200, 201, 204, 400, 403, 404, 405, 409, 413, 421, 422}

PATHS = ["/v0/devices", "/v0/devices/x", "/v0/sessions", "/v0/sessions/close/x", "/v0/passings",
         "/v0/passings/device2/x", "/api/v1/billing/devices/activate",
         "/api/v1/billing/devices/check", "/", "/_page/faults", "/_page/reset", "/_page/state",
         "/_page/requests/1", "/_page/sessions/x", "/openapi.json", "/nothing"]  # fmt: skip


@pytest.fixture(scope="module")
def module_cloud() -> Iterator[MockCloud]:
    """Run one cloud for the many requests of this file."""
    with MockCloud(MockOptions(tls=False)) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def module_client() -> Iterator[httpx.Client]:
    """Keep connections, so that hundreds of requests take no time."""
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


def raw(cloud: MockCloud, data: bytes, *, wait: float = 5.0) -> bytes:
    """Send bytes as they are, and return what comes until the cloud closes or `wait` is over."""
    got = b""
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=wait) as client:
        with suppress(OSError):
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while piece := client.recv(65536):
                got += piece
    return got


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"]),
    path=st.sampled_from(PATHS),
    query=st.dictionaries(
        st.sampled_from(["page", "limit", "first", "last", "from", "to", "token_session"]),
        st.text(max_size=20),
    ),
    body=FIELDS.map(lambda fields: json.dumps(fields).encode())
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=200),
    header=st.binary(max_size=40),
)
def test_any_request_gets_a_documented_answer(
    module_cloud: MockCloud,
    module_client: httpx.Client,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    query: dict[str, str],
    body: bytes,
    header: bytes,
) -> None:
    """Any method, path, query, header and body gets a status of the table, and no error is logged."""
    try:
        answer = module_client.request(
            method,
            module_cloud.root_url + path,
            params=query,
            content=body,
            headers={
                b"api_key": module_cloud.keys["READ_WRITE_UNBIND"].encode(),
                b"content-type": b"application/json",
                b"x-any": header.translate(None, b"\r\n\0"),
            },
        )
    except httpx.LocalProtocolError:
        return  # the client itself refuses to send such a header
    assert answer.status_code in DOCUMENTED
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
        b"GET /v0/devices HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"POST /v0/devices HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"GET /%ff%00%2e%2e/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_proper_http_is_refused(
    module_cloud: MockCloud, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    """Garbage gets a 4xx or a closed connection; the next request is served as ever."""
    answer = raw(module_cloud, data)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200"))
    assert httpx.get(module_cloud.root_url, trust_env=False).status_code == 200
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("chunked", [False, True])
def test_an_oversized_body_is_refused(module_cloud: MockCloud, chunked: bool) -> None:
    """A body over the limit gets 413, whether its length was announced or not."""
    body = b" " * (MAX_BODY + 1)
    answer = httpx.post(
        f"{module_cloud.base_url}/devices",
        content=iter([body]) if chunked else body,
        headers={"api_key": module_cloud.keys["WRITE"]},
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == 413
    assert answer.json() == {"description": "The body is too large"}


def test_the_largest_body_is_taken(start: Start, connect: Callable[..., Client]) -> None:
    """Five thousand full passings, the most that one page shows, go in at once."""
    client = connect(start())
    token = client.session(client.bind())
    passings = [
        {
            "bib": f"{n:06}", "num_passing": n, "timestamp": "2026-05-01T09:00:00.000Z",
            "chip": "E2801160600002" + "0" * 10, "participant_id": f"P{n:020}", "status": "Sent",
            "latitude": 12.3456789, "longitude": 13.4567891, "timezone": "Europe/Madrid",
        }
        for n in range(5000)
    ]  # fmt: skip
    body = {"token_session": token, "passings_list": passings}
    assert client.post("/passings", body).json()["inserted_count"] == 5000


@pytest.mark.parametrize("tls", [False, True])
def test_thousands_of_idle_connections_keep_nobody_out(
    start: Start, connect: Callable[..., Client], tls: bool
) -> None:
    """Idle connections are let go when there are too many, and a reader is served meanwhile."""
    count = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3)
    client = connect(start(tls=tls))
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", client.cloud.port), 10))
        assert client.bind()


def is_closed(client: socket.socket) -> bool:
    """Wait for the other side to close the connection."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_the_oldest_idle_connections_go_first(
    monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    """Beyond the bound each new connection costs the one that is idle for longest its place."""
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 5)
    cloud = start(tls=False)
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", cloud.port), 10))
            for _ in range(12)
        ]
        assert all(is_closed(client) for client in clients[:7])
        clients[-1].settimeout(0.1)
        with pytest.raises(TimeoutError):
            clients[-1].recv(1)


def test_a_handshake_that_never_comes_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    """A connection that does not begin TLS is closed soon."""
    monkeypatch.setattr(server, "_HANDSHAKE_SECONDS", 0.1)
    cloud = start()
    with socket.create_connection(("127.0.0.1", cloud.port), 10) as client:
        assert is_closed(client)


HALF = b"POST /v0/devices HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"


@pytest.mark.parametrize("sent", [b"", b"POST /v0/dev", HALF])
def test_a_connection_that_says_nothing_is_closed(
    monkeypatch: pytest.MonkeyPatch, start: Start, sent: bytes
) -> None:
    """A connection that sends no whole request is closed after a while, at any point of it."""
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.1)
    cloud = start(tls=False)
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as client:
        client.sendall(sent)
        assert is_closed(client)


def test_a_connection_between_two_requests_is_in_use(mocker: MockerFixture) -> None:
    """Whoever asked since the last look is not cut off; whoever did not is."""
    kept = mocker.Mock(_late=None)
    kept.is_busy.return_value = False
    for asked in ("one", "another", "a third"):  # answered by the time of a look
        kept.cycle = asked
        connection.BoundedConnection._look(kept)
        kept.transport.abort.assert_not_called()
    connection.BoundedConnection._look(kept)
    kept.transport.abort.assert_called_once_with()


def test_a_long_answer_is_not_taken_for_idleness(
    monkeypatch: pytest.MonkeyPatch, start: Start, connect: Callable[..., Client]
) -> None:
    """A connection whose request is being worked on stays, however long that takes."""
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.1)
    client = connect(start(faults=["slow:1"]))
    assert client.bind()


def test_the_cloud_stops_at_once_whatever_is_open(start: Start) -> None:
    """Idle connections, half requests, open pages and stalled answers do not hold up the end."""
    with MockCloud(MockOptions(tls=False, faults=["stall:3600"])) as cloud, ExitStack() as stack:
        for data in (
            b"",
            b"POST /v0/devices HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
            b"POST /v0/devices HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
            b"GET /_page/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", cloud.port), 10))
            client.sendall(data)
        cloud.requests.wait_for_request("POST", count=2, ended=False)
        began = time.monotonic()
        cloud.close()
        ended = time.monotonic()
    assert ended - began < 5
