"""One attempt at a time: a second thread, device object or callback asks nobody."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import startline
from startline import binding
from startline import device as device_module
from startline.device import Device
from startline.net import StepFailed, bind_request, http_guard

from tests.firmware.fake_chip import FakeChip, RamFlash
from tests.firmware.harness import BLANK, MADE_AT, NOW, factory_image, settings_for
from tests.firmware.scripted import BODY, TOKEN

_SECONDS = 20.0


class SlowChip(FakeChip):
    """A chip on which waiting takes time, if little, so that other threads come to run."""

    def sleep(self, ms: int) -> None:
        """Wait."""
        time.sleep(0.001)
        super().sleep(ms)


class HeldExchange:
    """The exchange of a request, held until `answer` is set; `then` is what comes of it."""

    def __init__(self) -> None:
        self.requests = 0
        self.arrived = threading.Event()
        self.answer = threading.Event()
        self.then: Callable[[], Any] = lambda: (201, BODY)

    def exchange(self, transport: http_guard.GuardedTransport, *asked: Any) -> Any:
        """Take a request, and answer it when that is allowed."""
        transport.before_send()
        self.requests += 1
        self.arrived.set()
        assert self.answer.wait(_SECONDS)
        status, body = self.then()
        rest = io.BytesIO(body)
        return status, asked[-1](rest.readinto)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldExchange]:
    """Put a cloud in the place of every exchange; afterwards no attempt may be under way."""
    made = HeldExchange()
    monkeypatch.setitem(sys.modules, "startline.net.bind_request", bind_request)
    monkeypatch.setattr(bind_request, "exchange", made.exchange)
    monkeypatch.setattr(binding, "forget", lambda _names: None)  # it would be imported anew
    yield made
    made.answer.set()
    assert not device_module._lock.locked()


@pytest.fixture
def chip() -> SlowChip:
    """Give a blank reader's chip."""
    settings = settings_for("https://localhost:1/v0", b"ca")
    image = factory_image(settings, made_at=MADE_AT)
    sizes = {"nvs": BLANK * 0x6000, "bind": BLANK * 0x2000, "fctry": image}
    return SlowChip(
        {name: RamFlash(bytearray(data)) for name, data in sizes.items()}, {"ntp": NOW}
    )


class Caller(threading.Thread):
    """A thread that calls something; `result` is what came of it."""

    result: Any = None

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self.start()

    def run(self) -> None:
        """Call."""
        try:
            self.result = self._call()
        except BaseException as error:  # noqa: BLE001 - it is the result
            self.result = error

    def end(self) -> Any:
        """Wait for the end and return the result."""
        self.join(_SECONDS)
        assert not self.is_alive()
        return self.result


def test_two_first_boots_are_one(cloud: HeldExchange, chip: SlowChip) -> None:
    """The second first_boot waits for the first, has its outcome, and sends nothing."""
    first = Caller(lambda: startline.first_boot(chip))
    assert cloud.arrived.wait(_SECONDS)
    second = Caller(lambda: startline.first_boot(chip))
    second.join(0.3)
    assert second.is_alive()
    cloud.answer.set()
    one, two = first.end(), second.end()
    assert one is not two
    for name in ("state", "token", "serial", "model", "cloud", "key", "reason"):
        assert getattr(one, name) == getattr(two, name)
    assert (two.state, two.token, two.serial) == ("bound", TOKEN, "DEVICE-123")
    assert cloud.requests == 1


def test_two_retries_are_one(cloud: HeldExchange, chip: SlowChip) -> None:
    """Two threads that retry the same device send one request, and both return its outcome."""
    device = Device(chip)
    callers = [Caller(device.retry) for _ in range(5)]
    assert cloud.arrived.wait(_SECONDS)
    cloud.answer.set()
    assert [caller.end() for caller in callers] == ["bound"] * 5
    assert cloud.requests == 1
    assert (device.serial, device.model, device.cloud) == ("DEVICE-123", "Model X1", "rufus")


def test_an_unknown_outcome_is_taken_over_as_well(cloud: HeldExchange, chip: SlowChip) -> None:
    """Where the first one's answer is lost, the second has `unknown`, and does not ask in its turn."""

    def lose() -> None:
        chip.plan["wifi_status"] = 201  # and nothing can be looked up
        chip.station.joined = False
        raise StepFailed("answer", "cut")

    cloud.then = lose
    first = Caller(lambda: startline.first_boot(chip))
    assert cloud.arrived.wait(_SECONDS)
    second = Caller(lambda: startline.first_boot(chip))
    cloud.answer.set()
    assert first.end().state == second.end().state == "unknown"
    assert cloud.requests == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, OverflowError])
def test_the_turn_is_given_back_whatever_happens(
    cloud: HeldExchange, chip: SlowChip, error: type[BaseException]
) -> None:
    """Whatever ends an attempt, the next one can begin, and knows of the request."""

    def fail() -> None:
        raise error

    cloud.then = fail
    cloud.answer.set()
    ended = Caller(lambda: startline.first_boot(chip)).end()
    assert isinstance(ended, error) or ended.state == "unknown"
    assert not device_module._lock.locked()
    chip.plan["wifi_status"] = 201
    chip.station.joined = False
    assert startline.first_boot(chip).state == "unknown"
    assert cloud.requests == 1


def test_a_callback_does_not_wait_for_what_it_interrupts(
    cloud: HeldExchange, chip: SlowChip
) -> None:
    """A retry from within an attempt, as a timer's callback makes it, returns how it stands now."""
    device = Device(chip)
    seen: list[str] = []

    def again() -> Any:
        seen.extend([device.retry(), startline.first_boot(chip).state])
        return 201, memoryview(BODY)

    cloud.then = again
    cloud.answer.set()
    assert Caller(device.retry).end() == "bound"
    assert seen == ["unknown", "unknown"]
    assert cloud.requests == 1


def test_the_wait_has_an_end(cloud: HeldExchange, chip: SlowChip) -> None:
    """An attempt that takes longer than it may is not waited for; the second asks nobody then."""
    first = Caller(lambda: startline.first_boot(chip))
    assert cloud.arrived.wait(_SECONDS)
    other = SlowChip(chip.parts, {"ntp": NOW})
    waited = Caller(lambda: startline.first_boot(other))
    other._skew += 90_000  # as if that long had gone by
    waited.join(0.2)
    assert waited.is_alive()
    other._skew += 30_000
    assert waited.end().state == "unknown"
    assert first.is_alive()
    cloud.answer.set()
    assert first.end().state == "bound"
    assert cloud.requests == 1


def test_who_waits_goes_by_the_others_limit(
    chip: SlowChip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that was given more time than this device has is waited for as long as it may take."""
    first, second = Device(chip), Device(chip)
    first.limit = 3_600_000
    lock = threading.Lock()
    lock.acquire()

    def pass_time(_ms: int) -> None:
        if chip._skew < 600_000:
            chip._skew += 600_000
        else:
            first.state = "bound"
            lock.release()

    monkeypatch.setattr(device_module, "_lock", lock)
    monkeypatch.setattr(device_module, "_holder", [first, 0])
    monkeypatch.setattr(chip, "sleep", pass_time)
    device_module.exclusive(second, lambda: pytest.fail("a second attempt"))
    assert second.state == "bound"


def test_whose_attempt_it_is_may_be_written_down_late(
    chip: SlowChip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the lock and the name that goes with it the last attempt's outcome is not taken."""
    stale, first, second = (Device(chip) for _ in range(3))
    stale.state, first.state = "refused", "bound"
    for before in (stale, None):
        lock = threading.Lock()
        lock.acquire()
        holder = [before, 0]
        steps = iter([partial(holder.__setitem__, 0, first), lock.release])
        monkeypatch.setattr(device_module, "_lock", lock)
        monkeypatch.setattr(device_module, "_holder", holder)
        monkeypatch.setattr(chip, "sleep", lambda _ms, steps=steps: next(steps)())
        device_module.exclusive(second, lambda: pytest.fail("a second attempt"))
        assert second.state == "bound"
        second.state = "unknown"


def test_without_threads_there_is_a_lock_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that has no threads has the same rule, for its callbacks."""
    import importlib.util

    monkeypatch.setitem(sys.modules, "_thread", None)
    found = importlib.util.find_spec("startline.device")
    assert found is not None
    assert found.loader is not None
    found_lock = importlib.util.module_from_spec(found)
    found.loader.exec_module(found_lock)
    done: list[str] = []
    chip = FakeChip({}, {})
    device = Device(chip)

    def work() -> None:
        done.append("begun")
        found_lock.exclusive(device, lambda: done.append("twice"))
        done.append("done")

    found_lock.exclusive(device, work)
    found_lock.exclusive(device, work)
    assert done == ["begun", "done"] * 2
