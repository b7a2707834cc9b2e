"""What flash can do to a first boot, and what a boot makes of what it finds there."""

from __future__ import annotations

from typing import Any

import pytest
from startline.record.copies import pack
from startline.record.rules import Record, unpack

from startline_host.mock_cloud import MockCloud
from tests.firmware.conftest import MakeReader
from tests.firmware.harness import BLANK, HarnessReader, factory_image, settings_for
from tests.firmware.scripted import TOKEN, ScriptedServer, answer
from tests.firmware.test_first_boot_over_tls import posts


def after_a_bind(reader: HarnessReader) -> Record:
    """Bind a reader and return its record."""
    assert reader.boot().state == "bound"
    return unpack(reader.blob)


def with_fields(record: Record, **fields: Any) -> bytes:
    """Return a record's bytes with other fields."""
    for name, value in fields.items():
        setattr(record, name, value)
    return pack(record)


def in_bind(raw: bytes) -> bytes:
    """Return a `bind` partition that holds one record."""
    return raw + BLANK * (0x2000 - len(raw))


@pytest.mark.parametrize("plan", [{"nvs_full": True}, {"broken": {"bind": 1000}}])
def test_without_both_copies_nothing_is_sent(
    reader: HarnessReader, cloud: MockCloud, plan: dict[str, Any]
) -> None:
    """If one place does not take the record, no byte of the request goes out: still unbound."""
    boot = reader.boot(**plan)
    assert set(boot.failures()) == {("storage", "unwritten")}
    assert (boot.state, boot.reason) == ("unbound", "storage unwritten")
    assert posts(cloud) == 0
    assert reader.boot().state == "bound"
    assert posts(cloud) == 1


def test_half_a_promise_is_taken_back(reader: HarnessReader, cloud: MockCloud) -> None:
    """If only one write fails, the next try within the boot succeeds, with one request in all."""
    boot = reader.boot(broken={"bind": 3})
    assert boot.failures() == [("storage", "unwritten")]
    assert boot.state == "bound"
    assert posts(cloud) == 1


def test_a_slot_that_fails_costs_nothing(reader: HarnessReader, cloud: MockCloud) -> None:
    """One lost write in `bind` is made good by the next slot, without a word."""
    boot = reader.boot(broken={"bind": 1})
    assert (boot.state, boot.failures()) == ("bound", [])
    assert reader.states() == ("bound", "bound")


def test_one_copy_is_enough_after_a_good_answer(tmp_path: Any, lib: Any) -> None:
    """A token that only one place takes is bound, with a warning."""
    with ScriptedServer([answer()]) as server:
        reader = HarnessReader(
            tmp_path / "reader", lib, factory_image(settings_for(server.base_url, server.ca_der))
        )
        # The promise takes one write to `bind`; whatever comes after it is lost.
        boot = reader.boot(broken_after={"bind": 1})
        assert (boot.state, boot.end["token"]) == ("bound", TOKEN)
        assert boot.one("warning")["what"] == "one_copy"
        assert reader.states() == ("bound", "unknown")
        again = reader.boot()
        assert (again.state, again.end["token"]) == ("bound", TOKEN)
        assert reader.states() == ("bound", "bound")
        assert len(server.requests) == 1


def test_a_token_that_nothing_takes_is_shown(tmp_path: Any, lib: Any) -> None:
    """If no place takes the token, the state stays `unknown`, and the console has the token."""
    with ScriptedServer([answer()]) as server:
        reader = HarnessReader(
            tmp_path / "reader", lib, factory_image(settings_for(server.base_url, server.ca_der))
        )
        boot = reader.boot(broken_after={"bind": 1, "nvs": 1})
        assert (boot.state, boot.reason) == ("unknown", "storage unwritten")
        assert boot.one("ready")["token"] == TOKEN
        assert ("storage", "unwritten") in boot.failures()
        assert reader.states() == ("unknown", "unknown")
        assert b"ror-ae4fc6c19681a20fad30" in reader.get("fctry")


@pytest.mark.parametrize("lost", ["record", "bind"])
def test_a_lost_copy_is_made_good(reader: HarnessReader, cloud: MockCloud, lost: str) -> None:
    """Either copy may be wiped: the device stays bound, and the next boot has both again."""
    token = after_a_bind(reader).token
    if lost == "bind":
        reader.put("bind", BLANK * 0x2000)
    else:
        reader.blob = b""
    boot = reader.boot()
    assert (boot.state, boot.end["token"]) == ("bound", token)
    assert reader.states() == ("bound", "bound")
    assert [event["ev"] for event in reader.boot().events] == [
        "boot",
        "identity",
        "record",
        "ready",
    ]
    assert posts(cloud) == 1


def test_both_copies_lost_is_a_fresh_start(make_reader: MakeReader, cloud: MockCloud) -> None:
    """A device whose partitions are blank again asks again: what it was is gone."""
    reader = make_reader(run="same")
    after_a_bind(reader)
    reader.blob = b""
    reader.put("bind", BLANK * 0x2000)
    assert reader.boot().state == "bound"
    assert posts(cloud) == 2


@pytest.mark.offline
@pytest.mark.parametrize("blob", [b"", b"junk", b"?"])
def test_damage_is_no_fresh_start(reader: HarnessReader, cloud: MockCloud, blob: bytes) -> None:
    """Something there that cannot be read is `unknown`, and the network is left alone."""
    reader.put("bind", b"\0" * 600 + BLANK * (0x2000 - 600))
    reader.blob = blob
    boot = reader.boot()
    assert (boot.state, boot.reason) == ("unknown", "record_damaged")
    assert boot.all("link") == []
    assert posts(cloud) == 0
    assert reader.get("bind")[:600] == b"\0" * 600


def test_a_later_agents_record_is_left_alone(reader: HarnessReader, cloud: MockCloud) -> None:
    """A record of a schema to come is `unknown`, and not a bit of it is changed."""
    import zlib

    raw = bytearray(pack(after_a_bind(reader)))
    raw[4] = 9
    raw[-4:] = zlib.crc32(raw[:-4]).to_bytes(4, "little")
    reader.blob = bytes(raw)
    before = reader.get("bind")
    boot = reader.boot()
    assert (boot.state, boot.reason) == ("unknown", "newer_record")
    assert (reader.blob, reader.get("bind")) == (bytes(raw), before)


@pytest.mark.parametrize(
    ("unit", "mac"),
    [({"serial": "DEVICE-124"}, None), ({}, [0x24, 0x6F, 0x28, 0, 0, 2])],
    ids=["another serial", "another chip"],
)
def test_a_strangers_record(
    make_reader: MakeReader, cloud: MockCloud, unit: dict[str, str], mac: list[int] | None
) -> None:
    """A record of another serial or chip, as in cloned or swapped flash, never binds."""
    bound = make_reader("first")
    after_a_bind(bound)
    clone = make_reader("clone", unit=unit)
    clone.blob = bound.blob
    clone.put("bind", bound.get("bind"))
    plan: dict[str, Any] = {"mac": mac} if mac else {}
    boot = clone.boot(**plan)
    assert (boot.state, boot.reason) == ("unknown", "foreign_record")
    assert clone.boot(retries=1, **plan).state == "unknown"
    assert posts(cloud) == 1


def test_a_reader_from_the_bench_at_another_cloud(
    make_reader: MakeReader, cloud: MockCloud
) -> None:
    """A board that was bound to one base URL does not bind at another by itself."""
    reader = make_reader()
    after_a_bind(reader)
    with MockCloud() as other:
        elsewhere = make_reader("other", base_url=other.base_url, ca=other.ca_der)
        reader.put("fctry", elsewhere.get("fctry"))
        assert reader.boot().reason == "foreign_record"
        assert list(other.requests) == []


def test_factory_data_for_another_chip(make_reader: MakeReader, cloud: MockCloud) -> None:
    """A clone of a blank reader is caught by the MAC that the factory wrote: two boards, one serial."""
    reader = make_reader(unit={"mac": "24:6f:28:00:00:01"})
    clone = make_reader("clone", unit={"mac": "24:6f:28:00:00:01"})
    boot = clone.boot(mac=[0x24, 0x6F, 0x28, 0, 0, 2])
    assert (boot.state, boot.one("unprovisioned")["missing"]) == ("unprovisioned", ["factory.mac"])
    assert reader.boot().state == "bound"
    assert posts(cloud) == 1


def test_unknown_that_cannot_look_holds(make_reader: MakeReader, cloud: MockCloud) -> None:
    """With a WRITE key an unknown outcome holds, boot after boot, and nothing is sent again."""
    reader = make_reader()
    record = after_a_bind(reader)
    reader.put("fctry", make_reader("again").get("fctry"))
    raw = with_fields(record, state="unknown", reason="timeout", token="", generation=9)
    reader.blob = raw
    reader.put("bind", in_bind(raw))
    boot = reader.boot()
    assert (boot.state, boot.reason) == ("unknown", "cannot_look")
    assert boot.end["token"] == ""
    held = reader.boot()
    assert (held.state, held.reason, held.all("link")) == ("unknown", "cannot_look", [])
    assert posts(cloud) == 1


def test_unknown_stays_unknown_without_its_key(reader: HarnessReader, cloud: MockCloud) -> None:
    """A reader that may be bound is not "unprovisioned" for want of a key: it cannot look, is all."""
    record = after_a_bind(reader)  # which takes the key off
    raw = with_fields(record, state="unknown", reason="timeout", token="", generation=9)
    reader.blob = raw
    reader.put("bind", in_bind(raw))
    boot = reader.boot()
    assert (boot.state, boot.reason) == ("unknown", "cannot_look")
    assert boot.one("unprovisioned")["missing"] == ["claim.key"]
    assert (boot.all("link"), reader.blob) == ([], raw)


@pytest.mark.offline
def test_missing_settings_are_named(make_reader: MakeReader, cloud: MockCloud) -> None:
    """A device without identity says which fields it misses, and ends there."""
    reader = make_reader()
    reader.put("fctry", BLANK * 0x4000)
    boot = reader.boot()
    assert boot.state == "unprovisioned"
    said = boot.one("unprovisioned")
    assert said["missing"] == [
        "factory.serial",
        "factory.model",
        "claim.cloud",
        "claim.base_url",
    ]
    assert said["damaged"] == []
    assert posts(cloud) == 0


@pytest.mark.offline
def test_a_damaged_factory_partition_names_the_field(
    reader: HarnessReader, cloud: MockCloud
) -> None:
    """A serial number whose bytes changed is named as missing and as damaged."""
    image = bytearray(reader.get("fctry"))
    image[image.index(b"DEVICE-123")] ^= 1
    reader.put("fctry", bytes(image))
    boot = reader.boot()
    said = boot.one("unprovisioned")
    assert (said["missing"], said["damaged"]) == (["factory.serial"], ["factory.serial"])
    assert boot.reason == "missing factory.serial"


def test_a_damaged_extra_is_only_a_warning(make_reader: MakeReader, cloud: MockCloud) -> None:
    """A field that binding does not need may be damaged: it is named, and left out."""
    reader = make_reader(unit={"alias": "Start gate"})
    image = bytearray(reader.get("fctry"))
    image[image.index(b"Start gate")] ^= 1
    reader.put("fctry", bytes(image))
    boot = reader.boot()
    assert boot.state == "bound"
    assert boot.one("warning")["what"] == "damaged factory.alias"
    assert cloud.devices()[0]["alias"] == ""


@pytest.mark.offline
def test_a_damaged_certificate_is_named(reader: HarnessReader, cloud: MockCloud) -> None:
    """A CA whose bytes changed is never trusted, and is named."""
    image = bytearray(reader.get("fctry"))
    at = image.index(cloud.ca_der[100:130])
    image[at] ^= 1
    reader.put("fctry", bytes(image))
    boot = reader.boot()
    assert boot.state == "unprovisioned"
    assert boot.one("unprovisioned")["damaged"] == ["tls.ca0"]
    assert posts(cloud) == 0


@pytest.mark.offline
@pytest.mark.parametrize(
    ("key", "missing"), [(b"claim\0", None), (b"ca0\0\0\0", ["tls.ca0"]), (b"base_url\0", None)]
)
def test_what_binding_needs(
    reader: HarnessReader, cloud: MockCloud, key: bytes, missing: list[str] | None
) -> None:
    """Without a key, a CA or an address nothing is asked, and what is missing is said."""
    image = bytearray(reader.get("fctry"))
    at = image.index(key)
    page = at & ~4095
    first, span = (at - 8 - page) // 32 - 2, image[at - 6]
    for index in range(first, first + span):
        image[page + 32 + (index >> 2)] &= 0xFF ^ 3 << (index & 3) * 2
    reader.put("fctry", bytes(image))
    boot = reader.boot()
    assert boot.state == "unprovisioned"
    assert missing is None or set(missing) <= set(boot.one("unprovisioned")["missing"])
    assert posts(cloud) == 0


@pytest.mark.offline
def test_a_cloud_that_the_agent_does_not_know(make_reader: MakeReader, cloud: MockCloud) -> None:
    """The name of a cloud without a module is a missing setting, not a crash."""
    reader = make_reader()
    image = reader.get("fctry")
    assert image.count(b"rufus\0") == 1
    from startline_host.formats.nvs_image import NvsEntry, make_nvs_image

    entries = [
        NvsEntry("factory", "serial", "string", "S"),
        NvsEntry("factory", "model", "string", "M"),
        NvsEntry("claim", "cloud", "string", "nimbus"),
        NvsEntry("claim", "base_url", "string", cloud.base_url),
        NvsEntry("claim", "key", "string", "k"),
        NvsEntry("tls", "ca0", "blob", cloud.ca_der),
    ]
    reader.put("fctry", make_nvs_image(entries, 0x4000))
    boot = reader.boot()
    assert (boot.state, boot.one("unprovisioned")["missing"]) == ("unprovisioned", ["claim.cloud"])
