"""First boots in the real MicroPython, against the mock cloud over verified TLS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from startline import __version__
from startline.record.rules import Record

from startline_host.formats.factory_partition import make_entries
from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.formats.partitions import FCTRY_SIZE
from startline_host.formats.units import Unit
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.mock_cloud.mock import MockCloud as Cloud
from tests.firmware.conftest import MakeReader
from tests.firmware.harness import (
    MADE_AT,
    NOW,
    POWER_ON_CLOCK,
    HarnessReader,
    factory_image,
    settings_for,
)


def posts(cloud: Cloud) -> int:
    """Count the requests to bind that reached the cloud."""
    return sum(request.method == "POST" for request in cloud.requests)


def test_a_blank_reader_gets_bound(reader: HarnessReader, cloud: MockCloud) -> None:
    """One boot takes a blank reader to `bound`, with the cloud's token in both copies."""
    boot = reader.boot()
    (device,) = cloud.devices()
    assert (boot.state, boot.end["token"]) == ("bound", device["deviceid"])
    first, second = reader.copies()
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert first.__dict__ == second.__dict__
    assert (first.state, first.token, first.serial) == ("bound", device["deviceid"], "DEVICE-123")


def test_the_console_tells_each_step_once(reader: HarnessReader) -> None:
    """The events come in the order of the steps, numbered from 0, and `ready` is the last."""
    boot = reader.boot()
    names = [event["ev"] for event in boot.events]
    assert names == [
        "boot", "identity", "record", "link", "clock", "tls", "record", "attempt",
        "answer", "record", "scrub", "ready",
    ]  # fmt: skip
    assert [event["n"] for event in boot.events] == list(range(len(names)))
    assert boot.one("boot")["version"] == __version__
    assert boot.one("identity")["mac"] == "24:6f:28:00:00:01"
    ready = boot.one("ready")
    assert (ready["state"], ready["token"], ready["serial"]) == (
        "bound",
        boot.end["token"],
        "DEVICE-123",
    )


def test_unknown_is_in_both_copies_before_the_request(
    reader: HarnessReader, cloud: MockCloud
) -> None:
    """The record says `unknown`, twice, before the attempt; the cloud's list shows its id."""
    boot = reader.boot()
    states = [(event["state"], event["copies"]) for event in boot.all("record")]
    assert states == [("unbound", 0), ("unknown", 2), ("bound", 2)]
    attempt = boot.one("attempt")
    (device,) = cloud.devices()
    assert device["firmware"] == f"{__version__}+sl.{attempt['id']}"
    assert attempt["try"] == 1


def test_a_bound_reader_starts_without_the_network(
    reader: HarnessReader, cloud: MockCloud
) -> None:
    """The second boot is bound at once: no link, no time, no request, no flash written."""
    token = reader.boot().end["token"]
    before = (reader.blob, reader.get("bind"), reader.get("fctry"))
    boot = reader.boot(ntp=None, wifi_status=201)
    assert (boot.state, boot.end["token"]) == ("bound", token)
    assert [event["ev"] for event in boot.events] == ["boot", "identity", "record", "ready"]
    assert (reader.blob, reader.get("bind"), reader.get("fctry")) == before
    assert posts(cloud) == 1


def test_the_seeds_own_request(make_reader: MakeReader, cloud: MockCloud) -> None:
    """With the mark switched off, the body is the documented one: model and serial number."""
    make_reader(mark=False).boot()
    (request,) = list(cloud.requests)
    assert json.loads(request.body) == {"model": "Model X1", "serial_number": "DEVICE-123"}
    assert request.path == "/v0/devices"


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ("both", {"api_key", "x-api-key"}),
        ("api_key", {"api_key"}),
        ("x-api-key", {"x-api-key"}),
    ],
)
def test_the_key_comes_under_the_names_that_were_chosen(
    make_reader: MakeReader, cloud: MockCloud, chosen: str, names: set[str]
) -> None:
    """Both names carry the key unless one is chosen, with the request and with each look."""
    reader = make_reader(key=cloud.keys["READ_WRITE"], key_header=chosen)
    cloud.faults.turn_on("commit_then_status:503x1")
    assert reader.boot().state == "bound"
    assert [request.method for request in cloud.requests] == ["POST", "GET", "GET"]
    for request in cloud.requests:
        assert {name for name in ("api_key", "x-api-key") if request.header(name)} == names


def test_an_alias_arrives_whole(make_reader: MakeReader, cloud: MockCloud) -> None:
    """Letters of any alphabet arrive as they were given, in alias, type, model and serial."""
    unit = {
        "alias": "Çıkış – Ñandú 起点",
        "type": "décodeur",
        "model": "Modèle 😀",
        "serial": "№ 7",
    }
    boot = make_reader(unit=unit).boot()
    assert boot.state == "bound"
    (device,) = cloud.devices()
    assert {name: device[name] for name in ("alias", "type", "model")} == {
        name: unit[name] for name in ("alias", "type", "model")
    }
    assert boot.one("ready")["serial"] == device["serial_number"] == "№ 7"


@pytest.mark.parametrize("envelope", ["bare", "body"])
@pytest.mark.parametrize("form", ["json", "documented"])
def test_every_form_of_the_answer(tmp_path: Path, lib: Path, envelope: str, form: str) -> None:
    """The token is found bare or in `body`, in JSON or in the documented comma-less text."""
    with MockCloud(MockOptions(envelope=envelope, answer_form=form)) as cloud:
        settings = settings_for(cloud.base_url, cloud.ca_der, cloud.keys["WRITE"])
        boot = HarnessReader(tmp_path / "r", lib, factory_image(settings)).boot()
        assert (boot.state, boot.end["token"]) == ("bound", cloud.devices()[0]["deviceid"])


def test_a_key_without_the_right_is_refused(make_reader: MakeReader, cloud: MockCloud) -> None:
    """A READ key is refused in the cloud's words, and the next reset does not ask again."""
    reader = make_reader(key=cloud.keys["READ"])
    boot = reader.boot()
    answer = boot.one("answer")
    assert (boot.state, answer["status"], answer["outcome"]) == ("refused", 403, "refused")
    assert boot.reason == answer["reason"] != ""
    assert reader.states() == ("refused", "refused")
    assert reader.boot(cause="reset").state == "refused"
    assert posts(cloud) == 1


def test_refused_is_tried_again_once_a_power_on(make_reader: MakeReader, cloud: MockCloud) -> None:
    """After a power-on, or when the application says so, a refused reader asks again, once."""
    reader = make_reader(key=cloud.keys["READ"])
    reader.boot()
    assert reader.boot(cause="power_on").state == "refused"
    assert posts(cloud) == 2
    reader.boot(cause="reset", retries=1)
    assert posts(cloud) == 3


def test_refused_is_tried_again_with_another_key(
    make_reader: MakeReader, cloud: MockCloud
) -> None:
    """A reader that was refused with one key asks again with the next."""
    reader = make_reader(key=cloud.keys["READ"])
    reader.boot()
    again = make_reader("other")
    reader.put("fctry", again.get("fctry"))
    assert reader.boot(cause="reset").state == "bound"


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        ("other_ca", "unknown_ca"),
        ("expired_other_ca", "unknown_ca"),
        ("other_host", "wrong_host"),
        ("expired", "expired"),
        ("not_yet_valid", "not_yet_valid"),
    ],
)
def test_a_wrong_certificate(
    make_reader: MakeReader, cloud: MockCloud, certificate: str, reason: str
) -> None:
    """Each kind of wrong certificate is named, no byte of the request goes out, nothing is written."""
    cloud.use_certificate(certificate)
    try:
        reader = make_reader(boot_limit=20)
        boot = reader.boot()
    finally:
        cloud.use_certificate("good")
    assert boot.state == "unbound"
    assert set(boot.failures()) == {("tls", reason)}
    assert len(boot.failures()) > 1
    assert list(cloud.requests) == []
    assert reader.states() == ("blank", "blank")


@pytest.mark.offline
def test_a_clock_before_made_at(reader: HarnessReader, cloud: MockCloud) -> None:
    """A time server that is behind the day of manufacture is not believed, and nothing is sent."""
    boot = reader.boot(ntp=NOW - 10 * 31_536_000, clock=NOW - 9 * 31_536_000)
    assert set(boot.failures()) == {("clock", "clock_before_made_at")}
    assert (boot.state, boot.reason) == ("unbound", "clock clock_before_made_at")
    assert cloud.connections == 0 or list(cloud.requests) == []


@pytest.mark.offline
def test_no_time_at_all(reader: HarnessReader, cloud: MockCloud) -> None:
    """Without a time server, and with a clock that was never set, nothing is sent."""
    boot = reader.boot(ntp=None, clock=POWER_ON_CLOCK)
    assert set(boot.failures()) == {("clock", "no_time")}
    assert list(cloud.requests) == []


def test_the_clock_that_outlived_a_reset_will_do(reader: HarnessReader) -> None:
    """Without a time server, a clock at or past `made_at` is good enough."""
    boot = reader.boot(ntp=None, clock=NOW)
    assert boot.state == "bound"
    assert boot.one("clock")["phase"] == "kept"


def test_the_second_time_server(reader: HarnessReader) -> None:
    """When the first time server does not answer, the next one is asked."""
    boot = reader.boot(ntp={"time.google.com": NOW})
    assert boot.state == "bound"
    assert boot.one("clock")["phase"] == "ntp"


@pytest.mark.offline
@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"wifi_status": 201}, "no_such_network"),
        ({"wifi_status": 202}, "wrong_password"),
        ({"wifi_status": 1001}, "timeout"),
        ({"wifi_status": 1001, "associated": True}, "no_address"),
        ({"wifi_status": 77}, "wifi 77"),
    ],
)
def test_a_link_that_does_not_come_up(
    reader: HarnessReader, cloud: MockCloud, plan: dict[str, Any], reason: str
) -> None:
    """Why there is no link is said, the tries stay within the limit, and the reader is unbound."""
    boot = reader.boot(**plan)
    assert set(boot.failures()) == {("link", reason)}
    assert all(event["next_ms"] <= 2000 for event in boot.all("failed"))
    assert (boot.state, boot.reason) == ("unbound", f"link {reason}")
    assert boot.one("rest")["reason"] == "boot_limit"
    assert boot.events[-1]["ms"] < 91_000
    assert list(cloud.requests) == []


@pytest.mark.offline
def test_a_reader_without_a_network_says_so_once(make_reader: MakeReader) -> None:
    """Where no network was set, there is nothing to wait for."""
    boot = make_reader(ssid="").boot()
    assert boot.failures() == [("link", "no_ssid")]
    assert (boot.state, boot.end["slept"]) == ("unbound", [0])


def test_failures_are_retried_with_growing_pauses(make_reader: MakeReader) -> None:
    """A closed port is tried again within the limit, and each pause is the one that was said."""
    boot = make_reader(base_url="https://localhost:1/v0").boot()
    failed = boot.all("failed")
    assert {(event["step"], event["reason"]) for event in failed} == {("connect", "econnrefused")}
    assert len(failed) >= 4
    assert all(0 <= event["next_ms"] <= 2000 << n for n, event in enumerate(failed))
    assert boot.reason == "connect econnrefused"
    assert boot.events[-1]["ms"] <= 90_000


def with_numbers(reader: HarnessReader, cloud: Cloud, **numbers: int) -> None:
    """Tell a reader numbers under `set` and `factory` that the host would refuse."""
    unit = Unit(serial="DEVICE-123", model="Model X1", made_at=MADE_AT)
    settings = settings_for(
        cloud.base_url, cloud.ca_der, cloud.keys["WRITE"], boot_limit=60, look_pause=60
    )
    entries = [
        NvsEntry(one.namespace, one.key, one.kind, numbers.get(one.key, one.value))
        for one in make_entries(unit, settings)
    ]
    reader.put("fctry", make_nvs_image(entries, FCTRY_SIZE))


@pytest.mark.parametrize(
    ("numbers", "warned"),
    [
        ({"boot_limit": 0}, ["set.boot_limit"]),
        ({"boot_limit": 5}, ["set.boot_limit"]),
        ({"boot_limit": 65_535}, ["set.boot_limit"]),
        ({"boot_limit": 6}, []),
        ({"look_pause": 0}, ["set.look_pause"]),
        ({"made_at": 5}, ["factory.made_at"]),
        ({"boot_limit": 1, "look_pause": 0}, ["set.boot_limit", "set.look_pause"]),
    ],
)
def test_a_number_out_of_range_is_changed_and_told_of(
    reader: HarnessReader, cloud: MockCloud, numbers: dict[str, int], warned: list[str]
) -> None:
    """The nearest number that a device can go by is taken, which is said, and it binds."""
    with_numbers(reader, cloud, **numbers)
    boot = reader.boot()
    assert boot.state == "bound"
    assert [event["what"] for event in boot.all("warning")] == [
        f"out_of_range {name}" for name in warned
    ]


def test_the_shortest_boot_tries_once_and_says_why_it_rests(
    reader: HarnessReader, cloud: MockCloud
) -> None:
    """Even a limit of nothing has one try, and where that fails the rest has its reason."""
    with_numbers(reader, cloud, boot_limit=0)
    boot = reader.boot(wifi_status=201)
    assert boot.failures() == [("link", "no_such_network")]
    assert boot.one("rest")["reason"] == "boot_limit"
    assert (boot.state, boot.reason) == ("unbound", "link no_such_network")
    assert boot.events[-1]["ms"] < 9000


def test_a_wait_that_is_longer_than_the_boot_says_so(
    make_reader: MakeReader, cloud: MockCloud
) -> None:
    """A cloud that wants to be left alone for an hour ends the boot, with its words as the reason."""
    reader = make_reader()
    cloud.faults.turn_on("retry_after:3600x1")
    boot = reader.boot()
    assert (boot.state, boot.reason) == ("unbound", boot.one("answer")["reason"])
    assert boot.reason != ""
    assert boot.one("rest")["next_ms"] == boot.one("wait")["next_ms"] >= 3_600_000
    assert posts(cloud) == 1


def test_a_name_that_does_not_resolve(make_reader: MakeReader) -> None:
    """A host that nobody knows is a failure of the step `dns`."""
    boot = make_reader(base_url="https://nobody.invalid/v0", boot_limit=12).boot()
    assert set(boot.failures()) == {("dns", "not_found")}


def test_plain_http_has_to_be_allowed(tmp_path: Path, lib: Path) -> None:
    """Plain http works where a setting allows it, says so at every boot, and never otherwise."""
    with MockCloud(MockOptions(tls=False)) as cloud:
        settings = settings_for(cloud.base_url, None, cloud.keys["WRITE"], insecure_http=True)
        image = factory_image(settings)
        reader = HarnessReader(tmp_path / "allowed", lib, image)
        for _ in range(2):
            boot = reader.boot()
            assert boot.state == "bound"
            assert boot.one("warning")["what"] == "insecure_http"
        assert posts(cloud) == 1
        silent = settings_for(cloud.base_url, None, cloud.keys["WRITE"], insecure_http=True)
        forbidden = HarnessReader(tmp_path / "not", lib, factory_image(silent))
        forbidden.put("fctry", _without_switch(image))
        boot = forbidden.boot()
        assert boot.state == "unprovisioned"
        assert boot.one("unprovisioned")["missing"] == ["set.insecure_http"]
        assert posts(cloud) == 1


def _without_switch(image: bytes) -> bytes:
    """Mark the entry `insecure_http` as erased."""
    at = image.index(b"insecure_http\0\0\0") - 8
    page = at & ~4095
    index = (at - page) // 32 - 2
    states = bytearray(image[page + 32 : page + 64])
    states[index >> 2] &= 0xFF ^ 3 << (index & 3) * 2
    return image[: page + 32] + bytes(states) + image[page + 64 :]


def test_no_secret_reaches_the_console(reader: HarnessReader, cloud: MockCloud) -> None:
    """Neither the key nor the Wi-Fi password is printed, whatever happens."""
    said = reader.boot(wifi_status=202).text + reader.boot().text + reader.boot().text
    assert cloud.keys["WRITE"] not in said
    assert "bench-wifi" not in said


@pytest.mark.parametrize(("run", "key"), [("", ""), ("ror-run", "ror-run"), ("same", None)])
def test_what_key_the_application_gets(
    make_reader: MakeReader, cloud: MockCloud, run: str, key: str | None
) -> None:
    """The application gets no key, one of its own, or the one that bound; the others are gone."""
    reader = make_reader(run=run)
    claim = cloud.keys["WRITE"]
    assert reader.boot().end["key"] == (claim if key is None else key)
    assert (claim.encode() in reader.get("fctry")) == (key is None)
    assert reader.boot().end["key"] == (claim if key is None else key)
