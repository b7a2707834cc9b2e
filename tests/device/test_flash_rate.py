"""Flashing begins at the fastest rate, and goes on slower where a line cannot keep up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pytest

from startline_host.boards import board_names, load_board
from startline_host.device.bootloader import DEFAULT_BAUD, BootLoader
from startline_host.device.flash_rate import rates_from, remember, remembered
from startline_host.errors import DeviceSilent, StartlineError
from startline_host.formats.flash_plan import FlashRegion
from startline_host.virtual import VirtualEsp32
from tests.device.slow_line import SlowLine
from tests.device.test_bootloader import NOISE
from tests.power_loss import loses_power

Chip = Callable[..., VirtualEsp32]
REGIONS = [FlashRegion("fctry", 0x3FC000, NOISE), FlashRegion("vfs", 0x200000, NOISE[::-1])]


def port_of(chip: VirtualEsp32) -> int:
    """Return the TCP port of a chip."""
    return urlsplit(chip.url).port or 0


@pytest.mark.parametrize(
    ("best", "loses", "tried"), [(460800, True, 2), (115200, False, 3)], ids=["loses", "spoils"]
)
def test_a_line_that_cannot_keep_up_is_used_slower(
    chip: Chip, flash: Path, best: int, loses: bool, tried: int
) -> None:
    """Nothing comes, or bits turn: the same session goes on slower, says so once, and it reads back."""
    said: list[tuple[int, int]] = []
    with SlowLine(port_of(chip()), best, loses=loses) as line:
        loader = BootLoader(
            line.url, slower=lambda rate, slower, _why: said.append((rate, slower))
        )
        loader.identify()
        report = loader.write(REGIONS)
        fastest = [rate for rate in line.rates if rate >= 115200]
    assert said == [(921600, 460800)]
    assert {region.offset for region in report.written} == {0x3FC000, 0x200000}
    assert flash.read_bytes()[0x3FC000:][: len(NOISE)] == NOISE
    assert [rate for rate in (921600, 460800, 115200) if rate in fastest][tried - 1] == best


def test_a_line_that_never_works_fails_with_the_reason(chip: Chip) -> None:
    """Below the slowest rate there is none left: the error is esptool's."""
    with SlowLine(port_of(chip()), 1, loses=False) as line, pytest.raises(StartlineError):
        BootLoader(line.url, 115200).write(REGIONS)


def test_a_silent_port_is_not_tried_at_every_rate(chip: Chip) -> None:
    """What does not even connect does so at no rate."""
    said: list[int] = []
    with SlowLine(port_of(chip()), 1, loses=True) as line:
        loader = BootLoader(
            line.url, attempts=1, slower=lambda rate, _slower, _why: said.append(rate)
        )
        with pytest.raises(DeviceSilent):
            loader.write(REGIONS)
    assert said == []


def test_no_rate_is_blamed_for_power_that_is_gone(flash: Path) -> None:
    """Power goes in the middle of a write: the error is all that is said."""
    said: list[int] = []
    with VirtualEsp32(flash, cut_after=400) as chip:  # of some 4,000 flash operations
        loader = BootLoader(chip.url, slower=lambda rate, _slower, _why: said.append(rate))
        with pytest.raises(StartlineError):
            loader.write([FlashRegion("vfs", 0x200000, bytes(range(256)) * 4096)])
        assert loses_power(chip)
    assert said == []


def test_the_rate_that_worked_is_remembered_for_that_port(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The next session begins there, until a faster one works or a month is over."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _name: tmp_path)
    port, other = "/dev/ttyUSB-slow", "/dev/ttyUSB-other"
    assert remembered(port, 921600) == 921600
    remember(port, 460800, 921600)
    assert remembered(port, 921600) == 460800
    assert remembered(port, 115200) == 115200
    assert remembered(other, 921600) == 921600
    remember(port, 921600, 921600)
    assert remembered(port, 921600) == 921600
    remember(port, 115200, 921600)
    (kept,) = (tmp_path / "rates").iterdir()
    old = time.time() - 31 * 86_400
    os.utime(kept, (old, old))
    assert remembered(port, 921600) == 921600
    kept.write_text("fast", encoding="ascii")
    assert remembered(port, 921600) == 921600


def test_a_virtual_ports_rate_is_nobodys_business(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A port on loopback is another chip's tomorrow: nothing is kept of it."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _name: tmp_path)
    remember("rfc2217://127.0.0.1:4000", 115200, 921600)
    assert not list(tmp_path.iterdir())


def test_every_board_begins_at_the_fastest_rate() -> None:
    """The default is the fastest that works, found downwards."""
    assert {load_board(name).baud.flash for name in board_names()} == {DEFAULT_BAUD}
    assert rates_from(921600) == (921600, 460800, 115200)
    assert rates_from(1_500_000) == (1_500_000, 921600, 460800, 115200)
    assert rates_from(57600) == (57600,)
