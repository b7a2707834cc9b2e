"""The calls that read race passings: by range, by time, and on from where one stopped."""

from __future__ import annotations

import math
from typing import Any

from startline_host.mock_cloud.answers import ApiAnswer, ApiRefusal, success_answer
from startline_host.mock_cloud.rufus.devices import find_device
from startline_host.mock_cloud.rufus.insert_passings import COLUMNS
from startline_host.mock_cloud.rufus.request import (
    MAX_NUMBER,
    PAGE_SIZE,
    RufusRequest,
    pagination,
)
from startline_host.mock_cloud.rufus.sessions import find_session, sessions_of

_SELECT = (
    f"SELECT {', '.join(f'passings.{name}' for name in COLUMNS)},"  # noqa: S608 - our names
    " sessions.token AS token_session, devices.deviceid"
    " FROM passings JOIN sessions ON sessions.id = passings.session"
    " JOIN devices ON devices.id = sessions.device"
)


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
    for row in rows:
        for name in ("latitude", "longitude"):
            row[name] = _coordinate(row[name], strict=request.rules.strict)
    return rows, pagination(page, PAGE_SIZE, counted["total"])


def _coordinate(stored: float | str | None, *, strict: bool) -> float | str | None:
    """Write a coordinate as the newest description does, a number, or a text as the older page."""
    if stored is None or not strict:
        return None if stored is None else str(stored)
    try:
        degrees = float(stored)
    except ValueError:
        return None  # a text that the older page took
    return degrees if math.isfinite(degrees) else None
