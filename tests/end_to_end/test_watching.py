"""Looking at a running reader without disturbing it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from startline_host.flows.firmware_bundle import Provision
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline, at_its_prompt

Start = Callable[..., VirtualEsp32]


@pytest.fixture
def reader(
    start: Start, load_flash: Callable[..., None], provision: Provision, cloud: MockCloud
) -> VirtualEsp32:
    """Have a reader that is bound and runs."""
    load_flash(provision.image())
    chip = start()
    cloud.wait_for_request("POST", timeout=30)
    assert at_its_prompt(chip)
    return chip


def reset_soon(chip: VirtualEsp32, seconds: float = 1.0) -> threading.Timer:
    """Press the reset button a little later."""
    timer = threading.Timer(seconds, chip.reset)
    timer.start()
    return timer


def test_listening_moves_no_line_and_sends_nothing(
    startline: Startline, reader: VirtualEsp32
) -> None:
    """`status` on a silent reader sends no byte, does not restart it, and says so (12)."""
    before = reader.counts()
    done = startline("status", "-p", reader.url, "--seconds", "0.5")
    assert done.code == 12, done.err
    assert "status --interrupt" in done.err
    after = reader.counts()
    assert after.received == before.received
    assert after.sent - before.sent < 100  # the end of its prompt may come late; a start is longer


def test_a_reader_that_starts_tells_its_state(startline: Startline, reader: VirtualEsp32) -> None:
    """`status` takes what the reader says by itself."""
    timer = reset_soon(reader)
    done = startline("status", "-p", reader.url, "--seconds", "20", "--json")
    timer.join()
    assert done.code == 0, done.err
    result = done.lines()[-1]
    assert (result["state"], result["serial"], result["asked"]) == ("bound", SERIAL, False)


def test_a_reader_can_be_asked(
    startline: Startline, reader: VirtualEsp32, cloud: MockCloud
) -> None:
    """With --interrupt the reader is stopped, asked, and runs again."""
    done = startline("status", "-p", reader.url, "--interrupt", "--json")
    assert done.code == 0, done.err
    result = done.lines()[-1]
    assert result["state"] == "bound"
    assert result["serial"] == SERIAL
    assert result["deviceid"] == cloud.devices()[0]["deviceid"]
    assert result["agent"]
    assert at_its_prompt(reader)


def test_waiting_ends_when_the_state_is_reached(
    startline: Startline, reader: VirtualEsp32
) -> None:
    """`wait` returns as soon as the reader is ready in that state."""
    timer = reset_soon(reader)
    done = startline("wait", "-p", reader.url, "--for", "bound", "--timeout", "20")
    timer.join()
    assert done.code == 0, done.err
    assert done.out == f"{SERIAL} is bound.\n"


def test_waiting_in_vain_is_exit_50(startline: Startline, reader: VirtualEsp32) -> None:
    """A state that does not come ends with 50."""
    done = startline("wait", "-p", reader.url, "--for", "refused", "--timeout", "0.3")
    assert done.code == 50
    assert "did not become refused" in done.err


def test_monitoring_shows_events_and_text(startline: Startline, reader: VirtualEsp32) -> None:
    """`monitor` tells events and boot messages apart, and never sends a control character."""
    done = startline("monitor", "-p", reader.url, "--reset", "--seconds", "2", "--json")
    assert done.code == 0, done.err
    kinds = [(line["kind"], line.get("name")) for line in done.lines()]
    assert ("event", "boot") in kinds
    assert ("event", "ready") in kinds
    assert ("event", "line") in kinds
    assert kinds[-1][0] == "result"
    plain = startline("monitor", "-p", reader.url, "--reset", "--seconds", "2")
    assert "ready: bound" in plain.out
    assert not set(plain.out) & set(map(chr, [*range(9), *range(11, 32)]))


def test_ports_are_listed(startline: Startline) -> None:
    """`ports` works on any computer, with or without ports."""
    done = startline("ports", "--all", "--json")
    assert done.code == 0
    assert done.lines()[0]["kind"] == "result"
