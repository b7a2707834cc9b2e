"""The pace of pyserial's RFC 2217 client: counted sleeps, not measured times."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from pytest_mock import MockerFixture

from startline_host.device import rfc2217_pace
from startline_host.device.port import open_port
from startline_host.virtual import VirtualEsp32


@pytest.fixture
def slept(mocker: MockerFixture) -> list[float]:
    """Collect what the client asks to sleep; a few milliseconds are slept indeed."""
    asked: list[float] = []
    really: Callable[[float], None] = rfc2217_pace.time.sleep

    def sleep(seconds: float) -> None:
        asked.append(seconds)
        really(min(seconds, 0.01))

    mocker.patch.object(rfc2217_pace, "time", SimpleNamespace(sleep=sleep))
    return asked


def test_a_near_port_opens_in_short_polls(
    chip: Callable[..., VirtualEsp32], slept: list[float]
) -> None:
    """A port of a server on this computer opens and closes without one long sleep."""
    with open_port(chip().url) as port:
        assert port.can_reset
    assert slept
    assert max(slept) <= rfc2217_pace.POLL


def test_a_far_server_is_given_time_after_closing(slept: list[float]) -> None:
    """The pause after closing stays where the server is another computer."""
    rfc2217_pace.skip_close_delay("rfc2217://192.0.2.1:4000")
    rfc2217_pace.rfc2217.time.sleep(0.3)
    rfc2217_pace.skip_close_delay("rfc2217://[::1]:4000")
    rfc2217_pace.rfc2217.time.sleep(0.3)
    assert slept == [0.3]
