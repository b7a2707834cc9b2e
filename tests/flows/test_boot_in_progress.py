"""A device is not stopped in the middle of a boot, and nothing but a boot is waited for."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_mock import MockerFixture
from startline import events

from startline_host.errors import DeviceSilent
from startline_host.flows.operator.device_session import device_session

SAID = [events.encode(name, 1, 10, {}) for name in ("boot", "link", "attempt")]


class HeardDevice:
    """A port at which each read brings one more word; behind the last of them stands nothing."""

    def __init__(self, words: list[bytes]) -> None:
        self.words = words

    def port(self) -> HeardDevice:
        """Return what is read from."""
        return self

    def read(self, _seconds: float) -> bytes:
        """Return the next word."""
        return self.words.pop(0)


@pytest.mark.parametrize("last", ["ready", "race", "race_clock"])
def test_a_boot_is_over_once_it_says_so_or_times(mocker: MockerFixture, last: str) -> None:
    """At `ready`, or at a word of a race, which begins behind it, a device is stopped at once.

    A race goes on talking: it was waited for until the longest boot of a slow computer had passed.
    """
    mocker.patch(
        "startline_host.flows.operator.device_session.take_prompt", side_effect=DeviceSilent("-")
    )
    later = [events.encode("race", 9, 90, {})]
    device: Any = HeardDevice([*SAID, events.encode(last, 5, 50, {}), *later])
    with pytest.raises(DeviceSilent), device_session(device, lambda _: None):
        pass
    assert device.words == later
