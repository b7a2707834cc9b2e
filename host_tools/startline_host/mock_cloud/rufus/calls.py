"""The table of the API's calls: what answers each, and how the description tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from startline_host.mock_cloud.rufus import (
    devices,
    insert_passings,
    passings,
    response_models,
    sessions,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import msgspec

    from startline_host.mock_cloud.answers import ApiAnswer
    from startline_host.mock_cloud.rufus.request import RufusRequest

    Respond = Callable[[RufusRequest], ApiAnswer]


@dataclass(frozen=True)
class ApiCall:
    """One call: its body's form if it has one, its answer's form, and the refusals it knows.

    `query` names its parameters; 403, 413 and 500 are common to all calls.
    """

    method: str
    path: str
    summary: str
    respond: Respond
    status: int
    answer: type[msgspec.Struct]
    body: type[msgspec.Struct] | None = None
    query: tuple[str, ...] = ()
    refusals: tuple[int, ...] = ()


def device_calls(bind: Respond, *, typed: bool, conflict: bool) -> list[ApiCall]:
    """List the calls about devices; `bind` is made by the API, whose options shape it."""
    form = devices.BindTypedRequest if typed else devices.BindRequest
    return [
        ApiCall("POST", "/devices", "Bind a new device", bind, 201, response_models.DeviceAnswer,
             body=form, refusals=(400, 409) if conflict else (400,)),
        ApiCall("GET", "/devices", "Get devices by company", devices.list_devices, 200,
             response_models.DevicesAnswer, query=("page", "limit"), refusals=(400,)),
        ApiCall("GET", "/devices/{deviceid}", "Get device information", devices.one_device, 200,
             response_models.OneDeviceAnswer, refusals=(404,)),
        ApiCall("DELETE", "/devices/{deviceid}", "Unbind a device", devices.unbind, 200,
             response_models.DeviceAnswer, refusals=(404,)),
    ]  # fmt: skip


def session_calls(insert: Respond, *, strict: bool) -> list[ApiCall]:
    """List the calls about timing sessions, as the newest description has them or the older page."""
    form = sessions.CreateSessionRequest if strict else sessions.OlderSessionRequest
    return [
        ApiCall("POST", "/sessions", "Insert a new session", insert, 201, response_models.SessionAnswer,
             body=form, refusals=(400, 404)),
        ApiCall("PATCH", "/sessions/close/{token_session}", "Close a session", sessions.close, 200,
             response_models.SessionAnswer, refusals=(404,)),
        ApiCall("GET", "/sessions/device/{deviceid}", "Get sessions by device",
             sessions.list_sessions, 200, response_models.SessionsAnswer, refusals=(404,)),
        ApiCall("GET", "/sessions/device/{deviceid}/active", "Get active session from device",
             sessions.active_session, 200, response_models.SessionsAnswer, refusals=(404,)),
        ApiCall("GET", "/sessions/{token_session}", "Get session information",
             sessions.one_session, 200, response_models.OneSessionAnswer, refusals=(404,)),
    ]  # fmt: skip


def passing_calls(*, strict: bool) -> list[ApiCall]:
    """List the calls about race passings, as the newest description has them or the older page."""
    models = response_models
    if strict:
        form: type[msgspec.Struct] = insert_passings.InsertPassingsRequest
        listed: type[msgspec.Struct] = models.PassingsAnswer
        resumed: type[msgspec.Struct] = models.ResumedAnswer
    else:
        form = insert_passings.OlderPassingsRequest
        listed, resumed = models.OlderPassingsAnswer, models.OlderResumedAnswer
    return [
        ApiCall("POST", "/passings", "Insert passings", insert_passings.insert, 201,
             models.InsertedAnswer, body=form, refusals=(400, 404)),
        ApiCall("GET", "/passings/session/{token_session}", "Get session passings by range",
             passings.by_session, 200, listed,
             query=("first", "last", "page"), refusals=(400, 404)),
        ApiCall("GET", "/passings/device/{deviceid}", "Get device passings by datetime",
             passings.by_time, 200, listed,
             query=("from", "to", "page"), refusals=(400, 404)),
        ApiCall("GET", "/passings/device2/{deviceid}", "Get device passings, reading on",
             passings.resume, 200, resumed,
             query=("from", "to", "token_session", "last", "page"), refusals=(400, 404)),
    ]  # fmt: skip
