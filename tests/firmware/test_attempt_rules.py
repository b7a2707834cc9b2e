"""The steps of an attempt, each by itself: whether to begin, what a look settles, when to go on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import startline
from pytest_mock import MockerFixture
from startline import lookup
from startline.binding import Binding
from startline.device import Device
from startline.net import StepFailed
from startline.net.device_list import DeviceSearch
from startline.net.outcome import retry_delay
from startline.record import bound_token
from startline.record.rules import Record, load_record
from startline.roles import find_cloud
from startline.settings import LOOK_PAUSE, may_go_on

from tests.firmware.fake_chip import FakeChip, RamFlash
from tests.firmware.harness import BLANK, NOW, factory_image, settings_for
from tests.firmware.nvs_chip import NvsChip, binding, loaded, saved

TOKEN = "A" * 64
Event = tuple[str, dict[str, Any]]


def identified(chip: FakeChip | None = None) -> Any:
    """Return a device that knows who it is."""
    device = Device(chip or NvsChip())
    device.identify()
    return device


def listening(one: Any) -> list[Event]:
    """Note the events of a binding, or a device, from now on."""
    heard: list[Event] = []
    one.emit = lambda name, fields: heard.append((name, fields))
    return heard


@pytest.mark.parametrize(
    ("state", "again", "powered_on", "goes_on"),
    [
        ("unbound", False, False, True),
        ("unknown", False, False, True),
        ("bound", True, True, False),
        ("refused", False, False, False),
        ("refused", True, False, True),
        ("refused", False, True, True),
    ],
)
def test_what_is_tried_again(state: str, again: bool, powered_on: bool, goes_on: bool) -> None:
    """Bound is the end; what was refused is asked again at power-on, or when somebody says so."""
    chip = NvsChip()
    saved(chip, "unknown", state)
    chip.restart()
    chip.plan["cause"] = "power_on" if powered_on else "reset"
    one: Any = binding(chip)
    one.key = saved(chip).key
    assert may_go_on(one, again) is goes_on


def test_a_run_that_has_nothing_to_do_asks_nobody(mocker: MockerFixture) -> None:
    """Where the record says that all is done, nothing is tried."""
    chip = NvsChip()
    saved(chip, "unknown", "bound")
    chip.restart()
    one: Any = binding(chip)
    tries = mocker.patch.object(one, "try_once")
    one.run(True)
    assert not tries.called


def test_who_is_bound_asks_nobody(mocker: MockerFixture) -> None:
    """Whatever a try returns, there is none after the one that bound."""
    one: Any = loaded(NvsChip())

    def bind() -> int:
        one.device.state = "bound"
        return 0

    tries = mocker.patch.object(one, "try_once", side_effect=bind)
    one.run(True)
    assert tries.call_count == 1


@pytest.mark.parametrize("stock", [False, True])
def test_how_many_copies_are_wanted(*, stock: bool) -> None:
    """Two before a request, and on a stock table, which has room for one, that one."""
    one: Any = binding(NvsChip(stock=stock))
    assert one.wanted == (1 if stock else 2)


@pytest.mark.parametrize("stock", [False, True])
def test_a_bound_boot_takes_the_short_way(*, stock: bool) -> None:
    """Its token is known from the copies' bytes alone, without the rules for what is unclear."""
    chip = NvsChip(stock=stock)
    saved(chip, "unknown", "bound")
    chip.restart()
    assert bound_token(chip, binding(chip).identity) == TOKEN


def test_a_damaged_record_in_one_place_has_no_token() -> None:
    """On a stock table no other copy speaks against a spoilt one: its own checksum has to."""
    chip = NvsChip(stock=True)
    saved(chip, "unknown", "bound")
    chip.put("startline", "record", chip.blob().replace(b"A" * 64, b"A" * 63 + b"B"))
    chip.restart()
    assert bound_token(chip, binding(chip).identity) == ""


@pytest.mark.parametrize(("lost", "copies"), [("", 2), ("nvs", 2), ("bind", 2)])
def test_how_many_copies_are_told(mocker: MockerFixture, lost: str, copies: int) -> None:
    """The event says how many hold the record once a lost one was made good."""
    chip = NvsChip()
    saved(chip, "unknown")
    if lost:
        chip.parts[lost].data[:] = BLANK * chip.parts[lost].size
    chip.restart()
    one: Any = binding(chip)
    told = mocker.patch.object(one, "report_state")
    load_record(one)
    assert [call.args[2] for call in told.call_args_list] == [copies]


def test_two_damaged_copies_are_none(mocker: MockerFixture) -> None:
    """Where neither can be read, the event says that none holds the record."""
    chip = NvsChip()
    saved(chip, "unknown")
    chip.parts["nvs"].data[:] = BLANK * 0x6000
    chip.parts["bind"].data[30] ^= 1
    chip.parts["bind"].data[31] ^= 1
    chip.restart()
    mocker.patch.object(chip, "blob", return_value=b"junk")
    one: Any = binding(chip)
    told = mocker.patch.object(one, "report_state")
    load_record(one)
    assert told.call_args.args == ("unknown", "record_damaged", 0)


@pytest.mark.parametrize(
    ("state", "reason", "token", "line"),
    [("bound", "", TOKEN, "bound AAAAAAAA"), ("unbound", "dns not_found", "", "unbound dns not found"),
     ("unprovisioned", "missing set.insecure_http", "", "unprovisioned missing set.insecure_http")],
)  # fmt: skip
def test_the_last_line_of_a_boot(state: str, reason: str, token: str, line: str) -> None:
    """It says how it stands: why, or as whom, by the token's first digits."""
    chip = NvsChip()
    device = Device(chip)
    device.state, device.reason, device.token = state, reason, token
    device.ready()
    assert line + "\n" in chip.out


def test_a_bug_is_a_reason_and_no_exception(mocker: MockerFixture) -> None:
    """Whatever an attempt ends in is named by its kind, and the boot says how it stands."""
    device = Device(NvsChip())
    mocker.patch.object(device, "identify", side_effect=OverflowError("a secret"))
    heard = listening(device)
    device.attempt(False)
    assert (device.state, device.reason) == ("unknown", "bug OverflowError")
    assert [name for name, _ in heard] == ["failed", "ready"]
    assert "secret" not in str(heard)


def test_a_boot_says_who_it_is_first() -> None:
    """The first event has the agent's version, the next one the unit."""
    device = Device(NvsChip())
    heard = listening(device)
    device.identify()
    assert heard[0] == ("boot", {"version": startline.__version__})
    assert heard[1][0] == "identity"
    assert device.model == heard[1][1]["model"] == "Model X1"


@pytest.mark.parametrize(("scheme", "told"), [("https", 1), ("http", 0)])
def test_that_tls_stands_is_told_where_it_does(scheme: str, told: int) -> None:
    """A request over plain HTTP is never said to be verified."""
    one: Any = loaded(NvsChip())
    one.new_record().attempt = b"1234"
    one.identity.base_url = scheme + "://localhost/v0"
    heard = listening(one)
    one.record_unknown()
    assert heard.count(("tls", {"phase": "verified"})) == told


@pytest.mark.parametrize(
    ("tries", "step", "most"), [(1, "tls", 2000), (2, "tls", 4000), (9, "link", 2000)]
)
def test_the_pause_after_a_failure(tries: int, step: str, most: int) -> None:
    """It doubles with each try from the first on; looking for a network always waits briefly."""
    one: Any = loaded(NvsChip())
    one.tries, one.looking = tries, False
    one.chip.random = lambda count: b"\xff" * count
    wait = retry_delay(one, StepFailed(step, "timeout"))
    assert wait is not None
    assert most - 10 < wait < most
    assert one.device.reason == f"{step} timeout"
    assert retry_delay(one, StepFailed(step, "wrong_host", True)) is None


def test_a_promise_that_cannot_be_taken_back_is_told_as_it_stands(mocker: MockerFixture) -> None:
    """Where no copy takes `unbound` any more, the device says what its copies say: unknown."""
    one: Any = loaded(NvsChip())
    one.new_record().attempt = b"1234"
    one.save("unknown", "asked")
    mocker.patch("startline.binding.save", return_value=0)
    one.tries, one.looking = 1, False
    retry_delay(one, StepFailed("storage", "unwritten"))
    assert (one.record.state, one.record.reason) == ("unknown", "asked")


@pytest.mark.parametrize("looking", [False, True])
def test_what_failed_before_the_first_byte_is_tried_again(
    mocker: MockerFixture, *, looking: bool
) -> None:
    """A try, or a look, that fails on its way ends in a pause, and in no exception."""
    one: Any = loaded(NvsChip())
    one.tries, one.looking = 1, looking
    mocker.patch.object(one, "online", side_effect=StepFailed("dns", "not_found"))
    assert one.try_once() < 2000


def test_half_a_promise_becomes_unbound_in_both_copies() -> None:
    """What was written in one place before nothing was sent is taken back, and is the newest."""
    chip = NvsChip()
    one: Any = loaded(chip)
    one.new_record().attempt = b"1234"
    one.save("unknown", "asked")
    one.tries, one.looking = 1, False
    retry_delay(one, StepFailed("storage", "unwritten"))
    assert (one.device.state, one.record.state) == ("unbound", "unbound")
    again: Any = loaded(chip)
    assert again.record.state == "unbound"
    one.new_record().attempt = b"1234"
    one.save("unknown", "asked")
    one.looking = True
    retry_delay(one, StepFailed("tls", "timeout"))
    assert (one.device.state, one.device.reason) == ("unknown", "asked")


class Looking:
    """A binding that looks: `found` is what its look comes to, as `_outcome` returns it."""

    def __init__(self, mocker: MockerFixture, found: tuple[Any, ...], **record: Any) -> None:
        self.record = Record()
        self.record.reason = "timeout"
        self.record.key = b"KKKK"
        for name, value in record.items():
            setattr(self.record, name, value)
        self.key = b"KKKK"
        self.look_pause = LOOK_PAUSE[1]
        self.limit = 90_000
        self.start = 0
        self.spent = 0
        self.chip = SimpleNamespace(unix=lambda: NOW, since=lambda _start: self.spent)
        self.saved: list[tuple[str, str]] = []
        self.told: list[Event] = []
        mocker.patch.object(lookup, "_outcome", return_value=found)

    def online(self) -> None:
        """Have a link."""

    def emit(self, name: str, fields: dict[str, Any]) -> None:
        """Note an event."""
        self.told.append((name, fields))

    def save(self, state: str, reason: str) -> None:
        """Note what is written."""
        self.saved.append((state, reason))


CLEAN = ("unbound", "", "", (3, TOKEN))


@pytest.mark.parametrize(
    ("record", "spent", "wait"),
    [
        # The first look: the pause, and a second so that it is over.
        ({}, 0, 61_000),
        ({"due": NOW + 90}, 0, 91_000),
        # One of an earlier boot: the pause, as far as this boot has room for it.
        ({"looks": 1, "looked": NOW - 10_000}, 0, 61_000),
        ({"looks": 1, "looked": NOW - 10_000}, 59_999, 1001),
        ({"looks": 1, "looked": NOW - 30, "due": NOW - 40}, 80_000, 31_000),
        ({"looks": 1, "looked": NOW - 90, "due": NOW + 20}, 80_000, 21_000),
        # A clock that went back.
        ({"looks": 1, "looked": NOW + 5}, 80_000, 61_000),
    ],
)
def test_when_the_second_look_comes(
    mocker: MockerFixture, record: dict[str, int], spent: int, wait: int
) -> None:
    """The pause after the first, behind the request's deadline, whatever the clock did."""
    one = Looking(mocker, CLEAN, **record)
    one.spent = spent
    assert lookup.lookup(one) == wait
    assert one.record.looks == 1
    first = not record.get("looks") or record["looked"] > NOW
    assert one.saved == [("unknown", "timeout")] * first
    assert one.told == [("look", {"outcome": "unbound", "reason": "", "entry": 0, "deviceid": ""})]


def test_two_clean_looks_prove_it(mocker: MockerFixture) -> None:
    """Far enough apart and behind the deadline they make it unbound, and it is asked at once."""
    one = Looking(mocker, CLEAN, looks=1, looked=NOW - 61, due=NOW - 1)
    one.spent = 60_001
    assert lookup.lookup(one) == 0
    assert one.saved == [("unbound", "not_there")]
    assert one.record.looks == 0


@pytest.mark.parametrize(
    ("found", "key", "reason", "where"),
    [
        (("unknown", "", "serial_taken", (4, TOKEN)), b"KKKK", "serial_taken", (4, TOKEN)),
        (CLEAN, b"XXXX", "other_key", (3, TOKEN)),
    ],
)
def test_a_look_that_settles_nothing(
    mocker: MockerFixture, found: tuple[Any, ...], key: bytes, reason: str, where: tuple[int, str]
) -> None:
    """It is written down why, looks are counted anew, and the entry that is the reason is named."""
    one = Looking(mocker, found, looks=1, looked=NOW - 100)
    one.key = key
    assert lookup.lookup(one) is None
    assert one.saved == [("unknown", reason)]
    assert one.record.looks == 0
    entry, token = where
    wanted = {"outcome": "unknown", "reason": reason, "entry": entry, "deviceid": token}
    assert one.told == [("look", wanted)]


def test_a_list_that_the_key_may_not_read() -> None:
    """It is no list, and no failure either: nothing can be looked up with this key."""
    cloud = find_cloud("rufus")
    identity = identified().identity
    search = DeviceSearch(cloud, "DEVICE-123", "sl.00000000")
    for status in (401, 403):
        ask = lambda *_, status=status: (status, None)  # noqa: E731
        assert lookup._read_list(ask, cloud, identity, search) is False
    with pytest.raises(StepFailed, match="status 500"):
        lookup._read_list(lambda *_: (500, None), cloud, identity, search)


def test_a_cloud_that_cannot_be_looked_into_names_no_entry(mocker: MockerFixture) -> None:
    """A key without the right to read leaves it unknown; a cloud with a look of its own has that."""
    mocker.patch.object(lookup, "_read_list", return_value=False)
    one: Any = loaded(NvsChip())
    one.new_record()
    assert lookup._outcome(one) == ("unknown", "", "cannot_look", (0, ""))
    one.cloud = SimpleNamespace(lookup=lambda *_: ("unknown", "", "serial_taken"))
    assert lookup._outcome(one) == ("unknown", "", "serial_taken", (0, ""))


@pytest.mark.parametrize(("allowed", "missing"), [(1, False), (0, True), (2, True)])
def test_plain_http_has_to_be_allowed(allowed: int, missing: bool) -> None:
    """By the setting that says so, and by no other number; nothing is damaged there."""
    settings = settings_for("http://localhost:1/v0", None, insecure_http=True)
    flash = RamFlash(bytearray(factory_image(settings)))
    chip = FakeChip({"nvs": RamFlash(bytearray(BLANK * 0x6000)), "fctry": flash}, {})
    device = identified(chip)
    device.identity.values["set.insecure_http"] = allowed
    one = Binding(device)
    heard = listening(one)
    assert may_go_on(one, False) is not missing
    assert (device.reason == "missing set.insecure_http") is missing
    assert "warning" not in [name for name, _ in heard]


@pytest.mark.parametrize(
    ("name", "longest"), [("claim.name", 200), ("factory.serial", 64), ("net.ssid", 200)]
)
def test_the_longest_texts(name: str, longest: int) -> None:
    """A text that is longer than it may be is none."""
    device = identified()
    values = device.identity.values
    for size, text in ((longest, "x" * longest), (longest + 1, "")):
        values[name] = "x" * size
        assert device.identity.text(name) == text


@pytest.mark.parametrize(
    ("header", "names"),
    [("", ["api_key", "x-api-key"]), ("both", ["api_key", "x-api-key"]), ("api_key", ["api_key"]),
     ("x-api-key", ["x-api-key"])],
)  # fmt: skip
def test_the_headers_that_have_the_key(header: str, names: list[str]) -> None:
    """Both of them, unless one is chosen."""
    device = identified()
    device.identity.values["claim.key_header"] = header
    found = find_cloud("rufus").headers(device.identity, "KEY")
    assert found == {"Content-Type": "application/json", **dict.fromkeys(names, "KEY")}
