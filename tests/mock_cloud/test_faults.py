"""Every fault of the clouds' application, played over a real connection."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx
import pytest

from startline_host.mock_cloud.fault_table import (
    ANY,
    BIND,
    LIST,
    PASSED,
    PASSINGS,
    ROWS,
    SESSIONS,
    CommitPolicy,
)
from startline_host.mock_cloud.trap import TRAP_TOKEN

from .conftest import SEED_ID, Client, Start

Connect = Callable[..., Client]

DEVICE = {"model": "Model X1", "serial_number": "DEVICE-123"}
TOKEN = SEED_ID.encode()


@dataclass(frozen=True)
class Seen:
    """What a reader sees of its bind under a fault: a status (None: no answer) and the body."""

    status: int | None
    body: bytes = b""


def bind(client: Client) -> Seen:
    """Bind the example device, and see what comes."""
    try:
        answer = client.post("/devices", DEVICE)
    except httpx.TransportError:
        return Seen(None)
    return Seen(answer.status_code, answer.content)


#: For each fault that answers a bind: its order, the status, and a pattern for the body.
ANSWERS: list[tuple[str, int | None, bytes]] = [
    ("status:418", 418, rb"(?i)teapot"),
    ("status:599", 599, rb"No such status"),
    ("status:204", 204, rb"^$"),
    ("status_null:500", 500, rb"^null$"),
    ("retry_after:7", 429, rb"Too Many"),
    ("unavailable:7", 503, rb"Unavailable"),
    ("captive_portal", 200, rb"<!doctype html>"),
    ("gateway_page:502", 502, rb"<h1>502 Bad Gateway</h1>"),
    ("refused_words", 403, rb"\\u001b\[31m"),
    ("errors_any_key", 422, '"any_key": \\[\n\\s*"Тут будет'.encode()),
    ("errors_nested", 422, "起点".encode()),
    ("drop", None, b""),
    ("commit_then_drop", None, b""),
    ("commit_then_status:503", 503, rb"Service Unavailable"),
    ("commit_then_null:500", 500, rb"^null$"),
    ("commit_late:300", None, b""),
    ("commit_late_gateway:300", 504, rb"Gateway Timeout"),
    ("wrong_content_type", 201, TOKEN),
    ("chunked", 201, TOKEN),
    ("many_headers:90", 201, TOKEN),
    ("empty_answer", 201, rb"^$"),
    ("null_answer", 201, rb"^null$"),
    ("broken_json", 201, rb'^{"description[^}]*[0-9A-F]$'),
    ("huge_json:100000", 201, rb'^{"padding":"x{100000}",.*' + TOKEN),
    ("deep_json:5000", 201, rb'^{"padding":\[{5000}\]{5000},.*' + TOKEN),
    ("junk:300", 200, rb"(?s)^.{300}$"),
    ("not_unicode", 201, b"\xff\xfe"),
    ("bom", 201, b"^\xef\xbb\xbf{.*" + TOKEN),
    ("not_a_number", 201, b"NaN.*-Infinity.*" + TOKEN),
    ("control_words", 201, rb"\\r\\nHTTP/1\.1 201.*" + TOKEN),
    ("raw_junk:500", None, b""),
    ("bad_status_line", None, b""),
    ("interim", 201, TOKEN),
    ("length_too_long:9", None, b""),
    ("token_missing", 201, rb'^{"description":"Device binded succesfully"}$'),
    ("token_misnamed", 201, b'"token":"' + TOKEN),
    ("token_null", 201, rb'"deviceid":null}$'),
    ("token_empty", 201, rb'"deviceid":""}$'),
    ("token_list", 201, rb'"deviceid":\["A1"\]}$'),
    ("token_true", 201, rb'"deviceid":true}$'),
    ("token_negative", 201, rb'"deviceid":-1}$'),
    ("token_float", 201, rb'"deviceid":25\.5}$'),
    ("token_huge", 201, rb'"deviceid":9{400}}$'),
    ("token_short", 201, rb'"A{63}"'),
    ("token_long", 201, rb'"A{65}"'),
    ("token_not_hex", 201, rb'"Z{64}"'),
    ("token_lower", 201, TOKEN.lower()),
    ("token_spaced", 201, rb'" ' + TOKEN + rb'\\r\\n"'),
    ("token_cut", 201, TOKEN[:-1] + rb"$"),
    ("token_ended", 201, TOKEN + rb'"$'),
    ("token_blanks:7", 201, rb'" {7}' + TOKEN + b'"'),
    ("token_in_text", 201, rb'"statusCode": 201, "body": "{.*\\"deviceid\\": \\"' + TOKEN),
    ("token_twice", 201, rb'"deviceid":"[0-9A-F]{64}","deviceid":"[0-9A-F]{64}"'),
]


@pytest.mark.parametrize(("spec", "status", "pattern"), ANSWERS, ids=[a[0] for a in ANSWERS])
def test_a_fault_answers_as_its_row_says(
    start: Start, connect: Connect, spec: str, status: int | None, pattern: bytes
) -> None:
    """Status and body are the fault's, and the device is bound or not as its row has it."""
    client = connect(start(faults=[spec]))
    seen = bind(client)
    assert seen.status == status
    assert re.search(pattern, seen.body)
    row = ROWS[spec.partition(":")[0]]
    assert len(client.cloud.devices()) == (1 if row.commit is CommitPolicy.YES else 0)
    assert client.cloud.requests[0].fault == spec


#: Faults whose way of answering has a test of its own below, or in test_session_faults.py.
ELSEWHERE = {"retry_after_date", "unavailable_date", "redirect", "stall", "slow",
             "commit_then_stall", "length_too_short", "drop_underscores",
             "session_closed", "insert_first", "sessions_lag", "passings_lag"}  # fmt: skip

LISTS_ELSEWHERE = {"list_cut", "list_empty", "list_lags", "list_endless", "list_escaped",
                   "list_serial_number"}  # fmt: skip


def test_every_row_of_the_table_is_played() -> None:
    """No fault stands in the table without a test."""
    played = {spec.partition(":")[0] for spec, _, _ in ANSWERS} | ELSEWHERE
    lists = {spec.partition(":")[0] for spec, _ in LISTS} | LISTS_ELSEWHERE
    assert played | lists == ROWS.keys()


@pytest.mark.parametrize(("spec", "status"), [("retry_after_date:60", 429),
                                               ("unavailable_date:60", 503)])  # fmt: skip
def test_retry_after_can_be_a_date(start: Start, connect: Connect, spec: str, status: int) -> None:
    """The date lies as many seconds ahead as was ordered."""
    answer = connect(start(faults=[spec])).post("/devices", DEVICE)
    ahead = parsedate_to_datetime(answer.headers["retry-after"]).timestamp() - time.time()
    assert answer.status_code == status
    assert 30 < ahead <= 60


def test_retry_after_can_be_a_number(start: Start, connect: Connect) -> None:
    """The seconds are those that were ordered."""
    answer = connect(start(faults=["retry_after:7"])).post("/devices", DEVICE)
    assert answer.headers["retry-after"] == "7"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_into_the_trap(start: Start, connect: Connect, status: int) -> None:
    """A client that follows is seen by the trap, with its key, and gets a token of no cloud."""
    client = connect(start(faults=[f"redirect:{status}"]))
    assert bind(client).status == status
    assert len(client.cloud.trapped) == 0
    answer = client.call("POST", "/devices", json=DEVICE, follow_redirects=True)
    assert answer.json()["deviceid"] == TRAP_TOKEN
    trapped = client.cloud.trapped.wait_for_request()
    assert trapped.path == "/v0/devices"
    assert str(trapped.header("api_key")).startswith("***")
    assert client.cloud.devices() == []


@pytest.mark.parametrize(("spec", "bound"), [("stall:1", 0), ("commit_then_stall:1", 1)])
def test_a_stall_ends_without_an_answer(
    start: Start, connect: Connect, spec: str, bound: int
) -> None:
    """Nothing comes for as long as was ordered, and then the connection ends."""
    client = connect(start(faults=[spec]))
    assert bind(client).status is None
    assert len(client.cloud.devices()) == bound


def test_a_stall_ends_when_the_client_gives_up(start: Start, connect: Connect) -> None:
    """The request is over as soon as its client has gone away."""
    client = connect(start(faults=["stall:3600"]))
    client.http.timeout = httpx.Timeout(0.1)
    assert bind(client).status is None
    assert client.cloud.wait_for_request("POST").status is None


def test_a_slow_answer_is_the_right_one(start: Start, connect: Connect) -> None:
    """The device is bound before the answer comes, and then it is the right one."""
    seen = bind(connect(start(faults=["slow:1"])))
    assert (seen.status, TOKEN in seen.body) == (201, True)


@pytest.mark.parametrize(
    ("names", "status"),
    [(("api_key",), 403), (("x-api-key",), 201), (("api_key", "x-api-key"), 201)],
)
def test_headers_with_underscores_can_get_lost(
    start: Start, connect: Connect, names: tuple[str, ...], status: int
) -> None:
    """Behind such a server a key arrives only under a name without an underscore; the log has both."""
    client = connect(start(faults=["drop_underscores"]))
    key = client.cloud.keys["WRITE"]
    answer = client.http.post(
        client.cloud.base_url + "/devices", json=DEVICE, headers=dict.fromkeys(names, key)
    )
    assert answer.status_code == status
    assert all(client.cloud.requests[-1].header(name) is not None for name in names)


def test_too_short_a_length_loses_the_end(start: Start, connect: Connect) -> None:
    """With a length that is too short, a client reads less than there is."""
    seen = bind(connect(start(faults=["length_too_short:20"])))
    assert seen.status == 201
    assert not seen.body.endswith(b"}")


def test_what_is_put_off_is_done_in_time(start: Start, connect: Connect) -> None:
    """A late commit happens after its seconds, though the client was dropped long before."""
    client = connect(start(faults=["commit_late:1x1"]))
    assert bind(client).status is None
    assert client.cloud.devices() == []
    deadline = time.monotonic() + 10
    while not client.cloud.devices() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [device["deviceid"] for device in client.cloud.devices()] == [SEED_ID]


def test_what_is_put_off_can_be_hurried(start: Start, connect: Connect) -> None:
    """A test need not wait: late commits can be had at once."""
    client = connect(start(faults=["commit_latex2"]))
    bind(client)
    bind(client)
    client.cloud.commit_late_now()
    assert len(client.cloud.devices()) == 2
    client.cloud.commit_late_now()


def test_faults_are_for_the_calls_that_they_name(start: Start, connect: Connect) -> None:
    """Without more, a fault is for what its row says; with @METHOD or @/PATH for just that."""
    client = connect(start())
    device = client.bind()
    for spec, get, post in (
        ("commit_then_drop", 200, 404),
        ("list_empty", 200, 404),
        ("status:503", 503, 503),
        ("status:503@GET", 503, 404),
        ("status:503@/v0/sessions", 200, 503),
    ):
        client.cloud.faults.clear()
        client.cloud.faults.turn_on(spec)
        assert client.get(f"/devices/{device}").status_code == get, spec
        assert client.post("/sessions", {"deviceid": "x"}).status_code == post, spec


def test_faults_follow_one_another(start: Start, connect: Connect) -> None:
    """A fault that is ordered so many times goes off by itself, and the next has its turn."""
    client = connect(start(faults=["status:500x2", "retry_afterx1"]))
    assert [bind(client).status for _ in range(4)] == [500, 500, 429, 201]
    assert client.cloud.faults.active == []


def test_faults_are_switched_while_the_cloud_runs(client: Client) -> None:
    """On, off, and all off."""
    faults = client.cloud.faults
    faults.turn_on("status:500")
    assert bind(client).status == 500
    faults.turn_off("status")
    assert bind(client).status == 201
    faults.turn_on("drop")
    faults.clear()
    assert bind(client).status == 201


def test_a_seed_makes_random_faults_repeatable(start: Start, connect: Connect) -> None:
    """The same seed gives the same junk; another seed, or the next time, gives other junk."""
    junk = []
    for seed in (1, 1, 2):
        client = connect(start(faults=["junk:50"], seed=seed))
        junk.append([bind(client).body, bind(client).body])
    assert junk[0] == junk[1] != junk[2]
    assert junk[0][0] != junk[0][1]


@pytest.mark.parametrize("envelope", ["bare", "body"])
def test_lists_can_lie(start: Start, connect: Connect, envelope: str) -> None:
    """Lists can be cut, empty, behind the times, endless, or written in an unusual way."""
    client = connect(start(envelope=envelope))
    for serial in ("R1", "Ñ🏁"):
        client.post("/devices", {"model": "X", "serial_number": serial})
    right = client.get("/devices").json()

    def spoilt(spec: str) -> httpx.Response:
        client.cloud.faults.clear()
        client.cloud.faults.turn_on(spec)
        return client.get("/devices")

    def inside(answer: httpx.Response) -> dict[str, list[object]]:
        fields = answer.json()
        return dict(fields["body"] if envelope == "body" else fields)

    with pytest.raises(json.JSONDecodeError):
        spoilt("list_cut").json()
    assert inside(spoilt("list_empty"))["result"] == []
    assert inside(spoilt("list_lags:300"))["result"] == []
    assert inside(spoilt("list_endless"))["pagination"]["total_pages"] == 2  # type: ignore[call-overload]
    escaped = spoilt("list_escaped")
    assert escaped.json() == right
    assert b"R1" not in escaped.content


#: What a list holds of the device "Ñ-040012" under each fault; its deviceid is the example's.
LISTS: list[tuple[str, bytes]] = [
    ("list_renamed", rb'"devices":'),
    ("list_short:4", rb'"total": ?5'),
    ("list_odd_items", rb"null, ?\"a device\", ?\[\[\]\], ?7\]"),
    ("list_odd_members", b'"note":"M\xfcller".*NaN'),
    ("list_latin", b'"serial_number":"\xd1-040012"'),
    ("list_marks_null", rb'"firmware": null'),
    ("list_token_number", rb'"deviceid": \d+,'),
    ("list_token_lower", TOKEN.lower()),
    ("list_serial_null", rb'"serial_number": null'),
    ("list_serial_empty", rb'"serial_number": ""'),
    ("list_serial_missing", rb'"firmware": "[^"]*", "creation_date"'),
    ("list_serial_renamed", '"serial": "Ñ-040012"'.encode()),
    ("list_serial_nfd", "N\u0303-040012".encode()),
    ("list_serial_case", "ñ-040012".encode()),
    ("list_serial_html", rb"&#209;-040012"),
    ("list_serial_bare", "Ñ040012".encode()),
    ("list_serial_list", '\\["Ñ-040012"\\]'.encode()),
    ("list_serial_long", "Ñ-040012 {392}".encode()),
    ("list_serial_twice", '"serial_number":"0","serial_number":"Ñ-040012"'.encode()),
]


@pytest.mark.parametrize("envelope", ["bare", "body"])
def test_lists_can_be_odd(start: Start, connect: Connect, envelope: str) -> None:
    """Each fault writes the entries, or the list around them, as its row says."""
    client = connect(start(envelope=envelope))
    client.post("/devices", {"model": "Model X1", "serial_number": "Ñ-040012", "firmware": "1"})
    with client.cloud.store.transaction() as database:
        database.execute("UPDATE devices SET deviceid = ?", (SEED_ID,))
    for spec, pattern in LISTS:
        client.cloud.faults.clear()
        client.cloud.faults.turn_on(spec)
        assert re.search(pattern, client.get("/devices").content), spec


def test_serial_numbers_of_digits_can_be_numbers(start: Start, connect: Connect) -> None:
    """A serial number that can be a number is written as one, and any other as the text that it is."""
    client = connect(start(faults=["list_serial_number"]))
    for serial in ("040012", "R-1"):
        client.bind(serial)
    listed = client.get("/devices").json()["result"]
    assert [one["serial_number"] for one in listed] == [40012, "R-1"]


def test_a_list_lags_only_behind_new_devices(start: Start, connect: Connect) -> None:
    """A device older than the lag stands in the list."""
    client = connect(start(faults=["list_lags:60"]))
    client.bind("old")
    client.cloud.store.now = lambda: time.time() + 600
    with client.cloud.store.transaction() as database:
        database.execute("UPDATE devices SET created = created - 600")
    client.cloud.store.now = time.time
    client.bind("new")
    listed = client.get("/devices").json()
    assert [one["serial_number"] for one in listed["result"]] == ["old"]
    assert listed["pagination"]["total"] == 1


def test_a_fault_of_our_own_is_answered_as_documented(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the mock itself fail, the client sees 500 and null, and the log says so."""
    monkeypatch.setattr(client.cloud.store, "key", lambda _text: 1 / 0)
    assert bind(client) == Seen(500, b"null")
    assert client.cloud.requests[0].status == 500


def test_where_rows_act_is_one_of_five() -> None:
    """Every row is for any request, for binding, listing, passings, or the list of sessions."""
    assert {row.where for row in ROWS.values()} == {ANY, BIND, LIST, PASSED, PASSINGS, SESSIONS}
