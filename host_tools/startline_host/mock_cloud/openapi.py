"""The OpenAPI description of both clouds, built from what the server itself reads and says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from startline_host.mock_cloud import rufus, vms
from startline_host.mock_cloud.rufus.request import MAX_NUMBER, MAX_PAGE, PAGE_SIZE, TIMESTAMP
from startline_host.mock_cloud.rufus.response_models import RefusedAnswer
from startline_host.mock_cloud.vms_openapi import vms_paths

if TYPE_CHECKING:
    from startline_host.mock_cloud.rufus import RufusApi
    from startline_host.mock_cloud.rufus.calls import ApiCall
    from startline_host.mock_cloud.vms import VmsApi

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"

_TOKEN: Schema = {"type": "string", "pattern": "^[0-9A-F]{64}$"}
_DATE: Schema = {"type": "string", "pattern": TIMESTAMP}
_NUMBER: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}

#: Every parameter in a query, by its name.
_PARAMETERS: dict[str, Schema] = {
    "page": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 1},
    "limit": {"type": "integer", "minimum": 1, "maximum": PAGE_SIZE, "default": PAGE_SIZE},
    "first": _NUMBER,
    "last": _NUMBER,
    "from": _DATE,
    "to": _DATE,
    "token_session": _TOKEN,
}

#: What else a body needs when a link fills in the id.
_EXAMPLES: dict[str, Schema] = {
    "/passings": {
        "passings_list": [
            {"bib": "7", "num_passing": 1, "timestamp": "2023-01-22T09:20:25.000Z"},
        ]
    }
}

_REFUSALS = {
    400: "A required field is missing, or something given cannot be read",
    403: "No key, an unknown key, or the wrong access type",
    404: "Not found, or not this company's",
    409: "The serial number is bound already",
    413: "The body is larger than {} bytes, or its list too long",
}


def openapi_document(rufus_api: RufusApi, vms_api: VmsApi, largest_body: int) -> Schema:
    """Describe the API in the envelope and form that it is served in, by the rules it follows."""
    calls = rufus_api.calls()
    forms = (
        {call.answer for call in calls}
        | {call.body for call in calls if call.body}
        | {RefusedAnswer}
    )
    _, schemas = msgspec.json.schema_components(forms, ref_template=_REF)
    _limit_list(schemas, rufus_api)
    paths: Schema = {}
    for call in calls:
        place = paths.setdefault(rufus.PREFIX + call.path, {})
        place[call.method.lower()] = _operation(rufus_api, call, largest_body)
    for path, operation in vms_paths(vms_api).items():
        paths[vms.PREFIX + path] = {"post": operation}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Startline mock cloud",
            "version": "0",
            "description": "The RUFUS public API and VMS billing activation, for the bench.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "api_key": {"type": "apiKey", "in": "header", "name": "api_key"},
                "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _limit_list(schemas: Schema, api: RufusApi) -> None:
    """Say how many passings are taken at once, where there is a limit."""
    if api.rules.largest_list is not None:
        form = "InsertPassingsRequest" if api.rules.strict else "OlderPassingsRequest"
        schemas[form]["properties"]["passings_list"]["maxItems"] = api.rules.largest_list


def _operation(api: RufusApi, call: ApiCall, largest_body: int) -> Schema:
    answers: Schema = {
        str(call.status): {
            "description": call.summary,
            **_content(api, call.answer),
            **_links(api, call),
        },
        "500": {"description": "A fault of the server; the body is null"},
    }
    for status in (403, 413, *call.refusals):
        reason = _REFUSALS[status].format(largest_body)
        answers[str(status)] = {"description": reason, **_content(api, RefusedAnswer)}
    operation: Schema = {
        "operationId": _name(call),
        "summary": call.summary,
        "tags": [call.path.split("/")[1]],
        "security": [{"api_key": []}, {"x-api-key": []}],
        "parameters": _parameters(call),
        "responses": answers,
    }
    if call.body is not None:
        schema = {"$ref": _REF.format(name=call.body.__name__)}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _content(api: RufusApi, form: type[msgspec.Struct]) -> Schema:
    """Describe an answer's body; in the documented form it is no JSON, so there is no schema."""
    if api.form != "json":
        return {"content": {"application/json": {}}}
    schema: Schema = {"$ref": _REF.format(name=form.__name__)}
    if api.envelope == "body":
        schema = {
            "type": "object",
            "required": ["body"],
            "properties": {"body": schema},
            "additionalProperties": False,
        }
    return {"content": {"application/json": {"schema": schema}}}


def _name(call: ApiCall) -> str:
    return re.sub(r"\W+", "_", call.summary.lower())


def _links(api: RufusApi, call: ApiCall) -> Schema:
    """Say which calls an id leads to, where a call makes one."""
    made = {"/devices": "deviceid", "/sessions": "token_session"}.get(call.path)
    if call.method != "POST" or made is None or api.form != "json":
        return {}
    found = f"$response.body#{'/body' if api.envelope == 'body' else ''}/{made}"
    links: Schema = {}
    for other in api.calls():
        if f"{{{made}}}" in other.path:
            links[_name(other)] = {"operationId": _name(other), "parameters": {made: found}}
        elif other.body is not None and made in other.body.__struct_fields__:
            body = {made: found, **_EXAMPLES.get(other.path, {})}
            links[_name(other)] = {"operationId": _name(other), "requestBody": body}
    return {"links": links}


def _parameters(call: ApiCall) -> list[Schema]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _TOKEN}
        for name in re.findall(r"{(\w+)}", call.path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": False, "schema": _PARAMETERS[name]}
        for name in call.query
    ]
    return in_path + in_query
