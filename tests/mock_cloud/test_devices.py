"""The RUFUS calls about devices."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from startline_host.mock_cloud import MockCloud, MockOptions

from .conftest import SEED_BODY, SEED_ID, Client, Start

Connect = Callable[..., Client]

SEED_ANSWER = (
    b'{\n    "description":"Device binded succesfully"\n'
    b'    "deviceid":"65A1B7E0C6BC3D32C268C1506E3F6F39E225DC6ED79573E177E7243E8E38115B"\n}'
)


def test_curl_with_the_vendors_example_gets_the_vendors_answer(
    start: Start, tmp_path: Path
) -> None:
    """The page's own curl command, example key included, gets the page's bytes."""
    cloud = start(answer_form="documented")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(cloud.ca_pem)
    answer = subprocess.run(
        ["curl", "-sS", "--cacert", ca, "-w", "%{http_code}", "-X", "POST",
         "-H", "Content-Type: application/json", "-H", "api_key: ror-ae4fc6c19681a20fad30",
         "-d", SEED_BODY, f"{cloud.base_url}/devices"],
        capture_output=True, check=True, timeout=20,
    )  # fmt: skip
    assert answer.stdout == SEED_ANSWER + b"201"
    assert [device["deviceid"] for device in cloud.devices()] == [SEED_ID]


@pytest.mark.parametrize(
    ("envelope", "form", "expected"),
    [
        ("bare", "documented", SEED_ANSWER),
        ("body", "documented", b'{"body":' + SEED_ANSWER + b"}"),
        ("bare", "json",
         b'{"description":"Device binded succesfully","deviceid":"%s"}' % SEED_ID.encode()),
        ("body", "json",
         b'{"body":{"description":"Device binded succesfully","deviceid":"%s"}}'
         % SEED_ID.encode()),
    ],
)  # fmt: skip
def test_every_envelope_and_form(
    start: Start, connect: Connect, envelope: str, form: str, expected: bytes
) -> None:
    """The answer to the vendor's example comes in each envelope and form, byte for byte."""
    client = connect(start(envelope=envelope, answer_form=form))
    answer = client.call("POST", "/devices", content=SEED_BODY)
    assert (answer.status_code, answer.content) == (201, expected)


def test_errors_in_the_documented_form_are_no_json_either(start: Start, connect: Connect) -> None:
    """Documented errors have unquoted names and a comma too many, as on the pages."""
    client = connect(start(answer_form="documented"))
    answer = client.get(f"/devices/{SEED_ID}")
    assert answer.status_code == 404
    assert answer.text == (
        f'{{\n    description: "Device not found",\n    deviceid: "{SEED_ID}",\n}}'
    )
    assert "result" in client.get("/devices").json()


def test_other_devices_get_ids_of_their_own(client: Client) -> None:
    """An id is 64 upper-case hexadecimal digits, and no two are alike."""
    ids = {client.bind(f"R{number}") for number in range(5)}
    assert len(ids) == 5
    assert all(re.fullmatch("[0-9A-F]{64}", one) for one in ids)


def test_text_in_any_script_arrives_whole(client: Client) -> None:
    """An alias outside ASCII comes back as it was sent."""
    alias = "Çıkış – Ñandú 起点 🏁"
    client.bind("R1", alias=alias, firmware="1.4.0+sl.9f3c2a7b")
    (device,) = client.get("/devices").json()["result"]
    assert device["alias"] == alias
    assert device["firmware"] == "1.4.0+sl.9f3c2a7b"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'"text"', b"{", b'{"model":"X1"}', b'{"serial_number":"1"}',
        b'{"model":"","serial_number":"1"}', b'{"model":1,"serial_number":"1"}',
        b'{"model":"X1","serial_number":null}', b'{"model":"X1","serial_number":"\\ud800"}',
        b'{"model":"X1","serial_number":"\xff"}', b'{"x":' + b"[" * 99_999 + b"]" * 99_999 + b"}",
        b'{"model":"X1","serial_number":"%s"}' % (b"9" * 257),
    ],
)  # fmt: skip
def test_a_body_that_does_not_fit_is_refused(client: Client, body: bytes) -> None:
    """Missing fields, wrong types and what is no JSON get 400 with a reason, and bind nothing."""
    answer = client.call("POST", "/devices", content=body)
    assert answer.status_code == 400
    assert answer.json()["description"].startswith("Bad request: ")
    assert client.cloud.devices() == []


def test_a_type_can_be_compulsory(start: Start, connect: Connect) -> None:
    """In the revision of the page that wants a type, its absence is refused."""
    client = connect(start(type_required=True))
    assert client.post("/devices", {"model": "X", "serial_number": "1"}).status_code == 400
    assert client.bind("1", type="reader")


@pytest.mark.parametrize(
    ("rule", "statuses", "ids"), [("new", [201, 201], 2), ("same", [201, 201], 1),
                                  ("conflict", [201, 409], 1)],
)  # fmt: skip
def test_a_second_bind_follows_the_chosen_rule(
    start: Start, connect: Connect, rule: str, statuses: list[int], ids: int
) -> None:
    """Binding one serial twice makes a second device, gives the same id, or is refused."""
    client = connect(start(second_bind=rule))
    answers = [client.call("POST", "/devices", content=SEED_BODY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == statuses
    assert len(client.cloud.devices()) == ids
    tokens = {answer.json().get("deviceid") for answer in answers} - {None}
    assert len(tokens) == ids


def test_one_serial_may_stand_in_two_companies(start: Start, connect: Connect) -> None:
    """The rule for a second bind is a company's own."""
    cloud = start(second_bind="conflict")
    other = cloud.add_company("Other")
    connect(cloud).bind("R1")
    connect(cloud, other["WRITE"]).bind("R1")
    assert [device["company"] for device in cloud.devices()] == ["Bench", "Other"]


def test_the_list_comes_in_pages(client: Client) -> None:
    """Pages are counted from 1, keep the order of binding, and tell how many there are."""
    ids = [client.bind(f"R{number}") for number in range(5)]
    pages = [client.get(f"/devices?limit=2&page={page}").json() for page in (1, 2, 3, 4)]
    assert [[one["deviceid"] for one in page["result"]] for page in pages] == [
        ids[:2], ids[2:4], ids[4:], [],
    ]  # fmt: skip
    assert pages[2]["pagination"] == {"page": 3, "limit": 2, "total": 5, "total_pages": 3}
    assert client.get("/devices").json()["pagination"]["limit"] == 5000


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=5001", "limit=x", "page=0", "page=-1", "page=1.5", "page=", "limit=٣",
     "page=99999999999999999999999", "page=1&page=0", "page=%00", "limit=+1"],
)  # fmt: skip
def test_paging_has_bounds(client: Client, query: str) -> None:
    """A page or limit outside its bounds is refused."""
    assert client.get(f"/devices?{query}").status_code == 400


def test_one_device_is_described(client: Client) -> None:
    """One device tells how many sessions and passings it has, and when it was seen."""
    deviceid = client.bind("R1", alias="Finish", type="One")
    token = client.session(deviceid)
    client.pass_by(token, 1, 2, 3)
    client.session(deviceid)
    device = client.get(f"/devices/{deviceid}").json()["result"]
    assert (device["sessions"], device["passings"]) == (2, 3)
    assert (device["alias"], device["type"]) == ("Finish", "One")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", device["last_seen"])


def test_unbinding_takes_sessions_and_passings_along(client: Client) -> None:
    """After DELETE the device, its session and its passings are gone; a second DELETE gets 404."""
    deviceid = client.bind("R1")
    token = client.session(deviceid)
    client.pass_by(token, 1)
    answer = client.call("DELETE", f"/devices/{deviceid}")
    assert (answer.status_code, answer.json()["deviceid"]) == (200, deviceid)
    assert client.get(f"/sessions/{token}").status_code == 404
    assert client.cloud.store.rows("SELECT * FROM passings") == []
    assert client.call("DELETE", f"/devices/{deviceid}").status_code == 404


def test_a_seed_makes_ids_repeatable(start: Start, connect: Connect) -> None:
    """Two clouds with one seed give out the same ids, another seed gives others."""
    seeds = (7, 7, 8)
    ids = [connect(start(seed=seed)).bind("R1") for seed in seeds]
    assert ids[0] == ids[1] != ids[2]


def test_the_cloud_forgets_on_reset(client: Client) -> None:
    """A reset empties devices and requests, and leaves the keys."""
    client.bind("R1")
    client.cloud.reset()
    assert client.cloud.devices() == []
    assert len(client.cloud.requests) == 0
    assert client.bind("R1")


def test_state_keys_and_ca_survive_in_a_file(
    start: Start, connect: Connect, tmp_path: Path
) -> None:
    """With a database, a restarted cloud knows its devices, its keys and its CA again."""
    path = tmp_path / "cloud.db"
    with MockCloud(MockOptions(db=path)) as first:
        deviceid = connect(first).bind("R1")
    assert path.stat().st_mode & 0o077 == 0
    second = start(db=path)
    assert second.keys == first.keys
    assert second.ca_der == first.ca_der
    answer = connect(second).get(f"/devices/{deviceid}")
    assert json.loads(answer.content)["result"]["serial_number"] == "R1"
