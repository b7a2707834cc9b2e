"""The RUFUS calls about timing sessions."""

from __future__ import annotations

from .conftest import Client

NOBODY = "0" * 64


def test_a_new_session_closes_the_one_before(client: Client) -> None:
    """A device has one active session at most, the newest."""
    device = client.bind()
    first, second = client.session(device, "5K"), client.session(device, "10K")
    listed = client.get(f"/sessions/device/{device}").json()["result"]
    assert [(one["token_session"], one["active"]) for one in listed] == [
        (first, False),
        (second, True),
    ]
    active = client.get(f"/sessions/device/{device}/active").json()["result"]
    assert [one["token_session"] for one in active] == [second]


def test_a_session_tells_of_its_passings(client: Client) -> None:
    """A session says how many passings it has, and when the first and last were."""
    token = client.session(client.bind(), "Finish")
    client.pass_by(token, 3, 1, 2)
    session = client.get(f"/sessions/{token}").json()["result"]
    assert (session["alias"], session["passings"]) == ("Finish", 3)
    assert session["first"] == "2026-05-01T09:00:01.000Z"
    assert session["last"] == "2026-05-01T09:00:03.000Z"


def test_a_closed_session_takes_no_more(client: Client) -> None:
    """After PATCH close, passings are refused with 404; closing again changes nothing."""
    device = client.bind()
    token = client.session(device)
    for _ in range(2):
        answer = client.call("PATCH", f"/sessions/close/{token}")
        assert (answer.status_code, answer.json()["token_session"]) == (200, token)
    refusal = client.pass_by(token, 1)
    assert refusal.status_code == 404
    assert refusal.json()["description"] == "Session not found or closed"
    assert client.get(f"/sessions/device/{device}/active").status_code == 404


def test_what_is_not_there_gets_404(client: Client) -> None:
    """Unknown devices and sessions are not found, and a device without sessions has none."""
    device = client.bind()
    for path in (
        f"/sessions/{NOBODY}",
        f"/sessions/device/{NOBODY}",
        f"/sessions/device/{device}",
        f"/sessions/device/{device}/active",
        "/sessions/device",
    ):
        assert client.get(path).status_code == 404, path
    assert client.call("PATCH", f"/sessions/close/{NOBODY}").status_code == 404
    answer = client.post("/sessions", {"deviceid": NOBODY})
    assert (answer.status_code, answer.json()["description"]) == (404, "Device not found")


def test_a_session_needs_a_device(client: Client) -> None:
    """A body without deviceid is refused."""
    assert client.post("/sessions", {"alias": "x"}).status_code == 400
