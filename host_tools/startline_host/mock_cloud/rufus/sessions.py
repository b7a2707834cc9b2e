"""The calls about timing sessions: insert, close, list, active, one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from startline_host.mock_cloud.answers import ApiAnswer, ApiRefusal, success_answer
from startline_host.mock_cloud.rufus.devices import find_device
from startline_host.mock_cloud.rufus.request import Text, Words
from startline_host.mock_cloud.store import iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.mock_cloud.rufus.request import RufusRequest

#: Sessions of one company, each with the number of its passings and the dates of the first and
#: last of them.
_SESSIONS = (
    "SELECT sessions.*, devices.deviceid, COUNT(passings.id) AS passings,"
    " MIN(passings.timestamp) AS first, MAX(passings.timestamp) AS last"
    " FROM sessions JOIN devices ON devices.id = sessions.device"
    " LEFT JOIN passings ON passings.session = sessions.id WHERE devices.company = ?"
)
_GROUPED = " GROUP BY sessions.id ORDER BY sessions.id"


class CreateSessionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /sessions` in the newest description."""

    deviceid: Words
    alias: Text | None = None


class OlderSessionRequest(msgspec.Struct):
    """The same on the older page, which ignores what it does not know."""

    deviceid: Words
    alias: Text | None = None


def insert(request: RufusRequest, *, new_token: Callable[[], str]) -> ApiAnswer:
    """Start a session on a device; any other active one of that device is closed."""
    asked: CreateSessionRequest | OlderSessionRequest = (
        request.read(CreateSessionRequest)
        if request.rules.strict
        else request.read(OlderSessionRequest)
    )
    device = find_device(request, asked.deviceid)
    token = new_token()
    now = request.store.now()
    with request.store.transaction() as database:
        database.execute(
            "UPDATE sessions SET closed = ? WHERE device = ? AND closed IS NULL",
            (now, device["id"]),
        )
        database.execute(
            "INSERT INTO sessions (device, token, alias, created) VALUES (?, ?, ?, ?)",
            (device["id"], token, asked.alias or "", now),
        )
        database.execute("UPDATE devices SET last_seen = ? WHERE id = ?", (now, device["id"]))
    return ApiAnswer(201, {"description": "Session inserted succesfully", "token_session": token})


def close(request: RufusRequest) -> ApiAnswer:
    """Close a session; closing it again changes nothing."""
    session = find_session(request, request.path["token_session"])
    now = request.store.now()
    with request.store.transaction() as database:
        database.execute(
            "UPDATE sessions SET closed = coalesce(closed, ?) WHERE id = ?", (now, session["id"])
        )
        database.execute("UPDATE devices SET last_seen = ? WHERE id = ?", (now, session["device"]))
    return ApiAnswer(
        200, {"description": "Session closed succesfully", "token_session": session["token"]}
    )


def find_session(request: RufusRequest, token: str) -> dict[str, Any]:
    """Find the row of one of the company's sessions, or refuse with 404."""
    row = request.store.row(
        f"{_SESSIONS} AND sessions.token = ?{_GROUPED}", request.company, token
    )
    if row is None:
        raise ApiRefusal(404, "Session not found", token_session=token)
    return row


def sessions_of(request: RufusRequest, deviceid: str) -> list[dict[str, Any]]:
    """List the rows of a device's sessions, oldest first; refuse with 404 if there is none."""
    find_device(request, deviceid)
    rows = request.store.rows(
        f"{_SESSIONS} AND devices.deviceid = ?{_GROUPED}", request.company, deviceid
    )
    if not rows:
        raise ApiRefusal(404, "Sessions not found", deviceid=deviceid)
    return rows


def list_sessions(request: RufusRequest) -> ApiAnswer:
    """List a device's sessions, oldest first."""
    rows = sessions_of(request, request.path["deviceid"])
    return success_answer(result=[describe(row) for row in rows])


def active_session(request: RufusRequest) -> ApiAnswer:
    """Describe a device's active session, as a list of one: so the page has it."""
    deviceid = request.path["deviceid"]
    active = [row for row in sessions_of(request, deviceid) if row["closed"] is None]
    if not active:
        raise ApiRefusal(404, "Sessions not found", deviceid=deviceid)
    return success_answer(result=[describe(row) for row in active])


def one_session(request: RufusRequest) -> ApiAnswer:
    """Describe one session."""
    return success_answer(result=describe(find_session(request, request.path["token_session"])))


def describe(row: dict[str, Any]) -> dict[str, object]:
    """Name a session's fields as the API does."""
    return {
        "token_session": row["token"],
        "alias": row["alias"],
        "creation_date": iso(row["created"]),
        "active": row["closed"] is None,
        "passings": row["passings"],
        "first": row["first"],
        "last": row["last"],
    }
