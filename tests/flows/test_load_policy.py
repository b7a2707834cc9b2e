"""Whether a device may be loaded: read from the bytes of its partitions."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import msgspec
import pytest
from startline.record_store import Record, pack

from startline_host.errors import WouldTouchBound, WrongDevice
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.load_policy import may_load
from startline_host.formats.factory_partition import (
    ClaimSettings,
    DeviceSettings,
    OptionSettings,
    make_factory_image,
)
from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.formats.units import Unit
from startline_host.secrets import Secret

MAC = "24:6f:28:00:00:01"
URL = "http://localhost:8080/v0"
OTHER_MAC = "24:6f:28:00:00:02"
BLANK_NVS, BLANK_BIND, NO_FCTRY = b"\xff" * 0x6000, b"\xff" * 0x2000, b"\xff" * 0x4000


def fctry(serial: str = "S1") -> bytes:
    """Return the identity of a unit."""
    settings = DeviceSettings(
        claim=ClaimSettings(cloud="rufus", base_url=URL, key=Secret("ror-1")),
        set=OptionSettings(insecure_http=True),
    )
    return make_factory_image(Unit(serial=serial, model="X1", made_at=1_790_000_000), settings)


def record(state: str, **changed: Any) -> bytes:
    """Return a record of that very unit in a state."""
    one = Record()
    one.state, one.generation = state, 1
    one.place = hashlib.sha256(URL.encode()).digest()[:8]
    one.mac, one.key, one.attempt = bytes.fromhex(MAC.replace(":", "")), b"\1" * 4, b"\2" * 4
    one.cloud, one.serial = "rufus", "S1"
    one.token = "A" * 64 if state == "bound" else ""
    for name, value in changed.items():
        setattr(one, name, value)
    return bytes(pack(one))


def in_nvs(raw: bytes) -> bytes:
    """Return an `nvs` with that blob in the record's place."""
    return make_nvs_image([NvsEntry("startline", "record", "blob", raw)], 0x6000)


def in_bind(raw: bytes) -> bytes:
    """Return a `bind` with those bytes in its first slot."""
    return raw.ljust(0x2000, b"\xff")


def device(nvs: bytes = b"", bind: bytes | None = b"", **changed: Any) -> DeviceSnapshot:
    """Return a device with these copies of its record."""
    snapshot = DeviceSnapshot(
        mac=MAC,
        nvs=in_nvs(nvs) if nvs else BLANK_NVS,
        bind=in_bind(bind) if bind else (BLANK_BIND if bind is not None else None),
        fctry=fctry(),
    )
    return msgspec.structs.replace(snapshot, **changed)


def load(snapshot: DeviceSnapshot, serial: str = "S1", *, allow_bound: bool = False) -> bool:
    """Ask to load the device as that unit."""
    return may_load(snapshot, serial=serial, fctry=fctry(serial), allow_bound=allow_bound)


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (device(record("bound"), record("bound")), "is bound .S1, deviceid AAAAAAAA"),
        (device(record("bound")), "is bound"),
        (device(bind=record("bound")), "is bound"),
        (device(record("unknown"), record("unknown")), "is not known"),
        (device(record("bound"), record("unbound", generation=2)), "is bound"),
        (device(record("refused", generation=3), record("unknown")), "is not known"),
        (device(b"damaged", b"damaged too"), "record damaged"),
        (device(bind=b"garbage in the place of a record"), "record damaged"),
        (device(record("bound", serial="OTHER")), "foreign record"),
        (device(record("bound"), fctry=NO_FCTRY), "is bound .S1, deviceid AAAAAAAA"),
        (device(record("bound"), fctry=NO_FCTRY, mac=OTHER_MAC), "foreign record"),
        (device(record("bound"), bind=None), "is bound"),
    ],
    ids=str,
)
def test_a_device_that_is_or_may_be_bound_is_refused(snapshot: DeviceSnapshot, words: str) -> None:
    """A bound or unknown record in either copy, or one that cannot be read, ends with 41."""
    with pytest.raises(WouldTouchBound) as caught:
        load(snapshot)
    assert words.replace(".S1", "(S1") in caught.value.message.replace("_", " ")
    if not snapshot.stored().missing:
        assert load(snapshot, allow_bound=True) is True


@pytest.mark.parametrize(
    "snapshot",
    [
        device(),
        device(record("unbound"), record("unbound")),
        device(record("refused"), record("refused")),
        device(fctry=NO_FCTRY),
        device(record("unbound"), record("unbound"), fctry=NO_FCTRY),
        DeviceSnapshot(mac=MAC, nvs=BLANK_NVS, bind=None, fctry=None),
    ],
    ids=["no record", "unbound", "refused", "no identity", "unbound, lost", "stock table"],
)
def test_a_device_that_is_not_bound_may_be_loaded(snapshot: DeviceSnapshot) -> None:
    """A blank record, or one that says `unbound` or `refused` of this unit, is no obstacle."""
    assert load(snapshot) is False


def test_another_units_record_is_not_loaded_over() -> None:
    """A refused record of another serial number has to be cleared on purpose."""
    with pytest.raises(WouldTouchBound, match="another identity") as caught:
        load(device(record("refused"), record("refused")), serial="S2")
    assert "startline reset" in caught.value.hint


def test_a_bound_device_does_not_change_its_name() -> None:
    """With --allow-bound, a serial number that is not the device's own is a mistake (11)."""
    with pytest.raises(WrongDevice, match="is S1, not S2"):
        load(device(record("bound"), record("bound")), serial="S2", allow_bound=True)


LOST = device(record("bound"), record("bound"), fctry=NO_FCTRY)


def damaged(name: bytes) -> bytes:
    """Return an identity in which one value is damaged."""
    image = bytearray(fctry())
    image[image.index(name)] ^= 1
    return bytes(image)


@pytest.mark.parametrize(
    "snapshot",
    [
        LOST,
        device(record("bound"), record("bound"), fctry=damaged(b"S1\0")),
        device(record("bound"), record("bound"), fctry=damaged(b"http://")),
        device(record("unknown"), record("unknown"), fctry=NO_FCTRY),
        device(b"damaged", b"damaged too", fctry=NO_FCTRY),
    ],
    ids=["erased", "no serial", "no base URL", "unknown", "damaged"],
)
def test_a_lost_identity_is_written_as_the_record_names_it(snapshot: DeviceSnapshot) -> None:
    """Without the option nothing is touched, and the one command is named; with it, it is written."""
    with pytest.raises(WouldTouchBound) as caught:
        load(snapshot)
    assert "identity cannot be read" in caught.value.message
    name = "SERIAL" if snapshot.record().reason == "record_damaged" else "S1"
    assert f"startline provision --allow-bound --serial {name}" in caught.value.hint
    assert load(snapshot, allow_bound=True) is False
    # A load without an identity leaves it lost.
    assert may_load(snapshot, serial=None, fctry=None, allow_bound=True) is True


@pytest.mark.parametrize(
    ("snapshot", "serial", "words"),
    [
        (LOST, "S2", "its serial number is S1, not S2"),
        (
            device(record("bound", cloud="vms"), fctry=NO_FCTRY),
            "S1",
            "its cloud is vms, not rufus",
        ),
        (
            device(record("bound", place=b"12345678"), fctry=NO_FCTRY),
            "S1",
            "another base URL than",
        ),
        (device(record("bound"), fctry=NO_FCTRY, mac=OTHER_MAC), "S1", f"not {OTHER_MAC}"),
    ],
    ids=["serial", "cloud", "base URL", "chip"],
)
def test_no_other_identity_is_written(snapshot: DeviceSnapshot, serial: str, words: str) -> None:
    """Serial number, cloud, base URL and chip are the record's, or nothing is written (11)."""
    with pytest.raises(WrongDevice) as caught:
        load(snapshot, serial, allow_bound=True)
    assert words in caught.value.message


def test_a_newer_record_and_a_lost_identity() -> None:
    """Nobody can tell whose a newer agent's record is."""
    raw = bytearray(record("bound"))
    raw[4] = 2
    raw[-4:] = zlib.crc32(raw[:-4]).to_bytes(4, "little")
    snapshot = device(bytes(raw), bytes(raw), fctry=NO_FCTRY)
    for allow_bound in (False, True):
        with pytest.raises(WouldTouchBound) as caught:
            load(snapshot, allow_bound=allow_bound)
        assert "newer startline" in caught.value.hint


def test_a_dump_shows_no_bytes() -> None:
    """The partitions hold keys: their repr does not."""
    assert repr(device()) == f"Kept({MAC!r})"
