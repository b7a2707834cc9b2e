"""The calls about race passings: insert, by range, by time, and reading on where one stopped."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from startline_host.mock_cloud.answers import ApiAnswer, ApiRefusal, success_answer
from startline_host.mock_cloud.rufus.devices import find_device
from startline_host.mock_cloud.rufus.request import (
    MAX_NUMBER,
    PAGE_SIZE,
    TIMESTAMP,
    RufusRequest,
    Text,
    Words,
    pagination,
)
from startline_host.mock_cloud.rufus.sessions import find_session, sessions_of

#: A whole number as JSON has it: `40.0` is one as well.
Whole = Annotated[
    float,
    msgspec.Meta(ge=0, le=MAX_NUMBER, multiple_of=1, extra_json_schema={"type": "integer"}),
]
Coordinate = Annotated[float, msgspec.Meta(ge=-180, le=180)] | Text | None


class SubmittedPassing(msgspec.Struct):
    """One competitor seen at one time; `chips` is what an older page calls `chip`."""

    bib: Words
    num_passing: Whole
    timestamp: Annotated[str, msgspec.Meta(pattern=TIMESTAMP)]
    latitude: Coordinate = None
    longitude: Coordinate = None
    status: Text | None = None
    participant_id: Text | None = None
    chip: Text | None = None
    chips: Text | None = None
    timezone: Text | None = None
    gender: Text | None = None


class PassingsRequest(msgspec.Struct):
    """The body of `POST /passings`."""

    token_session: Words
    passings_list: Annotated[list[SubmittedPassing], msgspec.Meta(min_length=1)]


_COLUMNS = (
    "bib", "num_passing", "timestamp", "latitude", "longitude", "status", "participant_id",
    "chip", "timezone", "gender",
)  # fmt: skip

_INSERT = (
    f"INSERT OR IGNORE INTO passings (session, {', '.join(_COLUMNS)})"  # noqa: S608 - our names
    f" VALUES (?{', ?' * len(_COLUMNS)})"
)

_SELECT = (
    f"SELECT {', '.join(f'passings.{name}' for name in _COLUMNS)},"  # noqa: S608 - our names
    " sessions.token AS token_session, devices.deviceid"
    " FROM passings JOIN sessions ON sessions.id = passings.session"
    " JOIN devices ON devices.id = sessions.device"
)


def insert(request: RufusRequest) -> ApiAnswer:
    """Insert passings into an active session, all or none.

    One that the session has already, with the same number, bib and time, counts as a duplicate
    and is not stored again.
    """
    asked = request.read(PassingsRequest)
    token = asked.token_session
    with request.store.transaction() as database:
        session = database.execute(
            "SELECT sessions.id, device FROM sessions JOIN devices ON devices.id = device"
            " WHERE token = ? AND company = ? AND closed IS NULL",
            (token, request.company),
        ).fetchone()
        if session is None:
            raise ApiRefusal(404, "Session not found or closed", token_session=token)
        inserted = sum(
            database.execute(_INSERT, (session["id"], *_values(passing))).rowcount
            for passing in asked.passings_list
        )
        database.execute(
            "UPDATE devices SET last_seen = ? WHERE id = ?",
            (request.store.now(), session["device"]),
        )
    return ApiAnswer(
        201,
        {
            "description": "Passings inserted succesfully",
            "token_session": token,
            "inserted_count": inserted,
            "duplicate_count": len(asked.passings_list) - inserted,
        },
    )


def _values(passing: SubmittedPassing) -> list[object]:
    values = {name: getattr(passing, name) for name in _COLUMNS}
    values["num_passing"] = int(passing.num_passing)
    values["chip"] = passing.chip or passing.chips
    for name in ("latitude", "longitude"):
        values[name] = None if values[name] is None else str(values[name])
    return list(values.values())


def by_session(request: RufusRequest) -> ApiAnswer:
    """List a session's passings by `num_passing`, from `first` to `last`."""
    first = request.number("first", least=0, default=0)
    last = request.number("last", least=0, default=MAX_NUMBER)
    session = find_session(request, request.path["token_session"])
    where = " WHERE passings.session = ? AND num_passing BETWEEN ? AND ?"
    order = " ORDER BY num_passing, passings.id"
    rows, pages = _page(request, where, order, session["id"], first, last)
    return success_answer(result=rows, pagination=pages)


def by_time(request: RufusRequest) -> ApiAnswer:
    """List a device's passings of all sessions by time, between `from` and `to`."""
    begin, end = _period(request)
    device = find_device(request, request.path["deviceid"])
    where = " WHERE sessions.device = ? AND timestamp BETWEEN ? AND ?"
    order = " ORDER BY timestamp, passings.id"
    rows, pages = _page(request, where, order, device["id"], begin, end)
    return success_answer(result=rows, pagination=pages)


def resume(request: RufusRequest) -> ApiAnswer:
    """Read on: after `last` in `token_session`, or in the next session that has something new.

    Without `token_session` it begins with the device's oldest session that has something, and
    `last` means nothing.
    """
    begin, end = _period(request)
    deviceid = request.path["deviceid"]
    token = request.query.get("token_session")
    last = request.number("last", least=0)
    page = request.page()
    sessions = sessions_of(request, deviceid)
    if token is not None:
        known = [row["token"] for row in sessions]
        if token not in known:
            raise ApiRefusal(404, "Session not found", token_session=token)
        sessions = sessions[known.index(token) :]
    where = " WHERE passings.session = ? AND num_passing > ? AND timestamp BETWEEN ? AND ?"
    order = " ORDER BY num_passing, passings.id"
    for row in sessions:
        after = last if last is not None and row["token"] == token else None
        low = -1 if after is None else after
        rows, pages = _page(request, where, order, row["id"], low, begin, end)
        if pages["total"] or row is sessions[-1]:
            break
    return ApiAnswer(
        200,
        {
            "description": "Success",
            "deviceid": deviceid,
            "session_used": row["token"],
            "session_label": row["alias"],
            "resumed_from": after,
            "passings": rows,
            "pagination": {**pages, "page": page},
        },
    )


def _period(request: RufusRequest) -> tuple[str, str]:
    """Read `from` and `to`; dates in the API's form sort as texts."""
    return request.moment("from") or "", request.moment("to") or "~"


def _page(
    request: RufusRequest, where: str, order: str, *values: object
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Fetch the page of passings that the query asks for, and its pagination."""
    page = request.page()
    counted = request.store.row(
        f"SELECT COUNT(*) AS total FROM passings"  # noqa: S608 - texts of our own
        f" JOIN sessions ON sessions.id = passings.session{where}",
        *values,
    )
    assert counted is not None  # noqa: S101 - a count always has a row
    rows = request.store.rows(
        f"{_SELECT}{where}{order} LIMIT ? OFFSET ?", *values, PAGE_SIZE, (page - 1) * PAGE_SIZE
    )
    return rows, pagination(page, PAGE_SIZE, counted["total"])
