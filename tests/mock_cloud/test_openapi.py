"""The OpenAPI description is true to what the server does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from startline_host.mock_cloud.rufus import PREFIX
from startline_host.mock_cloud.rufus.response_models import RefusedAnswer

from .conftest import Client, Start

Connect = Callable[..., Client]

_PASSING = {"bib": "1", "num_passing": 9, "timestamp": "2026-05-01T09:00:00.000Z"}


def served(client: Client) -> dict[str, Any]:
    """Fetch the description as it is served."""
    answer = client.http.get(f"{client.cloud.root_url}/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def test_every_call_is_described_and_every_description_is_a_call(client: Client) -> None:
    """The description names the calls that are served, no fewer and no more."""
    described = {
        (method.upper(), path)
        for path, operations in served(client)["paths"].items()
        for method in operations
        if path.startswith(PREFIX)
    }
    calls = {(call.method, PREFIX + call.path) for call in client.cloud._site.rufus.calls()}
    assert described == calls
    assert len(calls) == 13


@pytest.mark.parametrize(("envelope", "strict"), [("bare", True), ("body", True), ("bare", False)])
def test_answers_have_the_form_that_is_described(
    start: Start, connect: Connect, envelope: str, strict: bool
) -> None:
    """The answer to each call, good or refused, reads as the type that is described for it."""
    client = connect(start(envelope=envelope, strict=strict))
    ids = _some_data(client, envelope)
    calls = client.cloud._site.rufus.calls()
    # Calls that close a session come late, and the one that removes the device comes last.
    ends = {("POST", "/sessions"): 1, ("PATCH", "/sessions/close/{token_session}"): 2}
    ends["DELETE", "/devices/{deviceid}"] = 3
    for call in sorted(calls, key=lambda call: ends.get((call.method, call.path), 0)):
        for fill in (dict.fromkeys(ids, "0" * 64), ids):
            path = call.path.format_map(fill)
            body = _body(call.body.__name__ if call.body else "", fill)
            answer = client.call(call.method, path, json=body)
            good = answer.status_code == call.status
            assert good or answer.status_code in call.refusals, path
            assert good or fill != ids, path
            _read(answer.content, envelope, call.answer if good else RefusedAnswer)


def _read(content: bytes, envelope: str, form: type[msgspec.Struct]) -> None:
    inside = msgspec.json.decode(content)
    msgspec.convert(inside["body"] if envelope == "body" else inside, form)


def _some_data(client: Client, envelope: str) -> dict[str, str]:
    def fields(answer: Any) -> dict[str, Any]:
        return dict(answer.json()["body"] if envelope == "body" else answer.json())

    bound = fields(client.post("/devices", {"model": "X", "serial_number": "R1"}))
    begun = fields(client.post("/sessions", {"deviceid": bound["deviceid"]}))
    where = {**_PASSING, "latitude": 12.5, "longitude": -70}
    client.post("/passings", {"token_session": begun["token_session"], "passings_list": [where]})
    return {"deviceid": bound["deviceid"], "token_session": begun["token_session"]}


def _body(form: str, ids: dict[str, str]) -> dict[str, object]:
    begin: dict[str, object] = {"deviceid": ids["deviceid"]}
    insert: dict[str, object] = {
        "token_session": ids["token_session"],
        "passings_list": [_PASSING],
    }
    bodies: dict[str, dict[str, object]] = {
        "": {},
        "BindRequest": {"model": "X", "serial_number": "R2"},
        "CreateSessionRequest": begin,
        "OlderSessionRequest": begin,
        "InsertPassingsRequest": insert,
        "OlderPassingsRequest": insert,
    }
    return bodies[form]


def test_the_description_follows_the_options(start: Start, connect: Connect) -> None:
    """A second bind's 409, a compulsory type and the envelope are described where they apply."""
    plain = served(connect(start()))["paths"]["/v0/devices"]["post"]
    strict = served(connect(start(second_bind="conflict", type_required=True, envelope="body")))[
        "paths"
    ]["/v0/devices"]["post"]
    assert "409" not in plain["responses"]
    assert "409" in strict["responses"]
    assert "BindTypedRequest" in str(strict["requestBody"])
    assert "'body'" in str(strict["responses"]["201"])


def test_the_description_says_what_strict_refuses(start: Start, connect: Connect) -> None:
    """Strict names its forms as the vendor does, closes them, and says how long a list may be."""
    forms = served(connect(start(largest_list=100)))["components"]["schemas"]
    for name in ("CreateSessionRequest", "InsertPassingsRequest", "SubmittedPassing"):
        assert forms[name]["additionalProperties"] is False, name
    assert forms["InsertPassingsRequest"]["properties"]["passings_list"]["maxItems"] == 100
    assert "string" not in str(forms["SubmittedPassing"]["properties"]["latitude"])
    assert "chips" not in forms["SubmittedPassing"]["properties"]
    older = served(connect(start(strict=False)))["components"]["schemas"]
    assert "additionalProperties" not in older["OlderPassing"]
    assert "string" in str(older["OlderPassing"]["properties"]["latitude"])


def test_what_is_no_json_has_no_schema(start: Start, connect: Connect) -> None:
    """In the documented form answers are no JSON, and the description does not claim it."""
    described = served(connect(start(answer_form="documented")))
    content = described["paths"]["/v0/devices"]["post"]["responses"]["201"]["content"]
    assert content == {"application/json": {}}
