"""The calls about devices: bind, unbind, list, one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from startline_host.mock_cloud.answers import ApiAnswer, ApiRefusal, success_answer
from startline_host.mock_cloud.rufus.request import (
    PAGE_SIZE,
    RufusRequest,
    Text,
    Words,
    pagination,
)
from startline_host.mock_cloud.store import iso

if TYPE_CHECKING:
    from collections.abc import Callable

#: The request and the id of the vendor's example: who asks just so gets just that.
EXAMPLE_MODEL = "Model X1"
EXAMPLE_SERIAL = "DEVICE-123"
EXAMPLE_DEVICEID = "65A1B7E0C6BC3D32C268C1506E3F6F39E225DC6ED79573E177E7243E8E38115B"


class BindRequest(msgspec.Struct):
    """The body of `POST /devices`."""

    model: Words
    serial_number: Words
    alias: Text | None = None
    firmware: Text | None = None
    type: Text | None = None


class BindTypedRequest(msgspec.Struct):
    """The same in the revision of the page that wants a type as well."""

    model: Words
    serial_number: Words
    type: Words
    alias: Text | None = None
    firmware: Text | None = None


def bind(
    request: RufusRequest, *, second: str, typed: bool, new_id: Callable[[], str]
) -> ApiAnswer:
    """Bind a device to the company and answer its id; `second` is one of `SECOND_BIND`."""
    asked: BindRequest | BindTypedRequest = (
        request.read(BindTypedRequest) if typed else request.read(BindRequest)
    )
    store = request.store
    with store.transaction() as database:
        known = database.execute(
            "SELECT id, deviceid FROM devices WHERE company = ? AND serial_number = ?",
            (request.company, asked.serial_number),
        ).fetchone()
        if known and second == "conflict":
            raise ApiRefusal(409, "Device already binded", serial_number=asked.serial_number)
        values = (asked.type or "", asked.model, asked.alias or "", asked.firmware)
        if known and second == "same":
            deviceid = known["deviceid"]
            database.execute(
                "UPDATE devices SET type = ?, model = ?, alias = ?, firmware = ? WHERE id = ?",
                (*values, known["id"]),
            )
        else:
            deviceid = _fresh_id(database, asked, new_id)
            database.execute(
                "INSERT INTO devices (type, model, alias, firmware, company, deviceid,"
                " serial_number, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, request.company, deviceid, asked.serial_number, store.now()),
            )
    return ApiAnswer(201, {"description": "Device binded succesfully", "deviceid": deviceid})


def _fresh_id(
    database: Any, asked: BindRequest | BindTypedRequest, new_id: Callable[[], str]
) -> str:
    is_example = (asked.model, asked.serial_number) == (EXAMPLE_MODEL, EXAMPLE_SERIAL)
    deviceid = EXAMPLE_DEVICEID if is_example else new_id()
    while database.execute("SELECT 1 FROM devices WHERE deviceid = ?", (deviceid,)).fetchone():
        deviceid = new_id()
    return deviceid


def unbind(request: RufusRequest) -> ApiAnswer:
    """Remove a device of the company, and its sessions and passings with it."""
    deviceid = request.path["deviceid"]
    with request.store.transaction() as database:
        removed = database.execute(
            "DELETE FROM devices WHERE company = ? AND deviceid = ?", (request.company, deviceid)
        ).rowcount
    if not removed:
        raise ApiRefusal(404, "Device not found", deviceid=deviceid)
    return ApiAnswer(200, {"description": "Device unbinded succesfully", "deviceid": deviceid})


def find_device(request: RufusRequest, deviceid: str) -> dict[str, Any]:
    """Find the row of one of the company's devices, or refuse with 404."""
    row = request.store.row(
        "SELECT * FROM devices WHERE company = ? AND deviceid = ?", request.company, deviceid
    )
    if row is None:
        raise ApiRefusal(404, "Device not found", deviceid=deviceid)
    return row


def list_devices(request: RufusRequest) -> ApiAnswer:
    """List the company's devices in the order in which they were bound."""
    page = request.page()
    limit = request.number("limit", least=1, most=PAGE_SIZE, default=PAGE_SIZE)
    assert limit is not None  # noqa: S101 - it has a default
    store = request.store
    counted = store.row("SELECT COUNT(*) AS total FROM devices WHERE company = ?", request.company)
    assert counted is not None  # noqa: S101 - a count always has a row
    rows = store.rows(
        "SELECT *, (SELECT COUNT(*) FROM sessions WHERE device = devices.id) AS sessions"
        " FROM devices WHERE company = ? ORDER BY id LIMIT ? OFFSET ?",
        request.company,
        limit,
        (page - 1) * limit,
    )
    return success_answer(
        result=[_summary(row) for row in rows],
        pagination=pagination(page, limit, counted["total"]),
    )


def one_device(request: RufusRequest) -> ApiAnswer:
    """Describe one of the company's devices."""
    row = find_device(request, request.path["deviceid"])
    counts = request.store.row(
        "SELECT COUNT(DISTINCT sessions.id) AS sessions, COUNT(passings.id) AS passings"
        " FROM sessions LEFT JOIN passings ON passings.session = sessions.id"
        " WHERE sessions.device = ?",
        row["id"],
    )
    assert counts is not None  # noqa: S101 - a count always has a row
    return success_answer(
        result={**_common(row), **counts, "last_seen": iso(row["last_seen"])},
    )


def _common(row: dict[str, Any]) -> dict[str, object]:
    names = ("deviceid", "type", "model", "alias", "firmware", "serial_number")
    return {**{name: row[name] for name in names}, "creation_date": iso(row["created"])}


def _summary(row: dict[str, Any]) -> dict[str, object]:
    """Describe a device in the list; the mock's readers report no health of their own."""
    return {
        **_common(row),
        "last_login": iso(row["last_seen"]),
        "sessions": row["sessions"],
        "device_status": None,
        "battery_percentage": None,
        "charging": None,
        "last_telemetry_at": None,
    }
