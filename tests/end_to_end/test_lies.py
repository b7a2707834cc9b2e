"""A reader that lies is held against what it was told: only the cloud's own word makes it verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from startline_host.flows.firmware_bundle import Provision
from startline_host.formats.factory_partition import OptionSettings
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, SHORT_BOOT, Done, Startline, at_its_prompt
from tests.end_to_end.liar import Lie, LyingCloud, saying

Start = Callable[..., VirtualEsp32]
INVENTED = "AB" * 32
ELSEWHERE = "https://elsewhere.example/v0"


class Lying:
    """Runs commands on a reader whose events are changed."""

    def __init__(self, startline: Startline, start: Start, stack: ExitStack) -> None:
        self._startline = startline
        self._start = start
        self._stack = stack
        self._chip: VirtualEsp32 | None = None
        self._url = ""

    def begin(self, lie: Lie, world: dict[str, object] | None = None) -> None:
        """Switch the reader on; it lies from now on."""
        self._chip = self._start(world, raw=True)
        assert self._chip.raw_url is not None
        assert at_its_prompt(self._chip)
        self._url = self._stack.enter_context(LyingCloud(self._chip.raw_url, lie)).url

    def reset(self) -> None:
        """Press its reset button."""
        assert self._chip is not None
        self._chip.reset()

    def __call__(self, verb: str, *words: str) -> Done:
        """Run a command."""
        return self._startline(verb, "-p", self._url, *words)


@pytest.fixture
def lying(
    startline: Startline, start: Start, load_flash: Callable[..., None], settings_file: Path
) -> Iterator[Lying]:
    """Have a reader with its agent and no identity."""
    load_flash()
    with ExitStack() as stack:
        yield Lying(startline, start, stack)


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (saying("ready", serial="DEVICE-999"), "serial number is DEVICE-999"),
        (saying("ready", serial=""), "not who it is"),
        (saying("identity", serial="DEVICE-999"), "serial number is DEVICE-999"),
        (saying("identity", model="Model Y"), "model is Model Y"),
        (saying("identity", mac="24:6f:28:00:00:99"), "chip is 24:6f:28:00:00:99"),
        (saying("identity", cloud="vms"), "cloud is vms"),
        (saying("identity", base_url=ELSEWHERE), f"base URL is {ELSEWHERE}"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_reader_that_says_it_is_another_is_put_aside(
    lying: Lying, cloud: MockCloud, lie: Lie, words: str
) -> None:
    """Serial number, model, chip, cloud and base URL have to be what it was told (11)."""
    lying.begin(lie)
    done = lying("up", "--serial", SERIAL)
    assert done.code == 11, done.err
    assert words in done.err
    assert not done.out


@pytest.mark.parametrize("hidden", [False, True], ids=["with its identity", "without one"])
def test_an_invented_deviceid_is_not_verified(
    lying: Lying, cloud: MockCloud, monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    """The cloud does not know it (32); without a READ key nothing is said to be verified."""

    def lie(fields: dict[str, object]) -> bool:
        if fields["ev"] == "ready":
            fields.update(state="bound", reason="", token=INVENTED)
        return hidden and fields["ev"] == "identity"

    lying.begin(lie)
    cloud.faults.turn_on("status:403@POST")
    done = lying("up", "--serial", SERIAL)
    assert done.code == 32, done.err
    monkeypatch.delenv("STARTLINE_READ_KEY")
    alone = lying("up", "--serial", SERIAL, "--json")
    assert alone.code == 0, alone.err
    assert alone.lines()[-1]["verified"] is False


@pytest.mark.parametrize("token", ["", "26", "AB" * 31, "XY" * 32])
def test_a_bound_reader_without_a_deviceid_is_not_believed(
    lying: Lying, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """One that says it is bound, and names what its cloud never hands out, is unknown (31)."""
    monkeypatch.delenv("STARTLINE_READ_KEY")
    lying.begin(saying("ready", state="bound", token=token))
    done = lying("up", "--serial", SERIAL)
    assert done.code == 31, done.err


def test_a_reader_over_its_cable_is_held_to_what_it_was_told(
    lying: Lying, settings_file: Path, cloud: MockCloud
) -> None:
    """`provision` follows a reader on the cable, and believes it no more than `up` does."""
    told = settings_file.read_text()
    settings_file.write_text(
        told.replace('ssid = "bench"\npassword_env = "WIFI_PASSWORD"', 'link = "usb"')
    )
    lying.begin(saying("ready", serial="DEVICE-999"))
    done = lying("provision", "--serial", SERIAL)
    assert done.code == 11, done.err


@pytest.fixture
def unknown(
    startline: Startline,
    start: Start,
    load_flash: Callable[..., None],
    settings_file: Path,
    provision: Provision,
    cloud: MockCloud,
) -> Iterator[Callable[[Lie, str], Lying]]:
    """Have a reader whose request got no answer, which lies from then on."""
    options = OptionSettings(boot_limit=SHORT_BOOT, look_pause=30)
    settings = msgspec.structs.replace(provision.settings, set=options)
    load_flash(msgspec.structs.replace(provision, settings=settings).image())
    with ExitStack() as stack:

        def begin(lie: Lie, fault: str) -> Lying:
            cloud.faults.turn_on(fault)
            made = Lying(startline, start, stack)
            made.begin(lie)
            cloud.faults.clear()
            return made

        yield begin


def test_reconcile_believes_the_list_and_the_record(
    unknown: Callable[[Lie, str], Lying], cloud: MockCloud
) -> None:
    """A deviceid other than the one in the list and in the record is no success (40)."""
    reader = unknown(saying("ready", state="bound", token=INVENTED), "commit_then_drop@POST")
    done = reader("reconcile")
    assert done.code == 40, done.err
    assert "its record does not read back so" in done.err
    assert INVENTED not in done.out


def test_reconcile_asks_the_cloud_what_came_of_a_new_request(
    unknown: Callable[[Lie, str], Lying], cloud: MockCloud
) -> None:
    """A reader that became unbound and says that it has bound itself is looked for in the list."""
    reader = unknown(
        lambda fields: (
            fields.update(token=INVENTED)
            if (fields["ev"], fields.get("state")) == ("ready", "bound")
            else None
        ),
        "drop@POST",
    )
    done = reader("reconcile", "--same-company")
    assert done.code == 32, done.err
    assert "does not have its deviceid" in done.err


def test_adopt_sees_that_the_reader_took_it(
    unknown: Callable[[Lie, str], Lying], cloud: MockCloud
) -> None:
    """An adopted deviceid has to be what the reader says, and what its record holds (40)."""
    reader = unknown(saying("ready", token=INVENTED), "commit_then_drop@POST")
    (entry,) = cloud.devices()
    done = reader("reconcile", "--adopt", entry["deviceid"], "--confirm", SERIAL)
    assert done.code == 40, done.err
    assert "did not store the deviceid" in done.err


def test_retry_reads_the_record_back(
    unknown: Callable[[Lie, str], Lying], cloud: MockCloud
) -> None:
    """A reader that says after a retry that it is bound has a record of it, or it is not (40)."""
    reader = unknown(saying("ready", state="bound", token=INVENTED), "commit_then_drop@POST")
    done = reader("retry")
    assert done.code == 40, done.err


@pytest.mark.parametrize("verb", ["status", "wait"])
def test_a_reader_that_contradicts_itself_is_told_so(
    unknown: Callable[[Lie, str], Lying], verb: str, cloud: MockCloud
) -> None:
    """One that is S1 in one event and S2 in the next is neither (11), nor is it the one asked for."""
    import threading

    limit = ("--seconds", "20") if verb == "status" else ("--timeout", "20")
    lies = {"on": True}
    reader = unknown(
        lambda fields: (
            fields.update(serial="DEVICE-999") if lies["on"] and fields["ev"] == "ready" else None
        ),
        "drop@POST",
    )
    state = ("--for", "unknown") if verb == "wait" else ()
    for lies["on"], more, code in (
        (True, (), 11), (False, ("--serial", "DEVICE-5"), 11), (False, ("--serial", SERIAL), 0),
    ):  # fmt: skip
        timer = threading.Timer(0.5, reader.reset)
        timer.start()
        done = reader(verb, *limit, *state, *more)
        timer.join()
        assert done.code == code, done.err
