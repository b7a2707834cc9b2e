"""What the OpenAPI description says of VMS billing activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from startline_host.mock_cloud.vms_examples import EXAMPLE_REQUEST

if TYPE_CHECKING:
    from startline_host.mock_cloud.vms import VmsApi

Schema = dict[str, Any]


def vms_paths(api: VmsApi) -> dict[str, Schema]:
    """Describe both calls, by the ends of their paths; each is a POST."""
    identity = {name: _text(0, api.max_text) for name in ("mac", "serial_number")}
    kind = {"type": {"type": "string", "enum": list(api.types)}}
    activate = {
        "login": {"type": "string", "enum": list(api.logins)},
        "name": _text(1, api.max_text),
        **kind,
        **identity,
        "skip_reserve_check": {"type": "boolean"},
    }
    return {
        "/activate": _operation(
            "Activate a device through billing",
            _body(activate, ["login", "name", "type"]),
            {"201": {"description": "Activated", **_json({"type": "object", "required": ["id"]})}},
        ),
        "/check": _operation(
            "Check whether a device can be activated",
            _body(kind | identity, ["type"]),
            {"204": {"description": "Free to activate"}},
        ),
    }


def _text(least: int, most: int) -> Schema:
    return {"type": "string", "minLength": least, "maxLength": most}


def _json(schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}}


def _body(properties: Schema, required: list[str]) -> Schema:
    """Describe a body that names the device by its MAC, its serial number, or both."""
    some = {"minLength": 1}
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "anyOf": [
            {"required": [name], "properties": {name: some}} for name in ("mac", "serial_number")
        ],
        "example": {name: EXAMPLE_REQUEST[name] for name in properties},
    }


def _operation(summary: str, body: Schema, answers: dict[str, Schema]) -> Schema:
    reasons = {"type": "array", "items": {"type": "string"}}
    refusal = {
        "type": "object",
        "required": ["message", "errors"],
        "properties": {
            "message": {"type": "string"},
            "errors": {"type": "object", "additionalProperties": reasons},
        },
    }
    message = {"type": "object", "required": ["message"]}
    return {
        "operationId": summary.lower().replace(" ", "_"),
        "summary": summary,
        "tags": ["billing"],
        "requestBody": {"required": True, **_json(body)},
        "responses": {
            **answers,
            "401": {"description": "The Authorization header is wrong", **_json(message)},
            "413": {"description": "The body is too large"},
            "422": {"description": "Not valid, reserved, or activated already", **_json(refusal)},
            "500": {"description": "A fault of the server; the body is null"},
        },
    }
