"""Looking instead of repeating: how a reader with a READ_WRITE key settles `unknown` by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from startline.record.rules import Record, unpack

from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.mock_cloud import MockCloud, MockOptions
from tests.firmware.conftest import MakeReader
from tests.firmware.harness import NOW, HarnessReader, factory_image, settings_for
from tests.firmware.looking import OTHER, ListingCloud, entry, kinds, page, run
from tests.firmware.scripted import TOKEN, Script, ScriptedServer, answer


def test_a_lost_answer_is_found_again(make_reader: MakeReader, cloud: MockCloud) -> None:
    """A bind whose answer was lost is found in the list by its mark: bound, with one request."""
    reader = make_reader(key=cloud.keys["READ_WRITE"])
    assert reader.boot().state == "bound"
    record = unpack(reader.blob)
    token = record.token
    image = make_reader("again", key=cloud.keys["READ_WRITE"]).get("fctry")
    lost = make_lost(reader, record, image)
    boot = lost.boot()
    assert (boot.state, boot.end["token"]) == ("bound", token)
    assert boot.one("look")["outcome"] == "bound"
    assert [request.method for request in cloud.requests].count("POST") == 1
    assert lost.states() == ("bound", "bound")
    assert cloud.keys["READ_WRITE"].encode() not in lost.get("fctry")


def make_lost(reader: HarnessReader, record: Record, image: bytes) -> HarnessReader:
    """Set a reader back to where its request went out and no answer came."""
    from startline.record.copies import pack

    record.state, record.reason, record.token, record.status = "unknown", "timeout", "", 0
    reader.blob = pack(record)
    reader.put("bind", pack(record) + b"\xff" * (0x2000 - len(pack(record))))
    reader.put("fctry", image)
    return reader


def test_two_looks_then_again(tmp_path: Path, lib: Path) -> None:
    """Where two complete looks a minute apart find nothing, the request is made once more."""
    empty = page()
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error, empty, empty, [answer()]) as server:
        boot = run(tmp_path, lib, server).boot()
        assert (boot.state, boot.end["token"]) == ("bound", TOKEN)
        assert [kind.split("?")[0] for kind in kinds(server)] == [
            "POST /v0/devices", "GET /v0/devices", "GET /v0/devices", "POST /v0/devices",
        ]  # fmt: skip
        assert max(boot.end["slept"]) >= 60_000
        first, second = (event["id"] for event in boot.all("attempt"))
        assert first != second


def test_the_second_look_may_lie_in_another_boot(tmp_path: Path, lib: Path) -> None:
    """The first look counts in the next boot; and only after the pause does the second count."""
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error, page(), page(), page(), [answer()]) as server:
        reader = run(tmp_path, lib, server, boot_limit=20)
        assert reader.boot(ntp=NOW).state == "unknown"
        record = unpack(reader.blob)
        assert (record.state, record.looks, record.looked >= NOW) == ("unknown", 1, True)
        assert reader.boot(ntp=NOW + 30).state == "unknown"
        assert len(server.requests) == 3
        boot = reader.boot(ntp=NOW + 100)
        assert boot.state == "bound"
        assert kinds(server)[3:] == [
            "GET /v0/devices?page=1&limit=1000",
            "POST /v0/devices",
        ]


def test_a_clock_that_jumps_ahead_shortens_no_pause(tmp_path: Path, lib: Path) -> None:
    """An hour by the clock is none: what a boot has room for has to pass by its own time, too."""
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error, *[page()] * 3, [answer()]) as server:
        reader = run(tmp_path, lib, server, boot_limit=50)
        assert reader.boot(ntp=NOW).state == "unknown"
        boot = reader.boot(ntp=NOW + 3600)
        assert boot.state == "bound"
        assert [kind[:4] for kind in kinds(server)] == ["POST", "GET ", "GET ", "GET ", "POST"]
        assert sum(boot.end["slept"]) > 19_000


def test_a_clock_that_went_back_starts_the_pause_anew(tmp_path: Path, lib: Path) -> None:
    """A look that seems to lie in the future is no first look: the pause begins again."""
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error, page()) as server:
        reader = run(tmp_path, lib, server, boot_limit=40)
        reader.boot(ntp=NOW)
        reader.boot(ntp=NOW - 5000)
        record = unpack(reader.blob)
        assert (record.looks, record.looked < NOW) == (1, True)


def test_a_look_with_another_key_proves_nothing(tmp_path: Path, lib: Path) -> None:
    """That another company's list does not have the device does not make it unbound."""
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error, page()) as server:
        reader = run(tmp_path, lib, server, boot_limit=40)
        reader.boot()
        other = settings_for(server.base_url, server.ca_der, "ror-another-company")
        reader.put("fctry", factory_image(other))
        boot = reader.boot(ntp=NOW + 1000)
        assert (boot.state, boot.reason) == ("unknown", "other_key")
        assert reader.boot(ntp=NOW + 2000).all("link") == []


#: How an entry may be ours that cannot be compared, or is another's after all.
UNCLEAR: dict[str, dict[str, Any]] = {
    "a number": {"serial_number": 40012},
    "null": {"serial_number": None},
    "other separators": {"serial_number": "DEVICE123"},
    "other letters": {"serial_number": "ＤＥＶＩＣＥ-123"},
    "no object": {},
}


@pytest.mark.parametrize("fields", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_a_look_that_cannot_compare_proves_nothing(
    tmp_path: Path, lib: Path, fields: dict[str, Any]
) -> None:
    """It leaves `unknown`, names the entry, and no number of such looks lets a request out."""
    error: Script = [answer("500 Oops", b"")]
    odd: Any = {**entry(TOKEN, ""), **fields} if fields else None
    odd_page = page(entry(), odd)
    with ListingCloud(error, odd_page) as server:
        reader = run(tmp_path, lib, server, boot_limit=20)
        for hour in range(3):
            boot = reader.boot(ntp=NOW + 3600 * hour)
            assert (boot.state, boot.reason) == ("unknown", "unclear_entry")
            look = boot.one("look")
            assert (look["entry"], look["deviceid"]) == (2, TOKEN if fields else "")
            assert unpack(reader.blob).looks == 0
        assert [kind.split()[0] for kind in kinds(server)].count("POST") == 1


def test_what_an_unclear_entry_is_after_all(tmp_path: Path, lib: Path) -> None:
    """One of another mark, or from before the reader was made, is another's: the look is clean."""
    error: Script = [answer("500 Oops", b"")]
    strangers = page(
        {**entry(mark="1.0+sl.00c0ffee"), "serial_number": 40012},
        {**entry(OTHER[1:] + "B"), "serial_number": None, "creation_date": "2025-01-01T00:00:00Z"},
    )
    with ListingCloud(error, strangers) as server:
        boot = run(tmp_path, lib, server, boot_limit=20).boot()
        assert boot.one("look")["outcome"] == "unbound"


@pytest.mark.parametrize(
    ("date", "outcome"),
    [
        ("Wed, 18 Nov 2026 11:06:50 GMT", "unbound"),
        ("Wed, 18 Nov 2026 13:06:50 GMT", "unknown"),
        ("Mon, 16 Nov 2026 11:06:50 GMT", "unknown"),
        ("today", "unknown"),
        ("", "unbound"),
    ],
)
def test_an_age_counts_only_by_one_clock(
    tmp_path: Path, lib: Path, date: str, outcome: str
) -> None:
    """Where the cloud's clock is another than ours, what is old for it may be our own entry."""
    error: Script = [answer("500 Oops", b"")]
    old = {**entry(), "serial_number": None, "creation_date": "2025-01-01T00:00:00Z"}
    headers = [f"Date: {date}"] if date else []
    body = json.dumps({"result": [old]}).encode()
    with ListingCloud(error, [answer("200 OK", body, headers)]) as server:
        boot = run(tmp_path, lib, server, boot_limit=20).boot(ntp=NOW)
        look = boot.one("look")
        assert look["outcome"] == outcome
        assert look["entry"] == (1 if outcome == "unknown" else 0)


def test_a_request_may_have_been_earlier_than_its_record_says(tmp_path: Path, lib: Path) -> None:
    """What is older than this request but not than the reader may be an earlier request's."""
    error: Script = [answer("500 Oops", b"")]
    between = {**entry(), "serial_number": None, "creation_date": "2026-11-01T00:00:00Z"}
    with ListingCloud(error, page(between)) as server:
        boot = run(tmp_path, lib, server, boot_limit=20).boot(ntp=NOW)
        assert boot.reason == "unclear_entry"


def test_our_mark_without_a_token(tmp_path: Path, lib: Path) -> None:
    """An entry of ours whose token is none is named, and nothing is made of it."""
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error) as server:
        reader = run(tmp_path, lib, server, boot_limit=10)
        reader.boot()
        script = page(entry("not hex", server.mark(), "DEVICE-123"))
    with ListingCloud(script) as server:
        move(reader, server)
        boot = reader.boot(ntp=NOW + 10)
        assert (boot.state, boot.reason) == ("unknown", "unfit_token")
        assert boot.one("look")["entry"] == 1
        assert reader.boot(ntp=NOW + 5000).one("look")["reason"] == "unfit_token"


def looks(reader: HarnessReader, looks: int, looked: int, due: int) -> None:
    """Set a reader's record to so many clean looks, the last at a time."""
    from startline.record.copies import pack

    record = unpack(reader.blob)
    record.looks, record.looked, record.due = looks, looked, due
    reader.blob = pack(record)
    reader.put("bind", pack(record) + b"\xff" * (0x2000 - len(pack(record))))


def test_the_second_look_waits_for_the_requests_deadline(tmp_path: Path, lib: Path) -> None:
    """However long ago the first look was, the second counts only behind the request's deadline."""
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error, page(), page(), page(), [answer()]) as server:
        reader = run(tmp_path, lib, server, boot_limit=20)
        reader.boot(ntp=NOW)
        looks(reader, 1, NOW - 1000, NOW + 500)
        assert reader.boot(ntp=NOW + 100).state == "unknown"
        assert reader.boot(ntp=NOW + 510).state == "bound"
        assert [kind[:4] for kind in kinds(server)] == ["POST", "GET ", "GET ", "GET ", "POST"]


def test_a_clean_look_does_not_begin_the_pause_anew(tmp_path: Path, lib: Path) -> None:
    """A look in the middle of the pause changes nothing about when it ends."""
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error, page(), page(), page(), [answer()]) as server:
        reader = run(tmp_path, lib, server, boot_limit=20)
        reader.boot(ntp=NOW)
        looks(reader, 1, NOW, NOW)
        assert reader.boot(ntp=NOW + 30).state == "unknown"
        assert unpack(reader.blob).looked == NOW
        assert reader.boot(ntp=NOW + 61).state == "bound"


def test_a_look_that_is_not_clean_takes_the_first_one_back(tmp_path: Path, lib: Path) -> None:
    """Two clean looks count one after the other: one that names an entry begins the count anew."""
    error: Script = [answer("500 Oops", b"")]
    unclear = page({**entry(), "serial_number": None})
    with ListingCloud(error, page(), unclear, page(), page(), page(), [answer()]) as server:
        reader = run(tmp_path, lib, server, boot_limit=20)
        counts = []
        for minute in (0, 2, 4):
            assert reader.boot(ntp=NOW + 60 * minute).state == "unknown"
            counts.append(unpack(reader.blob).looks)
        assert counts == [1, 0, 1]
        assert reader.boot(ntp=NOW + 360).state == "bound"


LISTS = {
    "our mark among many": ([entry(), "OURS", entry(OTHER[1:] + "B")], "bound", ""),
    "our mark and serial twice": (
        ["OURS", entry(OTHER, "1.0.0", " device-123 ")], "bound", "",
    ),
    "our serial, other mark": ([entry(serial="device-123 ")], "unknown", "serial_taken"),
    "our serial, a mark that begins like ours": (["ALMOST"], "unknown", "serial_taken"),
    "our serial, no mark": (
        [{"serial_number": "DEVICE-123", "deviceid": OTHER, "firmware": None}],
        "unknown", "serial_taken",
    ),
    "two of ours": (["OURS", "OURS2"], "unknown", "doubled"),
    "one of ours, twice": (["OURS", "OURS"], "bound", ""),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "state", "reason"), LISTS.values(), ids=LISTS.keys())
@pytest.mark.parametrize("envelope", [False, True], ids=["bare", "body"])
def test_what_a_list_tells(
    tmp_path: Path, lib: Path, entries: list[Any], state: str, reason: str, envelope: bool
) -> None:
    """Each list has the outcome of the table, bare or in `body`."""
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error) as server:
        reader = run(tmp_path, lib, server, boot_limit=10)
        reader.boot()
        mark = server.mark()
    digit = "0" if mark[-1] != "0" else "1"
    ours = {
        "OURS": entry(TOKEN, mark, "DEVICE-123"),
        "OURS2": entry(OTHER, mark, "DEVICE-123"),
        "ALMOST": entry(OTHER, mark[:-1] + digit, "DEVICE-123"),
    }
    content: Any = {"result": [ours[one] if isinstance(one, str) else one for one in entries]}
    empty: Any = {"result": []}
    if envelope:
        content, empty = {"body": content}, {"body": empty}
    scripts = [[answer("200 OK", json.dumps(one).encode())] for one in (content, empty)]
    with ListingCloud(*scripts) as server:
        move(reader, server)
        boot = reader.boot(ntp=NOW + 10)
        assert (boot.state, boot.reason) == (state, reason)
        assert boot.end["token"] == (TOKEN if state == "bound" else "")
        assert all(kind.startswith("GET") for kind in kinds(server))
        if state == "unknown":
            assert reader.boot(ntp=NOW + 5000).all("link") == []


def move(reader: HarnessReader, server: ScriptedServer) -> None:
    """Let a reader, and its record, belong to another server."""
    import hashlib

    from startline.record.copies import pack

    record = unpack(reader.blob)
    record.place = hashlib.sha256(server.base_url.encode()).digest()[:8]
    reader.blob = pack(record)
    reader.put("bind", pack(record) + b"\xff" * (0x2000 - len(pack(record))))
    reader.put("fctry", factory_image(settings_for(server.base_url, server.ca_der, boot_limit=10)))


INCOMPLETE = {
    "cut JSON": [answer("200 OK", b'{"result":[{"deviceid":"A"}')],
    "no list": [answer("200 OK", b'{"description":"Success"}')],
    "a list elsewhere": [answer("200 OK", b'{"data":{"result":[]}}')],
    "HTML": [answer("200 OK", b"<html></html>")],
    "two documents": [answer("200 OK", b'{"result":[]}{"result":[]}')],
    "brackets that do not match": [answer("200 OK", b'{"result":[}]')],
    "500": [answer("500 Oops", b'{"result":[]}')],
    "404": [answer("404 Not Found", b"")],
    "429": [answer("429 Slow", b"")],
    "a redirect": [answer("302 Found", b"", ["Location: https://localhost:1/"])],
    "a short body": [answer("200 OK", b'{"result":[]}', ["Content-Length: 99"], length=False)],
    "a reset": [None],
    "more than there are": page(pagination={"total": 1}),
    "fewer than there are": page(entry(), entry(OTHER[1:] + "B"), pagination={"total": 1}),
    "a list in a text": [answer("200 OK", json.dumps(json.dumps({"result": []})).encode())],
}


@pytest.mark.parametrize("script", INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_an_incomplete_look_does_not_count(tmp_path: Path, lib: Path, script: Any) -> None:
    """Only a list that was read to its end, page by page, counts as a look."""
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error) as server:
        reader = run(tmp_path, lib, server, boot_limit=10)
        reader.boot()
    with ListingCloud(script) as server:
        move(reader, server)
        boot = reader.boot(ntp=NOW + 10)
        assert boot.state == "unknown"
        assert {step for step, _ in boot.failures()} == {"answer"}
        assert unpack(reader.blob).looks == 0
        assert "Traceback" not in boot.text


def test_a_pause_that_is_too_short_is_raised(tmp_path: Path, lib: Path) -> None:
    """Two looks lie 30 s apart at least, whatever is set: and the reader says so."""
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error, page(), page(), [answer()]) as server:
        reader = run(tmp_path, lib, server, boot_limit=80)
        reader.put("nvs", make_nvs_image([NvsEntry("set", "look_pause", "u16", 1)], 0x6000))
        boot = reader.boot()
        assert boot.state == "bound"
        assert "out_of_range set.look_pause" in [one["what"] for one in boot.all("warning")]
        assert [round(ms, -3) for ms in boot.end["slept"] if ms > 20_000] == [31_000]


def test_what_delays_a_look(tmp_path: Path, lib: Path) -> None:
    """After a 503 with Retry-After the reader waits that long, or up to twice, before it looks."""
    busy: Script = [answer("503 Busy", b"", ["Retry-After: 15"])]
    with ListingCloud(busy, page()) as server:
        boot = run(tmp_path, lib, server, boot_limit=40).boot()
        wait = boot.one("wait")["next_ms"]
        assert 15_000 <= wait < 30_000
        assert wait in boot.end["slept"]


@pytest.mark.parametrize("second_bind", ["new", "same", "conflict"])
def test_a_commit_without_an_answer(tmp_path: Path, lib: Path, second_bind: str) -> None:
    """Whatever a second bind would do, a bind without an answer ends in one record, and bound."""
    with MockCloud(MockOptions(second_bind=second_bind)) as cloud:
        settings = settings_for(cloud.base_url, cloud.ca_der, cloud.keys["READ_WRITE"])
        reader = HarnessReader(tmp_path / "reader", lib, factory_image(settings))
        assert reader.boot().state == "bound"
        record = unpack(reader.blob)
        boot = make_lost(reader, record, factory_image(settings)).boot()
        assert (boot.state, boot.end["token"]) == ("bound", cloud.devices()[0]["deviceid"])
        assert len(cloud.devices()) == 1
