"""The request log: counting, finding, waiting."""

from __future__ import annotations

import socket
import threading

import pytest

from startline_host.errors import TimedOut
from startline_host.mock_cloud import MockCloud
from startline_host.mock_cloud.request_log import BODY_KEPT, CAPACITY, RequestLog

from .conftest import SEED_BODY, Client, Start


def test_a_request_is_noted_whole(client: Client) -> None:
    """Method, path, query, headers, body, status and answer are there as they were."""
    client.call("POST", "/devices?x=1", content=SEED_BODY, headers={"X-Mark": b"\xe9"})
    entry = client.cloud.requests[-1]
    assert (entry.method, entry.path, entry.query) == ("POST", "/v0/devices", "x=1")
    assert (entry.body, entry.whole, entry.ended, entry.status) == (SEED_BODY, True, True, 201)
    assert b"deviceid" in entry.answer
    assert entry.header("X-MARK") == "é"
    assert client.cloud.connections == 1


def test_requests_are_counted_by_what_they_were(client: Client) -> None:
    """Counting and finding go by method, path and status."""
    client.bind()
    client.get("/devices")
    client.get("/devices/x")
    log = client.cloud.requests
    assert (log.count(), log.count("GET"), log.count("GET", status=404)) == (3, 2, 1)
    assert [entry.number for entry in log.find(path="/v0/devices")] == [1, 2]


def test_one_can_wait_for_a_request(client: Client) -> None:
    """Waiting ends when the request has been answered, not before."""
    thread = threading.Timer(0.1, client.bind)
    thread.start()
    entry = client.cloud.wait_for_request("POST", "/v0/devices")
    thread.join()
    assert entry.status == 201


def test_waiting_has_an_end(cloud: MockCloud) -> None:
    """What does not come in time is told, with what came instead."""
    with pytest.raises(TimedOut, match="0 of 2 requests"):
        cloud.wait_for_request("POST", count=2, timeout=0.05)


def test_a_request_that_is_cut_is_noted_as_such(start: Start) -> None:
    """A request whose body never came whole stands in the log without an answer."""
    cloud = start(tls=False)
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as raw:
        raw.sendall(
            b"POST /v0/devices HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"
        )
        entry = cloud.requests.wait_for_request("POST", ended=False)
        assert not entry.whole
    entry = cloud.wait_for_request("POST")
    assert (entry.whole, entry.status, entry.body) == (False, None, b"half")
    assert cloud.devices() == []


def test_the_log_is_bounded(client: Client) -> None:
    """Old requests go when there are too many, and long bodies are cut."""
    client.call("POST", "/devices", content=b"x" * (BODY_KEPT + 1))
    assert len(client.cloud.requests[0].body) == BODY_KEPT
    log = RequestLog()
    for _ in range(CAPACITY + 5):
        log.open("GET", "/", "", [], 0.0)
    assert (len(log), log[0].number) == (CAPACITY, 6)
