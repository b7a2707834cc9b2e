"""The VMS side: billing activation and its check."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from startline_host.errors import BadInput
from startline_host.mock_cloud.vms_examples import EXAMPLE_ANSWER, EXAMPLE_REFUSAL, EXAMPLE_REQUEST

from .conftest import Client, Start

Connect = Callable[..., Client]

UNIT = {"login": "user@mail.com", "name": "Gate 1", "type": "mediabridge", "serial_number": "S1"}


def ask(client: Client, call: str, fields: object, **headers: str) -> httpx.Response:
    """POST JSON to a VMS call, as the page's curl does."""
    return client.http.post(
        f"{client.cloud.root_url}/api/v1/billing/devices/{call}",
        content=json.dumps(fields),
        headers={
            "Accept": "application/json",
            "Content-Type": "application/json",
            **headers,
        },
    )


def test_the_pages_request_gets_the_pages_answer(client: Client) -> None:
    """The example request is answered 201 with the example's bytes."""
    answer = ask(client, "activate", EXAMPLE_REQUEST)
    assert (answer.status_code, answer.content) == (201, EXAMPLE_ANSWER)
    assert [device["id"] for device in client.cloud.vms.devices()] == [25]


@pytest.mark.parametrize("mac", ["24:6f:28:00:00:01", "24-6F-28-00-00-01"])
def test_a_devices_own_mac_stands_for_the_pages(client: Client, mac: str) -> None:
    """No chip has the page's `fake_mac_5`: with a MAC of its own in that place it is the example too."""
    assert ask(client, "activate", {**EXAMPLE_REQUEST, "mac": mac}).content == EXAMPLE_ANSWER


@pytest.mark.parametrize("change", [{"mac": "fake_mac_6"}, {"serial_number": "sm"}, {"name": "n"}])
def test_another_request_is_not_the_pages(client: Client, change: dict[str, str]) -> None:
    """What differs in anything but a MAC is a device of its own."""
    answer = ask(client, "activate", {**EXAMPLE_REQUEST, **change})
    assert (answer.status_code, answer.json()["id"]) == (201, 26)


@pytest.mark.parametrize("left_out", ["mac", "serial_number"])
def test_either_identity_is_enough(client: Client, left_out: str) -> None:
    """The example is recognised by its MAC alone and by its serial number alone."""
    fields = {name: value for name, value in EXAMPLE_REQUEST.items() if name != left_out}
    assert ask(client, "activate", fields).content == EXAMPLE_ANSWER


def test_other_devices_are_answered_in_the_same_form(client: Client) -> None:
    """The answer has the fields of the page's, with the device's own values."""
    answer = ask(client, "activate", UNIT)
    fields = answer.json()
    assert answer.status_code == 201
    assert fields.keys() == json.loads(EXAMPLE_ANSWER).keys()
    assert (fields["id"], fields["serial_number"], fields["mac"]) == (26, "S1", None)
    assert fields["user"]["login"] == "user@mail.com"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"login": None}, "login"), ({"login": "nobody"}, "login"), ({"login": 5}, "login"),
        ({"name": ""}, "name"), ({"name": "x" * 256}, "name"), ({"name": "\ud800"}, "name"),
        ({"type": "toaster"}, "type"), ({"type": ["mediaagent"]}, "type"),
        ({"serial_number": None}, "mac"), ({"serial_number": None}, "serial_number"),
        ({"serial_number": "", "mac": ""}, "mac"), ({"serial_number": {}}, "serial_number"),
        ({"mac": 7}, "mac"), ({"skip_reserve_check": "yes"}, "skip_reserve_check"),
        ({"skip_reserve_check": []}, "skip_reserve_check"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(client: Client, change: dict[str, Any], field: str) -> None:
    """A wrong field gets 422 with a reason under its name, and nothing useful in the message."""
    answer = ask(client, "activate", {**UNIT, **change})
    fields = answer.json()
    assert answer.status_code == 422
    assert fields["message"] == json.loads(EXAMPLE_REFUSAL)["message"]
    assert fields["errors"][field]
    assert client.cloud.vms.devices() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"\xff", b"[" * 100_000])
def test_what_is_no_object_lacks_every_field(client: Client, body: bytes) -> None:
    """A body that is no JSON object counts as one without fields."""
    answer = client.http.post(
        f"{client.cloud.root_url}/api/v1/billing/devices/activate", content=body
    )
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"login", "name", "type", "mac", "serial_number"}


def test_a_device_is_activated_once(client: Client) -> None:
    """A second activation is refused, by serial number and by MAC in any spelling."""
    unit = {**UNIT, "mac": "24:6F:28:00:00:01"}
    assert ask(client, "activate", unit).status_code == 201
    assert ask(client, "activate", unit).json()["errors"]["serial_number"]
    by_mac = {**UNIT, "serial_number": None, "mac": "246f.2800.0001"}
    assert ask(client, "activate", by_mac).json()["errors"]["mac"]
    assert len(client.cloud.vms.devices()) == 1


@pytest.mark.parametrize(("rule", "ids"), [("new", [26, 27]), ("same", [26, 26])])
def test_a_second_activation_follows_the_chosen_rule(
    start: Start, connect: Connect, rule: str, ids: list[int]
) -> None:
    """It can give a new id, or the same again."""
    client = connect(start(vms_second_bind=rule))
    assert [ask(client, "activate", UNIT).json()["id"] for _ in range(2)] == ids


def test_a_reserved_device_needs_the_flag(client: Client) -> None:
    """A reserved device is activated only with skip_reserve_check."""
    client.cloud.vms.reserve(serial_number="S1")
    assert ask(client, "check", UNIT).status_code == 422
    refusal = ask(client, "activate", UNIT)
    assert "reserved" in refusal.json()["errors"]["serial_number"][0]
    assert ask(client, "activate", {**UNIT, "skip_reserve_check": True}).status_code == 201
    assert len(client.cloud.vms.devices()) == 1


def test_check_tells_whether_a_device_is_free(client: Client) -> None:
    """204 without a body while it is free, 422 after it was activated, 422 for nonsense."""
    answer = ask(client, "check", UNIT)
    assert (answer.status_code, answer.content) == (204, b"")
    ask(client, "activate", UNIT)
    assert ask(client, "check", UNIT).json()["errors"]["serial_number"]
    assert ask(client, "check", {"type": "mediaagent"}).status_code == 422


def test_an_operator_may_want_authorization(start: Start, connect: Connect) -> None:
    """With a token in front, calls without it or with another get 401."""
    client = connect(start(vms_authorization="Bearer s3cret"))
    assert ask(client, "check", UNIT).status_code == 401
    assert ask(client, "check", UNIT, Authorization="Bearer other").status_code == 401
    assert ask(client, "check", UNIT, Authorization="Bearer s3cret").status_code == 204


def test_faults_are_played_here_too(start: Start, connect: Connect) -> None:
    """Wrong tokens and the page's own refusal come in this cloud's form."""
    client = connect(start(faults=["errors_any_keyx1", "token_negativex1", "commit_then_dropx1"]))
    assert ask(client, "activate", UNIT).content == EXAMPLE_REFUSAL
    assert ask(client, "activate", UNIT).json()["id"] == -1
    with pytest.raises(httpx.TransportError):
        ask(client, "activate", {**UNIT, "serial_number": "S2"})
    assert len(client.cloud.vms.devices()) == 2


def test_other_methods_and_paths(client: Client) -> None:
    """What the page does not know is not found or not allowed."""
    root = f"{client.cloud.root_url}/api/v1/billing/devices"
    assert client.http.get(f"{root}/activate").status_code == 405
    assert client.http.post(f"{root}/nothing").status_code == 404


def test_an_unknown_rule_is_named(start: Start) -> None:
    """A rule for the second activation that does not exist is bad input."""
    with pytest.raises(BadInput, match="bogus"):
        start(vms_second_bind="bogus")
