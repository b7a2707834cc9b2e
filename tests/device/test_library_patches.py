"""What is changed of libraries: counted sleeps, not measured times, and only in a known version."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import serial
from pytest_mock import MockerFixture
from serial import rfc2217

from startline_host.device import library_patches
from startline_host.device.port import open_port
from startline_host.virtual import VirtualEsp32


@pytest.fixture
def slept(mocker: MockerFixture) -> list[float]:
    """Collect what the client asks to sleep; a few milliseconds are slept indeed."""
    asked: list[float] = []
    really: Callable[[float], None] = time.sleep

    def sleep(seconds: float) -> None:
        asked.append(seconds)
        really(min(seconds, 0.01))

    mocker.patch.object(library_patches, "time", SimpleNamespace(sleep=sleep))
    return asked


def test_a_near_port_opens_in_short_polls(
    chip: Callable[..., VirtualEsp32], slept: list[float]
) -> None:
    """A port of a server on this computer opens and closes without one long sleep."""
    with open_port(chip().url) as port:
        assert port.can_reset
    assert slept
    assert max(slept) <= library_patches.POLL


def test_a_far_server_is_given_time_after_closing(slept: list[float]) -> None:
    """The pause after closing stays where the server is another computer."""
    library_patches.patch_rfc2217()
    library_patches.skip_close_delay("rfc2217://192.0.2.1:4000")
    rfc2217.time.sleep(0.3)
    library_patches.skip_close_delay("rfc2217://[::1]:4000")
    rfc2217.time.sleep(0.3)
    assert slept == [0.3]


def test_another_version_is_left_as_it_is(mocker: MockerFixture) -> None:
    """A library of another version is not changed, and a warning names both versions."""
    mocker.patch.object(rfc2217, "time", time)
    mocker.patch.object(serial, "__version__", "3.6")
    with pytest.warns(RuntimeWarning, match=r"pyserial 3\.6 is installed.* written for 3\.5"):
        library_patches.patch_rfc2217()
    assert rfc2217.time is time
    other = SimpleNamespace(print=print)
    with pytest.warns(RuntimeWarning, match=r"mpremote 1\.30\.0 .* written for 1\.29"):
        library_patches.silence_mpremote(other, "1.30.0")
    assert other.print is print
