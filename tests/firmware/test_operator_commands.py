"""Orders of an operator: settled by the device's own rules, from what the host saw."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from startline.record.copies import pack
from startline.record.rules import Record, bind_copy, classify, unpack

from tests.firmware.fake_chip import FakeChip, RamFlash
from tests.firmware.harness import BLANK, SOURCES, factory_image, settings_for
from tests.firmware.nvs_chip import NvsChip, cuts, loaded, saved
from tests.firmware.scripted import TOKEN

ORDERS: dict[str, Any] = {}
exec(  # noqa: S102 - as a host does it over the REPL
    compile((SOURCES / "operator_commands.py").read_text(), "operator_commands.py", "exec"), ORDERS
)

ATTEMPT = b"\xde\xad\xbe\xef"
MARK = "0.1.0+sl.deadbeef"
OTHER = "A" * 64


def chip(state: str = "", **fields: Any) -> FakeChip:
    """Return a provisioned chip, with a record of that state in both places."""
    settings = settings_for("https://localhost:1/v0", b"0" * 300)
    parts = {
        "fctry": RamFlash(bytearray(factory_image(settings))),
        "bind": RamFlash(bytearray(BLANK * 0x2000)),
        "nvs": RamFlash(bytearray(BLANK * 0x6000)),
    }
    made = FakeChip(parts, {"cause": "reset"})
    if state:
        from startline.binding import Binding
        from startline.device import Device
        from startline.identity import Identity

        device = Device(made)
        device.identity = Identity(made)
        record = Binding(device).new_record()
        record.state, record.attempt, record.generation = state, ATTEMPT, 5
        for name, value in fields.items():
            setattr(record, name, value)
        made.record = pack(record)
        parts["bind"].put(0, made.record)
        made.out.clear()
    return made


def record(one: FakeChip) -> Record:
    """Return the record; both copies have to be the same."""
    first, second = classify(one.blob()), bind_copy(one.parts["bind"])
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert first.__dict__ == second.__dict__
    return first


@pytest.mark.parametrize(
    ("entries", "proven", "state", "reason"),
    [
        ([(TOKEN, MARK, "DEVICE-123")], False, "bound", ""),
        ([(OTHER, "1.0", "x"), (TOKEN, MARK, " device-123")], False, "bound", ""),
        ([(OTHER, "1.0", "DEVICE-123")], True, "unknown", "serial_taken"),
        ([(OTHER, MARK, "DEVICE-123"), (TOKEN, MARK, "DEVICE-123")], True, "unknown", "doubled"),
        ([], False, "unknown", "timeout"),
        ([], True, "unbound", "not_there"),
        ([(OTHER, "1.0", "OTHER")], True, "unbound", "not_there"),
        ([(OTHER, None, b"40012")], True, "unknown", "unclear_entry"),
        ([(None, None, None)], True, "unknown", "unclear_entry"),
        ([(OTHER, "1.0", "DEVICE 123")], True, "unknown", "unclear_entry"),
        ([(OTHER, "1.0", None), (TOKEN.lower(), MARK.upper(), None)], True, "bound", ""),
        ([(b"25", MARK, "DEVICE-123")], True, "unknown", "unfit_token"),
        ([(OTHER, "0.1.0+sl.deadbee0", "DEVICE-123")], True, "unknown", "serial_taken"),
    ],
)
def test_reconcile(entries: list[Any], proven: bool, state: str, reason: str) -> None:
    """What the host saw is judged by the device, as its own look is; absence counts only if proven."""
    one = chip("unknown", reason="timeout", looks=1)
    assert ORDERS["reconcile"](entries, proven, one) == state
    after = record(one)
    assert (after.state, after.reason) == (state, reason)
    # A look that is not clean takes back a clean one that the device has made.
    assert after.looks == (1 if reason in {"timeout", ""} else 0)
    assert after.token == (TOKEN if state == "bound" else "")
    assert '"ev":"ready"' in one.out[-1]


@pytest.mark.parametrize("state", ["bound", "refused", "unbound"])
def test_reconcile_settles_nothing_else(state: str) -> None:
    """A device that is not `unknown` keeps what it has."""
    one = chip(state, token=TOKEN if state == "bound" else "", reason="")
    before = one.blob()
    assert ORDERS["reconcile"]([(OTHER, MARK, "DEVICE-123")], True, one) == state
    assert one.blob() == before


@pytest.mark.parametrize("field", [{"mac": b"123456"}, {"serial": "X"}])
def test_reconcile_leaves_a_strangers_record(field: dict[str, Any]) -> None:
    """A record of another device is not settled by anybody's list."""
    one = chip("unknown", reason="timeout", **field)
    assert ORDERS["reconcile"]([], True, one) == "unknown"
    assert '"reason":"foreign_record"' in "".join(one.out)


@pytest.mark.parametrize("state", ["", "unknown", "refused", "unbound"])
def test_adopt(state: str) -> None:
    """An operator's token is kept, whatever there was, and the claim key is scrubbed."""
    one = chip(state)
    assert ORDERS["adopt"](TOKEN, one) == "bound"
    assert (record(one).token, record(one).serial) == (TOKEN, "DEVICE-123")
    assert f"bound {TOKEN[:8]}\n" in "".join(one.out)
    assert b"ror-ae4fc6c19681a20fad30" not in one.parts["fctry"].data


def test_adopt_after_a_strangers_record() -> None:
    """A board that came from elsewhere becomes this device when its operator says so."""
    one = chip("bound", serial="X", token=OTHER)
    assert ORDERS["adopt"](TOKEN, one) == "bound"
    assert record(one).generation == 6


@pytest.mark.parametrize("written", [TOKEN.lower(), f" {TOKEN}\n", f"{TOKEN[:9]} {TOKEN[9:]}"])
def test_adopt_keeps_the_one_form(written: str) -> None:
    """However an operator, or a cloud's page, writes a token, its one form is kept."""
    one = chip("unknown")
    assert ORDERS["adopt"](written, one) == "bound"
    assert record(one).token == TOKEN


def test_adopt_takes_only_tokens_and_no_bound_device() -> None:
    """What is no token of this cloud, and a device that is bound, are left alone."""
    one = chip("unknown")
    for token in ("ABC", "AB", "", "25"):
        with pytest.raises(ValueError):  # noqa: PT011 - in whatever words
            ORDERS["adopt"](token, one)
    bound = chip("bound", token=TOKEN)
    with pytest.raises(ValueError, match="is bound"):
        ORDERS["adopt"](OTHER, bound)
    assert unpack(bound.blob()).token == TOKEN


def test_adopt_leaves_a_newer_agents_record_alone() -> None:
    """A record of a schema to come may say anything: it is not written over."""
    one = chip("unknown")
    raw = bytearray(one.blob())
    raw[4] = 2
    raw[-4:] = zlib.crc32(raw[:-4]).to_bytes(4, "little")
    one.record = bytes(raw)
    before = bytes(one.parts["bind"].data)
    with pytest.raises(ValueError, match="newer agent"):
        ORDERS["adopt"](TOKEN, one)
    assert (one.blob(), bytes(one.parts["bind"].data)) == (bytes(raw), before)


def damaged(one: NvsChip) -> None:
    """Damage both copies of a record."""
    one.flip("nvs", 8 * bytes(one.parts["nvs"].data).rindex(b"DEVICE-123"))
    one.parts["bind"].data[:] = b"\0" * 600 + BLANK * (0x2000 - 600)


def without_page(one: NvsChip) -> None:
    """Damage the head of the page that has the record, and lose `bind`."""
    at = bytes(one.parts["nvs"].data).rindex(b"SLrc")
    one.flip("nvs", 8 * ((at & -4096) + 5))
    one.parts["bind"].data[:] = BLANK * 0x2000


def without_namespace(one: NvsChip) -> None:
    """Damage the entry that names the record's namespace, and lose `bind`."""
    one.flip("nvs", 8 * bytes(one.parts["nvs"].data).index(b"startline\0"))
    one.parts["bind"].data[:] = BLANK * 0x2000


def test_what_is_settled_stays_so_after_damage() -> None:
    """A token adopted, or the word that there is none, is what the next boot finds, not what was damaged."""
    for order, state in ((("adopt", TOKEN), "bound"), (("reconcile", [], True), "unbound")):
        one = NvsChip()
        saved(one, *["unknown", "unbound"] * 2, "unknown")
        one.parts["nvs"].data[:] = BLANK * 0x6000
        one.parts["bind"].data[4 * 512 + 40] ^= 1
        one.restart()
        assert loaded(one).device.reason == "record_damaged"
        assert ORDERS[order[0]](*order[1:], one) == state
        one.restart()
        assert loaded(one).device.state == state


@pytest.mark.parametrize(
    "harm",
    [lambda _one: None, damaged, without_page, without_namespace],
    ids=["whole", "damaged", "page", "namespace"],
)
def test_reset_leaves_no_trace(harm: Any) -> None:
    """After a reset the device is proven to have no record, and keeps what its application has."""
    one = NvsChip()
    one.put("app", "record", b"of the season")
    one.put("app", "filling", b"x" * 3600)  # so that the record has the next page
    saved(one, "unknown", "unbound", "unknown", "bound")
    harm(one)
    one.restart()
    assert loaded(one).device.state in ("bound", "unknown")
    assert ORDERS["reset"](one) == "unbound"
    one.restart()
    assert one.blob() == b""
    assert b"SLrc" not in one.parts["nvs"].data
    assert bytes(one.parts["bind"].data) == BLANK * 0x2000
    assert b"of the season" in one.parts["nvs"].data
    assert loaded(one).device.state == "unbound"
    saved(one, "unknown")
    one.restart()
    assert loaded(one).device.state == "unknown"


@pytest.mark.parametrize("last", ["bound", "unknown", "refused"])
def test_a_reset_that_is_cut_off_makes_nothing_older_count(last: str) -> None:
    """Until all of it is gone the record says what it said, or is damaged; then a second reset ends it."""
    one = NvsChip()
    for _ in range(8):
        saved(one, "unknown", "unbound")
        one.parts["bind"].erased.clear()
    saved(one, last)  # in the first sector again, and `unbound` at the end of the second
    states = []
    for _ in cuts(one, lambda: ORDERS["reset"](one)):
        whole = one.snapshot()
        states.append(loaded(one).device.state)
        one.put_back(whole)
        gone = one.blob() == b"" and bytes(one.parts["bind"].data) == BLANK * 0x2000
        assert states[-1] in (("unbound",) if gone else (last, "unknown"))
        assert ORDERS["reset"](one) == "unbound"
    assert states[0] == last
    assert states[-1] in ("unbound", "unknown")


@pytest.mark.parametrize("state", ["bound", "unknown", ""])
def test_reset(state: str) -> None:
    """Both copies become blank, and the device starts as it did when it was new."""
    one = chip(state, token=TOKEN if state == "bound" else "")
    assert ORDERS["reset"](one) == "unbound"
    assert one.blob() == b""
    assert bytes(one.parts["bind"].data) == BLANK * 0x2000


def test_reset_mends_what_cannot_be_read() -> None:
    """A damaged record, which nothing else settles, is gone after a reset."""
    one = chip()
    one.record = b"junk"
    one.parts["bind"].put(100, b"junk")
    assert ORDERS["reset"](one) == "unbound"
    assert one.blob() == b""


def test_change() -> None:
    """A setting is written under its namespace and key, a number as a number."""
    written: list[Any] = []

    class SettingsNvs:
        """A namespace that remembers."""

        def __init__(self, namespace: str) -> None:
            self.namespace = namespace

        def set_blob(self, *what: Any) -> None:
            """Take a text."""
            written.append((self.namespace, *what))

        set_i32 = set_blob

        def commit(self) -> None:
            """Be durable."""
            written.append("commit")

    one = chip()
    one.nvs = SettingsNvs  # type: ignore[method-assign, assignment]
    ORDERS["change"]("net", "ssid", "Küche", one)
    ORDERS["change"]("set", "boot_limit", 30, one)
    assert written == [
        ("net", "ssid", "Küche".encode()), "commit", ("set", "boot_limit", 30), "commit",
    ]  # fmt: skip


def test_orders_to_a_device_that_is_nobody() -> None:
    """Without an identity a device stays `unprovisioned` whatever it is told, and says what it lacks."""
    for order in (("retry",), ("reconcile", [(TOKEN, MARK, "DEVICE-123")], True), ("reset",)):
        one = chip("unknown", reason="timeout")
        one.parts["fctry"].put(0, BLANK * 0x3000)
        assert ORDERS[order[0]](*order[1:], one) == "unprovisioned"
        assert '"missing":["factory.serial"' in "".join(one.out)
        assert '"state":"unprovisioned"' in one.out[-1]
        with pytest.raises(ValueError, match="not provisioned"):
            ORDERS["adopt"](TOKEN, one)


@pytest.mark.parametrize(
    ("entries", "proven", "state", "reason"),
    [
        ([], True, "unbound", "not_there"),
        ([], False, "unknown", "record_damaged"),
        ([(TOKEN, MARK, "device-123 ")], True, "unknown", "record_damaged"),
        ([(TOKEN, "0.1.0+sl.00000000", "DEVICE-123")], True, "unknown", "record_damaged"),
        ([(TOKEN, "sl.", "OTHER")], True, "unbound", "not_there"),
        ([(TOKEN, "sl.00000000", None)], True, "unknown", "record_damaged"),
    ],
)
def test_reconcile_of_a_damaged_record(
    entries: list[Any], proven: bool, state: str, reason: str
) -> None:
    """It tells no mark, so no entry is taken: one of its serial number keeps it held, none frees it."""
    one = chip()
    one.record = b"junk"
    one.parts["bind"].put(100, b"junk")
    assert ORDERS["reconcile"](entries, proven, one) == state
    assert f'"reason":"{reason}"' in one.out[-1]
    if state == "unbound":
        assert (record(one).state, record(one).attempt) == ("unbound", bytes(4))
    else:
        assert one.blob() == b"junk"


def test_forget() -> None:
    """Settings are erased in their namespaces, and then whatever `nvs` still holds of erased ones."""
    done: list[Any] = []

    class ErasingNvs:
        """A namespace that remembers."""

        def __init__(self, namespace: str) -> None:
            self.namespace = namespace

        def erase_key(self, key: str) -> None:
            """Forget a key."""
            done.append((self.namespace, key))

        def commit(self) -> None:
            """Be durable."""
            done.append("commit")

    one = chip()
    one.nvs = ErasingNvs  # type: ignore[method-assign, assignment]
    one.parts["nvs"].put(32, b"\xfc")  # the first entry of the first page is erased
    one.parts["nvs"].put(64, b"a password")
    ORDERS["forget"]([("net", "ssid"), ("net", "password")], one)
    assert done[:4] == [("net", "ssid"), "commit", ("net", "password"), "commit"]
    assert b"password" not in one.parts["nvs"].data
