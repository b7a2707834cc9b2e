"""The factory partition: units, settings and their NVS image."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from startline_host.boards import Led
from startline_host.errors import BadInput
from startline_host.formats.factory_partition import (
    ClaimSettings,
    DeviceSettings,
    NetSettings,
    OptionSettings,
    RunSettings,
    TlsSettings,
    make_entries,
    make_factory_image,
    with_led,
)
from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.formats.nvs_lookup import NvsLookup
from startline_host.formats.nvs_pages import read_pages
from startline_host.formats.units import Unit, normal_mac
from startline_host.secrets import Secret


def reader(image: bytes) -> NvsLookup:
    """Open an image with the agent's own reader."""
    return NvsLookup(lambda offset, length: image[offset : offset + length], len(image))


#: A name in three alphabets, as people have them.
ALIAS = "Çıkış – Ñandú 起点"


def test_the_agent_reads_back_what_the_host_wrote(unit: Unit, settings: DeviceSettings) -> None:
    """Every field of unit and settings comes out of the image under its namespace and key."""
    full = msgspec.structs.replace(
        unit, alias=ALIAS, type="reader", mac="24:6f:28:00:00:01", hw_rev="C"
    )
    more = msgspec.structs.replace(
        settings,
        run=RunSettings(key=Secret("same")),
        net=NetSettings(
            ssid="bench", password=Secret("bench-wifi"), ntp=("pool.ntp.org", "10.0.0.1")
        ),
        set=OptionSettings(mark=False, boot_limit=30, look_pause=61, led=130),
    )
    nvs = reader(make_factory_image(full, more))
    told = {(space, key): nvs.value(place) for space, key, place in nvs}
    assert told == {
        ("factory", "serial"): "DEVICE-123",
        ("factory", "model"): "Model X1",
        ("factory", "type"): "reader",
        ("factory", "alias"): ALIAS,
        ("factory", "hw_rev"): "C",
        ("factory", "mac"): "24:6f:28:00:00:01",
        ("factory", "made_at"): 1_795_219_200,
        ("claim", "cloud"): "rufus",
        ("claim", "base_url"): "https://localhost:8443/v0",
        ("claim", "key"): "ror-ae4fc6c19681a20fad30",
        ("run", "key"): "same",
        ("net", "link"): "wifi",
        ("net", "ssid"): "bench",
        ("net", "password"): "bench-wifi",
        ("net", "ntp"): "pool.ntp.org,10.0.0.1",
        ("tls", "ca0"): settings.tls.ca[0],
        ("set", "mark"): 0,
        ("set", "boot_limit"): 30,
        ("set", "look_pause"): 61,
        ("set", "led"): 130,
    }


@pytest.mark.parametrize(
    ("said", "board", "told"),
    [
        (None, Led(pin=2), 2),
        (None, Led(pin=0), 0),
        (None, Led(pin=8, active=0), 136),
        (None, None, None),
        (5, Led(pin=2), 5),
        (5, None, 5),
        (False, Led(pin=2), None),
    ],
)
def test_a_device_is_told_its_boards_led(
    unit: Unit, settings: DeviceSettings, said: int | None, board: Led | None, told: int | None
) -> None:
    """The board's LED is told unless the settings name another, or none."""
    options = msgspec.structs.replace(settings.set, led=said)
    some = with_led(msgspec.structs.replace(settings, set=options), board)
    assert reader(make_factory_image(unit, some)).get("set", "led") == told


class ThirdClaim(ClaimSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a cloud that nobody has heard of wants to be told."""

    login: str = ""
    name: str = ""
    type: str = ""
    auth: Secret | None = None
    skip_reserve: bool = False


@pytest.fixture
def third_cloud(monkeypatch: pytest.MonkeyPatch) -> str:
    """Teach the agent a cloud that nobody has heard of, as one more module."""
    module = ModuleType("startline.clouds.third")
    vars(module).update(NEEDED=("claim.login", "claim.name", "factory.type"), read=None)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return "third"


def test_a_unit_may_have_its_own_name(
    settings: DeviceSettings, unit: Unit, third_cloud: str
) -> None:
    """At a cloud that names devices, the unit's own name goes before the batch's."""
    claim = ThirdClaim(
        cloud=third_cloud, base_url="https://v.example", login="u", name="gate", type="t",
        skip_reserve=True, auth=Secret("Bearer abc"),
    )  # fmt: skip
    batch = msgspec.structs.replace(settings, claim=claim)
    plain = msgspec.structs.replace(unit, type="reader")
    named = msgspec.structs.replace(plain, name="gate 7")
    assert reader(make_factory_image(plain, batch)).get("claim", "name") == "gate"
    nvs = reader(make_factory_image(named, batch))
    got = [nvs.get("claim", key) for key in ("name", "login", "type", "auth", "skip_reserve")]
    assert got == ["gate 7", "u", "t", "Bearer abc", 1]


def test_the_agents_cloud_says_what_it_needs(
    settings: DeviceSettings, unit: Unit, third_cloud: str
) -> None:
    """One more cloud on the device is enough: the host asks its module what has to be told."""
    claim = ThirdClaim(cloud=third_cloud, base_url="https://v.example")
    with pytest.raises(BadInput, match=r"cloud 'third' needs claim\.login, claim\.name"):
        DeviceSettings(claim=claim, tls=settings.tls)
    whole = msgspec.structs.replace(claim, login="u", name="n")
    with pytest.raises(BadInput, match="cloud 'third' needs a type of each unit"):
        make_factory_image(unit, DeviceSettings(claim=whole, tls=settings.tls))


def test_the_image_is_reproducible_and_fills_the_partition(
    unit: Unit, settings: DeviceSettings
) -> None:
    """The same unit gives the same 16 KiB, with healthy pages and one left for NVS itself."""
    image = make_factory_image(unit, settings)
    assert image == make_factory_image(unit, settings)
    assert len(image) == 0x4000
    assert [page.state for page in read_pages(image)] == ["active", "blank", "blank", "blank"]
    assert all(page.healthy for page in read_pages(image))


def test_no_repr_shows_a_secret(unit: Unit, settings: DeviceSettings) -> None:
    """Keys and passwords stay out of the reprs of settings and entries, rich's included."""
    shown = repr(settings) + repr(make_entries(unit, settings)) + repr(settings.__rich_repr__())
    assert "********" in shown
    assert "ror-" not in shown
    assert "bench-wifi" not in shown


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"serial": ""}, "serial number is empty"),
        ({"model": ""}, "model is empty"),
        ({"serial": "x" * 65}, "65 bytes in UTF-8, and at most 64"),
        ({"alias": "起" * 22}, "66 bytes in UTF-8"),
        ({"model": "bad\udcff"}, "not valid UTF-8"),
        ({"serial": "A\nB"}, "control character"),
        ({"serial": "A\x7f"}, "control character"),
        ({"serial": " A"}, "begins or ends with a space"),
        ({"mac": "24-6F-28-00-00-01"}, "not of the form"),
        ({"made_at": 12}, "not a time in Unix seconds"),
        ({"made_at": 3_029_529_601}, "not a time in Unix seconds"),
        ({"extra": {"x" * 16: "v"}}, "16 characters, and NVS takes at most 15"),
        ({"extra": {"model": "v"}}, "is reserved"),
        ({"extra": {"ключ": "v"}}, "printable ASCII"),
    ],
)
def test_a_wrong_unit_is_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    """Empty, too long, not UTF-8, or holding what a line must not hold: each says so."""
    with pytest.raises(BadInput, match=reason):
        Unit(**{"serial": "A", "model": "M"} | changes)


@pytest.mark.parametrize(
    ("part", "changes", "reason"),
    [
        ("claim", {"cloud": "other"}, "claim.cloud is 'other'"),
        ("claim", {"key": None}, "needs claim.key"),
        ("claim", {"cloud": "../rufus"}, "claim.cloud is"),
        ("claim", {"key": Secret("a\r\nHost: b")}, "printable ASCII"),
        ("claim", {"key": Secret("k" * 129)}, "1 to 128"),
        ("claim", {"base_url": "ftp://x"}, "not an https address"),
        ("claim", {"base_url": "https://"}, "not an https address"),
        ("claim", {"base_url": "https://[::1"}, "not an https address"),
        ("claim", {"base_url": "http://localhost"}, "plain http"),
        ("claim", {"base_url": "https://u:p@localhost"}, "holds a user name"),
        ("claim", {"base_url": "https://localhost/v0?x=1"}, "holds a query"),
        ("claim", {"base_url": "https://localhost/" + "x" * 200}, "a device keeps 200"),
        ("tls", {"ca": ()}, "tls.ca is missing"),
        ("tls", {"ca": (b"1", b"2", b"3")}, "a device takes at most two"),
        ("net", {"ssid": ""}, "1 to 32 bytes"),
        ("net", {"ssid": "起" * 11}, "1 to 32 bytes"),
        ("net", {"password": Secret("short")}, "8 to 63 printable"),
        ("net", {"ntp": ("a b",)}, "list of host names"),
        ("set", {"boot_limit": 5}, "6 to 3600"),
        ("set", {"boot_limit": 3601}, "6 to 3600"),
        ("set", {"look_pause": 29}, "30 to 3600"),
        ("set", {"led": 256}, "number of a pin"),
        ("set", {"led": -1}, "number of a pin"),
        ("set", {"led": True}, "number of a pin"),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(
    settings: DeviceSettings, part: str, changes: dict[str, Any], reason: str
) -> None:
    """Each rule of the settings names its field, and no secret, when it is broken."""
    with pytest.raises(BadInput, match=reason) as caught:
        msgspec.structs.replace(
            settings, **{part: msgspec.structs.replace(getattr(settings, part), **changes)}
        ).__post_init__()
    assert "Host:" not in caught.value.message
    assert "u:p" not in caught.value.message


def test_plain_http_needs_the_explicit_switch(settings: DeviceSettings) -> None:
    """With insecure_http a bench may use http, and then needs no CA."""
    claim = msgspec.structs.replace(settings.claim, base_url="http://localhost:8080/v0")
    loose = DeviceSettings(claim=claim, set=OptionSettings(insecure_http=True), tls=TlsSettings())
    assert (
        reader(make_factory_image(Unit(serial="A", model="M"), loose)).get("set", "insecure_http")
        == 1
    )


def test_what_does_not_fit_is_refused(unit: Unit, settings: DeviceSettings) -> None:
    """Certificates larger than the partition end in a sentence, not in a short image."""
    large = msgspec.structs.replace(settings, tls=TlsSettings(ca=(bytes(7000), bytes(7000))))
    with pytest.raises(BadInput, match="do not fit an NVS partition of 16384 bytes"):
        make_factory_image(unit, large)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([NvsEntry("a", "k" * 16, "u8", 1)], "16 characters"),
        ([NvsEntry("n" * 16, "k", "u8", 1)], "16 characters"),
        ([NvsEntry("a", "", "u8", 1)], "printable ASCII"),
        ([NvsEntry("a", "k", "u8", 1), NvsEntry("a", "k", "u16", 2)], "is there twice"),
        ([NvsEntry("a", "k", "u8", 256)], "number from 0 to 255"),
        ([NvsEntry("a", "k", "u32", -1)], "number from 0"),
        ([NvsEntry("a", "k", "string", b"x")], "not a string"),
        ([NvsEntry("a", "k", "blob", "x")], "not a blob"),
        ([NvsEntry("a", "k", "string", "x" * 3901)], "longer than the 3900"),
    ],
)
def test_entries_that_nvs_cannot_hold_are_refused(entries: list[NvsEntry], reason: str) -> None:
    """What the generator would cut, double or wrap silently is an error here."""
    with pytest.raises(BadInput, match=reason):
        make_nvs_image(entries, 0x4000)


KEYS = st.text("abcdefghijklmnop_0123456789", min_size=1, max_size=15)
VALUES = st.one_of(
    st.tuples(
        st.just("string"), st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=300)
    ),
    st.tuples(st.just("blob"), st.binary(max_size=5000)),
    st.tuples(st.just("u8"), st.integers(0, 0xFF)),
    st.tuples(st.just("u16"), st.integers(0, 0xFFFF)),
    st.tuples(st.just("u32"), st.integers(0, 0xFFFF_FFFF)),
)


@hypothesis_settings(max_examples=150)
@given(st.dictionaries(st.tuples(KEYS, KEYS), VALUES, max_size=40))
def test_the_agents_reader_agrees_with_espressifs_generator(
    values: dict[tuple[str, str], tuple[Any, Any]],
) -> None:
    """Whatever the generator writes, over several pages too, the agent reads back the same."""
    entries = [NvsEntry(space, key, kind, v) for (space, key), (kind, v) in values.items()]
    image = make_nvs_image(entries, 0x20000)
    nvs = reader(image)
    assert {(space, key): nvs.value(place) for space, key, place in nvs} == {
        name: value for name, (_, value) in values.items()
    }
    assert all(nvs.get(*name) == value for name, (_, value) in list(values.items())[:5])
    assert nvs.damaged == []
    assert all(page.healthy for page in read_pages(image))


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("24:6F:28:00:00:01", "24:6f:28:00:00:01"),
        ("24-6f-28-00-00-01", "24:6f:28:00:00:01"),
        ("246F28000001", "24:6f:28:00:00:01"),
        ("nonsense", "nonsense"),
    ],
)
def test_macs_are_brought_to_one_spelling(text: str, mac: str) -> None:
    """The usual spellings of a MAC come out as esptool prints them."""
    assert normal_mac(text) == mac
