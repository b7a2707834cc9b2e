"""VMS activation by the agent in the real MicroPython: request, answers, refusals, and looking."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import startline_vms as vms
from startline.binding import Binding
from startline.device import Device
from startline.net.bind_request import BindAnswer
from startline.settings import missing_names

from startline_host.clouds.vms import VmsClaim
from startline_host.formats.factory_partition import (
    DeviceSettings,
    NetSettings,
    OptionSettings,
    RunSettings,
    TlsSettings,
    make_entries,
)
from startline_host.formats.nvs_image import make_nvs_image
from startline_host.formats.units import Unit
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.mock_cloud.vms_examples import EXAMPLE_ANSWER, EXAMPLE_REFUSAL, EXAMPLE_REQUEST
from startline_host.secrets import Secret
from tests.firmware.fake_chip import FakeChip, RamFlash
from tests.firmware.harness import NOW, Boot, HarnessReader, factory_image
from tests.firmware.scripted import Script, ScriptedServer, answer

ACTIVATE, CHECK = "/api/v1/billing/devices/activate", "/api/v1/billing/devices/check"
MAC = "24:6f:28:00:00:01"
TOKEN = "Bearer canary-0123456789"
CREATED: Script = [answer(body=EXAMPLE_ANSWER)]
LOST: Script = [None]
FREE: Script = [answer("204 No Content", b"", length=False)]
TAKEN: Script = [answer("422 Unprocessable Entity", EXAMPLE_REFUSAL)]


def settings_for(
    base_url: str, ca: bytes, *, auth: str = "", boot_limit: int = 90, run: str = "", **claim: Any
) -> DeviceSettings:
    """Return settings for a VMS reader; `claim` differs from the page's own request."""
    fields = {"login": "user-login", "name": "name", "type": "mediaagent", **claim}
    return DeviceSettings(
        claim=VmsClaim(
            cloud="vms", base_url=base_url, auth=Secret(auth) if auth else None, **fields
        ),
        net=NetSettings(ssid="bench", password=Secret("bench-wifi")),
        tls=TlsSettings(ca=(ca,)),
        run=RunSettings(key=Secret(run) if run else None),
        set=OptionSettings(boot_limit=boot_limit),
    )


@pytest.fixture
def unit(tmp_path: Path, lib: Path) -> Any:
    """Make readers for a VMS at an address."""

    def make(
        base_url: str, ca: bytes, *, name: str = "reader", mac: str = "", **settings: Any
    ) -> HarnessReader:
        given = settings_for(base_url, ca, **settings)
        return HarnessReader(tmp_path / name, lib, factory_image(given, serial="sn", mac=mac))

    return make


def boot_against(
    unit: Any, *scripts: Script, **settings: Any
) -> tuple[Boot, list[bytes], HarnessReader]:
    """Boot a blank reader once against a server; return what both saw."""
    with ScriptedServer(*scripts) as server:
        reader = unit(server.base_url.removesuffix("/v0"), server.ca_der, **settings)
        return reader.boot(), server.requests, reader


def posts(requests: list[bytes]) -> list[str]:
    """Return what each request went to; all of them are POST."""
    words = [request.decode("latin1").split()[:2] for request in requests]
    assert {method for method, _ in words} <= {"POST"}
    return [path for _, path in words]


def sent(request: bytes) -> dict[str, Any]:
    """Return the fields of a request."""
    return dict(json.loads(request.split(b"\r\n\r\n", 1)[1]))


def test_the_pages_request_and_answer(unit: Any, cloud: MockCloud) -> None:
    """What the page asks is asked, its answer's bytes bind, and the token is the text 25."""
    reader = unit(cloud.root_url, cloud.ca_der, by="serial")
    boot = reader.boot()
    assert (boot.state, boot.end["token"]) == ("bound", "25")
    (request,) = cloud.requests
    fields = json.loads(request.body)
    assert {**EXAMPLE_REQUEST, **fields} == EXAMPLE_REQUEST
    assert (request.path, request.answer) == (ACTIVATE, EXAMPLE_ANSWER)
    assert reader.states() == ("bound", "bound")
    again = reader.boot()
    assert (again.end["token"], again.all("link")) == ("25", [])


@pytest.mark.parametrize(
    ("by", "names"),
    [("both", {"serial_number": "sn", "mac": MAC}), ("serial", {"serial_number": "sn"}),
     ("mac", {"mac": MAC})],
)  # fmt: skip
@pytest.mark.parametrize("mac", ["", MAC], ids=["the chip's", "provisioned"])
def test_what_the_service_knows_a_device_by(
    unit: Any, by: str, names: dict[str, str], mac: str
) -> None:
    """The serial number, the MAC in lower case with colons, or both go out, and nothing else does."""
    boot, requests, _ = boot_against(unit, CREATED, by=by, mac=mac)
    assert boot.state == "bound"
    rest = {"login": "user-login", "name": "name", "type": "mediaagent"}
    assert sent(requests[0]) == {**rest, "skip_reserve_check": False, **names}


def test_headers_and_a_secret(unit: Any) -> None:
    """JSON is asked for; the Authorization value is sent, never told, and gone once bound."""
    boot, requests, reader = boot_against(unit, CREATED, auth=TOKEN, skip_reserve=True)
    head = requests[0].split(b"\r\n\r\n")[0].lower()
    assert b"accept: application/json" in head
    assert b"authorization: " + TOKEN.lower().encode() in head
    assert sent(requests[0])["skip_reserve_check"] is True
    assert "canary" not in boot.text
    assert b"canary" not in reader.get("fctry") + reader.get("bind") + reader.blob


def test_the_application_may_keep_the_secret(unit: Any) -> None:
    """With `run.key` = "same" the application gets the Authorization value, at every boot."""
    boot, _, reader = boot_against(unit, CREATED, auth=TOKEN, run="same")
    assert (boot.state, boot.end["key"]) == ("bound", TOKEN)
    assert reader.boot().end["key"] == TOKEN
    assert "canary" not in boot.text


@pytest.mark.parametrize(
    ("mac", "missing"),
    [
        ("24-6F-28-00-00-01", False),
        ("246F28000001", False),
        ("24:6F:28:00:00:01", False),
        ("246f.2800.0001", False),
        ("24-6F-28-00-00-02", True),
        ("24-6F-28", True),
    ],
)
def test_spellings_of_the_mac(mac: str, *, missing: bool) -> None:
    """However the factory spelled the chip's MAC it is this chip, and is sent in the one form."""
    entries = [
        msgspec.structs.replace(entry, value=mac) if entry.key == "mac" else entry
        for entry in make_entries(
            Unit(serial="sn", model="X", mac=MAC), settings_for("https://x", b"0")
        )
    ]
    fctry = RamFlash(bytearray(make_nvs_image(entries, 0x4000)))
    nvs = RamFlash(bytearray(b"\xff" * 0x6000))
    device = Device(FakeChip({"fctry": fctry, "nvs": nvs}, {}))
    device.identify()
    assert missing_names(Binding(device)) == (["factory.mac"] if missing else [])
    assert json.loads(vms.request(device.identity, "")[2])["mac"] == MAC


@pytest.mark.parametrize(
    ("settings", "fields", "authorization"),
    [
        ({}, {"serial_number", "mac"}, None),
        ({"claim.by": "serial"}, {"serial_number"}, None),
        ({"claim.by": "mac"}, {"mac"}, None),
        ({"claim.auth": "Bearer x"}, {"serial_number", "mac"}, "Bearer x"),
    ],
)
def test_the_fields_of_a_request(
    settings: dict[str, str], fields: set[str], authorization: str | None
) -> None:
    """What `claim.by` names goes out, and an Authorization where there is one; asked for or told."""
    identity = SimpleNamespace(
        values=settings,
        text=lambda name: settings.get(name, ""),
        serial="sn",
        mac=b"\x24\x6f\x28\0\0\1",
    )
    for verb, rest in (("activate", {"login", "name", "skip_reserve_check"}), ("check", set())):
        path, headers, body = vms.request(identity, "", verb)
        assert path.endswith("/devices/" + verb)
        assert json.loads(body).keys() == {"type", *rest, *fields}
        assert headers.get("Authorization") == authorization


@pytest.mark.parametrize(
    ("status", "state"),
    [(400, "refused"), (408, "unknown"), (409, "unknown"), (410, "refused"), (425, "unknown"),
     (422, "refused"), (429, "unbound"), (500, "unknown"), (301, "unknown")],
)  # fmt: skip
def test_what_a_status_means(status: int, state: str) -> None:
    """Without a token each status has the outcome of the table of answers."""
    answer = BindAnswer(vms)
    answer.read(b"{}")
    assert answer.meaning(status, ())[:2] == (state, "")


def test_no_authorization_without_a_value(unit: Any) -> None:
    """Where none is provisioned, no such header goes out."""
    _, requests, _ = boot_against(unit, CREATED)
    assert b"authorization" not in requests[0].lower()


IDS = {
    "none": b'{"serial_number":"sn"}',
    "null": b'{"id":null}',
    "0": b'{"id":0}',
    "negative": b'{"id":-25}',
    "a text": b'{"id":"25"}',
    "a fraction": b'{"id":25.0}',
    "a power": b'{"id":25e3}',
    "true": b'{"id":true}',
    "huge": b'{"id":1000000000000000}',
    "beyond any machine": b'{"id":' + b"9" * 300 + b"}",
    "in a list": b'[{"id":25}]',
    "of the user": b'{"user":{"id":6}}',
    "cut within its digits": EXAMPLE_ANSWER[: EXAMPLE_ANSWER.index(b"25") + 1],
    "cut behind its digits": b'{"id":123',
    "within a text, cut": rb'{"body":"{\"id\":123',
    "twice": b'{"id":25,"id":26}',
    "twice, in an envelope": b'{"id":25,"body":{"id":26}}',
    "in two documents": b'{"id":25}\n{"id":26}',
    "HTML": b"<html><body>Please log in</body></html>",
}


@pytest.mark.parametrize("status", ["200 OK", "201 Created"])
@pytest.mark.parametrize("body", IDS.values(), ids=IDS.keys())
def test_an_id_that_is_none(unit: Any, body: bytes, status: str) -> None:
    """Without a whole number above 0 as `id` a good status is no proof: unknown, asked once."""
    boot, requests, reader = boot_against(unit, [answer(status, body)], TAKEN)
    assert (boot.state, boot.end["token"]) == ("unknown", "")
    assert reader.states() == ("unknown", "unknown")
    assert posts(requests) == [ACTIVATE, CHECK]


REFUSALS = {
    "the page's": (EXAMPLE_REFUSAL, "Тут будет описана причина ошибки"),
    "several": (b'{"message":"m","errors":{"a":["one","two"]}}', "one; two"),
    "nested": (b'{"message":"m","errors":{"a":{"b":[["deep"]]}}}', "deep"),
    "a text": (b'{"message":"m","errors":"text"}', "text"),
    "with control characters": (b'{"errors":{"a":["\\u001b[31mred\\u0007\\n end"]}}', "[31mred end"),
    "none": (b'{"message":"m","errors":{}}', "status 422"),
    "no texts": (b'{"message":"m","errors":{"a":[5]}}', "status 422"),
    "HTML": (b"<html>\x1b[2J</html>", "web_page"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_tells_why(unit: Any, body: bytes, reason: str) -> None:
    """The reasons under `errors` stand on the console and in both copies of the record."""
    script: Script = [answer("422 Unprocessable Entity", body)]
    boot, requests, reader = boot_against(unit, script)
    assert (boot.state, boot.reason) == ("refused", reason)
    assert boot.one("answer") == {**boot.one("answer"), "status": 422, "reason": reason}
    assert [getattr(copy, "reason", copy) for copy in reader.copies()] == [reason, reason]
    assert len(requests) == 1


@pytest.mark.parametrize("body", [
    b'{"errors":{"a":["' + "é".encode() * 1500 + b'"]}}',
    b'{"errors":' + b"[" * 1000 + b'"deep"' + b"]" * 1000 + b"}",
    b'{"errors":{' + b",".join(b'"k%d":["reason"]' % n for n in range(150)) + b"}}",
    b"[" * 90_000,
], ids=["long", "deep", "many", "endless"])  # fmt: skip
def test_reasons_without_measure(unit: Any, body: bytes) -> None:
    """However much a refusal says, it is a refusal, and 96 bytes of it are kept."""
    boot, _, reader = boot_against(unit, [answer("422 Unprocessable Entity", body)])
    assert (boot.state, reader.states()) == ("refused", ("refused", "refused"))
    assert 0 < len(boot.reason.encode()) <= 96


STATUSES = [("401 Unauthorized", "refused"), ("404 Not Found", "refused"), ("409 Conflict", "unknown"),
            ("302 Found", "unknown"), ("500 Oops", "unknown"), ("202 Accepted", "unknown")]  # fmt: skip


@pytest.mark.parametrize(("status", "state"), STATUSES)
def test_other_answers(unit: Any, status: str, state: str) -> None:
    """What no token came with is refused or unknown, as for any cloud."""
    boot, requests, _ = boot_against(unit, [answer(status, b"<html>Log in</html>")], TAKEN)
    assert boot.state == state
    assert posts(requests).count(ACTIVATE) == 1


def test_a_refused_reader_against_the_mock(unit: Any, cloud: MockCloud) -> None:
    """A type, a user that the service does not know: refused, with the field's own reason."""
    for change, words in (
        ({"type": "toaster"}, "type is invalid"),
        ({"login": "no"}, "not exist"),
    ):
        boot = unit(cloud.root_url, cloud.ca_der, name=words[:3], **change).boot()
        assert boot.state == "refused"
        assert words in boot.reason
    assert cloud.vms.devices() == []


def test_two_looks_that_say_free(unit: Any) -> None:
    """Free twice, a minute apart, and the one request is made once more; nothing else repeats it."""
    boot, requests, _ = boot_against(unit, LOST, FREE, FREE, CREATED)
    assert (boot.state, boot.end["token"]) == ("bound", "25")
    assert posts(requests) == [ACTIVATE, CHECK, CHECK, ACTIVATE]
    assert max(boot.end["slept"]) >= 60_000
    assert sent(requests[1]) == {"type": "mediaagent", "serial_number": "sn", "mac": MAC}


def test_taken_proves_nothing(unit: Any) -> None:
    """422 to the check leaves the outcome unknown; it rests, and is asked again only on demand."""
    with ScriptedServer(LOST, TAKEN) as server:
        reader = unit(server.base_url.removesuffix("/v0"), server.ca_der)
        boot = reader.boot()
        assert (boot.state, boot.reason) == ("unknown", "serial_taken")
        again = reader.boot(ntp=NOW + 1000)
        assert (again.state, again.all("link")) == ("unknown", [])
        reader.boot(ntp=NOW + 2000, retries=1)
        assert posts(server.requests) == [ACTIVATE, CHECK, CHECK]


@pytest.mark.parametrize("script", [
    LOST, [answer("200 OK", b"<html>Log in</html>")], [answer("401 Unauthorized", b"")],
    [answer("302 Found", b"", ["Location: https://localhost:1/"])], [answer("503 Busy", b"")],
], ids=["cut", "HTML", "401", "302", "503"])  # fmt: skip
def test_a_look_that_does_not_count(unit: Any, script: Script) -> None:
    """Only 204 says free: after any other answer it is still unknown, and no look was made."""
    boot, requests, reader = boot_against(unit, LOST, script, boot_limit=10)
    assert boot.state == "unknown"
    first, _ = reader.copies()
    assert not isinstance(first, str)
    assert first.looks == 0
    assert posts(requests).count(ACTIVATE) == 1


@pytest.mark.parametrize("rule", ["new", "same", "conflict"])
def test_an_activation_whose_answer_is_lost(unit: Any, rule: str) -> None:
    """Activated and not answered: one record at the service, and a reader that knows it is unsure."""
    with MockCloud(MockOptions(vms_second_bind=rule, faults=["commit_then_dropx1"])) as cloud:
        reader = unit(cloud.root_url, cloud.ca_der)
        boots = [reader.boot(ntp=NOW + 1000 * n, retries=1) for n in range(3)]
        assert {boot.state for boot in boots} == {"unknown"}
        assert len(cloud.vms.devices()) == 1
        assert [request.path for request in cloud.requests].count(ACTIVATE) == 1


IDS_BEFORE_A_CUT = {
    "behind a comma": b'{"id":25,"serial_number":"s',
    "behind white space": b'{"id": 25\n',
    "all but the last bracket": EXAMPLE_ANSWER[:-1],
    "NaN before it": b'{"t":NaN,"id":25}',
    "behind a byte order mark": b'\xef\xbb\xbf{"id":25}',
    "in a text": rb'{"statusCode":201,"body":"{\"id\":25}"}',
    "the same twice": b'{"id":25,"body":{"id":25}}',
    "beside null": b'{"id":null,"body":{"id":25}}',
}


@pytest.mark.parametrize("body", IDS_BEFORE_A_CUT.values(), ids=IDS_BEFORE_A_CUT.keys())
def test_an_id_whose_end_was_seen(unit: Any, body: bytes) -> None:
    """An id counts once something stands behind its digits, whatever else the answer lacks."""
    boot, _, _ = boot_against(unit, [answer(body=body)])
    assert (boot.state, boot.end["token"]) == ("bound", "25")


def test_what_is_a_token() -> None:
    """A token is the digits of a whole number above 0, written as a machine writes it."""
    assert vms.canonical(b"25") == "25"
    assert vms.canonical(b"999999999999999") == "9" * 15
    for value in (b"0", b"-1", b"01", b"1_0", b" 25", b"1000000000000000", b"", b"x", b"2.5", b"2e1",
                  "25", "", None):  # fmt: skip
        assert vms.canonical(value) == ""
