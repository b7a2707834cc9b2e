"""The faults of sessions and passings: answers that get lost, sessions that others close."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from startline_host.errors import BadInput

from .conftest import Client, Start

Connect = Callable[..., Client]


def sessions(client: Client, device: str) -> list[dict[str, object]]:
    """List a device's sessions; none is a list as well."""
    answer = client.get(f"/sessions/device/{device}").json()
    return list(answer.get("result", []))


def numbers(client: Client, token: str) -> list[int]:
    """List the numbers of a session's passings."""
    rows = client.get(f"/passings/session/{token}").json()["result"]
    return [row["num_passing"] for row in rows]


def test_a_session_whose_answer_is_lost(client: Client) -> None:
    """The session is there and closes the one before, though no answer came."""
    device = client.bind()
    client.session(device, "5K")
    client.cloud.faults.turn_on("commit_then_dropx1@POST@/v0/sessions")
    with pytest.raises(httpx.TransportError):
        client.session(device, "10K")
    found = [(one["alias"], one["active"]) for one in sessions(client, device)]
    assert found == [("5K", False), ("10K", True)]


def test_a_session_that_comes_late(client: Client) -> None:
    """One that is opened late closes whatever was opened meanwhile."""
    device = client.bind()
    client.cloud.faults.turn_on("commit_late:300x1@POST@/v0/sessions")
    with pytest.raises(httpx.TransportError):
        client.session(device, "late")
    assert sessions(client, device) == []
    token = client.session(device, "again")
    client.cloud.commit_late_now()
    found = [(one["alias"], one["active"]) for one in sessions(client, device)]
    assert found == [("again", False), ("late", True)]
    assert client.pass_by(token, 1).status_code == 404


def test_passings_whose_answer_is_lost(client: Client) -> None:
    """Passings are there though no answer came, and are doubles when they come again."""
    token = client.session(client.bind())
    client.cloud.faults.turn_on("commit_then_dropx1@POST@/v0/passings")
    with pytest.raises(httpx.TransportError):
        client.pass_by(token, 1, 2)
    assert numbers(client, token) == [1, 2]
    assert client.pass_by(token, 1, 2).json()["duplicate_count"] == 2


@pytest.mark.parametrize(("rule", "stored"), [("full", [1, 2]), ("none", [1, 1, 2, 2])])
def test_passings_that_come_late(
    start: Start, connect: Connect, rule: str, stored: list[int]
) -> None:
    """What was dropped and sent again arrives a second time; the rule for doubles decides."""
    client = connect(start(duplicates=rule))
    token = client.session(client.bind())
    client.cloud.faults.turn_on("commit_late:300x1@POST@/v0/passings")
    with pytest.raises(httpx.TransportError):
        client.pass_by(token, 1, 2)
    assert numbers(client, token) == []
    client.pass_by(token, 1, 2)
    client.cloud.commit_late_now()
    assert numbers(client, token) == stored


def test_somebody_else_closes_the_session(client: Client) -> None:
    """The session is closed just before passings come, and takes none of them."""
    token = client.session(client.bind())
    client.cloud.faults.turn_on("session_closedx1")
    refusal = client.pass_by(token, 1)
    assert (refusal.status_code, numbers(client, token)) == (404, [])
    assert refusal.json()["description"] == "Session not found or closed"
    client.cloud.faults.turn_on("session_closedx1")
    assert client.post("/passings", ["nothing"]).status_code == 400


def test_a_test_closes_the_session(client: Client) -> None:
    """So does a test, at once; what was closed already is told."""
    token = client.session(client.bind())
    assert [client.cloud.close_session(token) for _ in range(2)] == [True, False]
    assert client.pass_by(token, 1).status_code == 404


def test_a_test_reads_sessions_withdraws_a_key_and_changes_the_rules(client: Client) -> None:
    """What races left is listed with its passings; a key is none until it is given back."""
    device = client.bind()
    token = client.session(device, "10K")
    assert client.pass_by(token, 2, 1).status_code == 201
    (session,) = client.cloud.sessions()
    assert (session["alias"], session["active"], session["token_session"]) == ("10K", True, token)
    assert [row["num_passing"] for row in session["passings"]] == [2, 1]
    key = client.cloud.keys["WRITE"]

    def close() -> int:
        path, headers = f"/sessions/close/{token}", {"api_key": key}
        return client.call("PATCH", path, headers=headers).status_code

    give_back = client.cloud.withdraw_key(key)
    assert close() in {401, 403}
    with pytest.raises(BadInput):
        client.cloud.withdraw_key(key)
    give_back()
    assert close() == 200
    token = client.session(device, "5K")
    client.cloud.use_rules(largest_list=1)
    assert client.pass_by(token, 3, 4).status_code == 413
    client.cloud.use_rules()
    assert client.pass_by(token, 3, 4).status_code == 201


def test_only_some_are_inserted(client: Client) -> None:
    """The first passings are inserted and counted, and the rest is passed over in silence."""
    token = client.session(client.bind())
    client.cloud.faults.turn_on("insert_first:2x2")
    assert client.pass_by(token, 1, 2, 3).json()["inserted_count"] == 2
    assert numbers(client, token) == [1, 2]
    assert client.post("/passings", ["nothing"]).status_code == 400


def test_the_list_of_passings_lags(client: Client) -> None:
    """Young passings are left out and not counted, and the old ones are there."""
    token = client.session(client.bind())
    client.pass_by(token, 1)
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    young = {"bib": "2", "num_passing": 2, "timestamp": now}
    client.post("/passings", {"token_session": token, "passings_list": [young]})
    client.cloud.faults.turn_on("passings_lag:300x1")
    assert client.get(f"/sessions/device/{client.cloud.devices()[0]['deviceid']}").is_success
    answer = client.get(f"/passings/session/{token}").json()
    assert [row["num_passing"] for row in answer["result"]] == [1]
    assert answer["pagination"]["total"] == 1
    assert numbers(client, token) == [1, 2]


@pytest.mark.parametrize("envelope", ["bare", "body"])
def test_the_list_of_sessions_lags(start: Start, connect: Connect, envelope: str) -> None:
    """Young sessions are left out, and a device that has no others seems to have none."""
    client = connect(start(envelope=envelope, faults=["sessions_lag:300"]))
    bound = client.post("/devices", {"model": "X1", "serial_number": "R1"}).json()
    device = (bound["body"] if envelope == "body" else bound)["deviceid"]
    client.post("/sessions", {"deviceid": device})
    for path in (f"/sessions/device/{device}", f"/sessions/device/{device}/active"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "Sessions not found" in answer.text
    client.cloud.store.now = lambda: 0.0
    client.post("/sessions", {"deviceid": device})
    assert client.get(f"/sessions/device/{device}").text.count("token_session") == 1
