"""Whether a device may be loaded: read from the bytes of its partitions."""

from __future__ import annotations

import zlib

import msgspec
import pytest

from startline_host.errors import OutcomeUnknown, WouldTouchBound, WrongDevice
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.flows.load_policy import may_load
from startline_host.flows.operator.lookup import LookupResult
from startline_host.flows.operator.reconcile_result import ReconcileResult, check_result
from startline_host.formats.factory_partition import (
    ClaimSettings,
    DeviceSettings,
    NetSettings,
    OptionSettings,
    RunSettings,
    TlsSettings,
    make_factory_image,
)
from startline_host.formats.units import Unit
from startline_host.secrets import Secret
from tests.flows.snapshots import BLANK_NVS, MAC, NO_FCTRY, OTHER_MAC, URL, device, fctry, record


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


def with_ca(ca: bytes = b"\x30" * 5000) -> bytes:
    """Return the identity of a unit with a CA that takes two sectors."""
    settings = DeviceSettings(
        claim=ClaimSettings(cloud="rufus", base_url=URL, key=Secret("ror-1")),
        run=RunSettings(key=Secret("ror-of-its-own")),
        net=NetSettings(ssid="the venue's"),
        tls=TlsSettings(ca=(ca,)),
        set=OptionSettings(insecure_http=True),
    )
    return make_factory_image(Unit(serial="S1", model="X1", made_at=1_790_000_000), settings)


@pytest.mark.parametrize("state", ["bound", "unknown"])
@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"ror-of-its-own", "run.key"),
        (b"the venue's", "net.ssid"),
        (b"\x30" * 64, "tls.ca0"),
        (b"insecure_http", "page"),
    ],
)
def test_what_is_damaged_beside_an_identity_is_written_anew(
    state: str, text: bytes, name: str
) -> None:
    """A reader that has its identity, and not its key, network or CA, is not lost for its races."""
    image = bytearray(with_ca())
    if name == "page":  # a sector's head: all in it is gone
        image[4096 + 8] ^= 1
    else:
        image[image.index(text)] ^= 1
    snapshot = device(record(state), record(state), fctry=bytes(image))
    with pytest.raises(WouldTouchBound) as caught:
        may_load(snapshot, serial="S1", fctry=with_ca(), allow_bound=False)
    assert name in caught.value.message
    assert "startline provision --allow-bound --serial S1" in caught.value.hint
    assert may_load(snapshot, serial="S1", fctry=with_ca(), allow_bound=True) is False
    assert may_load(snapshot, serial=None, fctry=None, allow_bound=True) is True
    whole = msgspec.structs.replace(snapshot, fctry=with_ca())
    assert may_load(whole, serial="S1", fctry=with_ca(), allow_bound=True) is True
    for words, serial, model in ("serial number", "S2", "X1"), ("model", "S1", "X2"):
        other = make_factory_image(
            Unit(serial=serial, model=model, made_at=1_790_000_000),
            DeviceSettings(
                claim=ClaimSettings(cloud="rufus", base_url=URL, key=Secret("ror-1")),
                set=OptionSettings(insecure_http=True),
            ),
        )
        with pytest.raises(WrongDevice, match=words):
            may_load(snapshot, serial=serial, fctry=other, allow_bound=True)


def test_a_ca_that_went_with_its_sector_is_missed() -> None:
    """Nobody is told an https cloud without a CA: where there is none, it is named as lost."""
    claim = ClaimSettings(cloud="rufus", base_url="https://cloud.example/v0", key=Secret("ror-1"))
    unit = Unit(serial="S1", model="X1", made_at=1_790_000_000)
    settings = DeviceSettings(
        claim=claim, net=NetSettings(ssid="a"), tls=TlsSettings(ca=(b"\x30" * 5000,))
    )
    image = make_factory_image(unit, settings)
    assert device(fctry=image).stored().unreadable == []
    erased = image[:4096] + b"\xff" * 4096 + image[8192:]
    assert device(fctry=erased).stored().unreadable == ["tls.ca0"]


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
            "a base URL other than",
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
        assert "pdate startline" in caught.value.hint


def test_no_list_settles_a_newer_record() -> None:
    """Every verb that meets one says what does: a newer startline; and a reset for a foreign one."""
    raw = bytearray(record("bound"))
    raw[4] = 2
    raw[-4:] = zlib.crc32(raw[:-4]).to_bytes(4, "little")
    with pytest.raises(WouldTouchBound) as refused:
        load(device(bytes(raw), bytes(raw)))
    outcome = FirstBootOutcome(state="unknown", serial="S1", reason="newer_record")
    retried = outcome.error()
    assert retried is not None
    result = ReconcileResult(state="unknown", serial="S1", reason="newer_record", token="")
    with pytest.raises(OutcomeUnknown) as reconciled:
        check_result(result, LookupResult(0, (), proven=False))
    for error in (refused.value, retried, reconciled.value):
        assert "A later startline wrote its record" in error.hint
        assert "startline reconcile" not in error.hint
    with pytest.raises(WouldTouchBound) as foreign:
        load(device(record("bound", serial="OTHER")))
    assert "to forget it: startline reset" in foreign.value.hint
    assert "startline reconcile" not in foreign.value.hint


def test_a_dump_shows_no_bytes() -> None:
    """The partitions hold keys: their repr does not."""
    assert repr(device()) == f"DeviceSnapshot({MAC!r})"
