"""Ports with a life of their own: without reset wires, gone and back again, under another name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from startline_host.device import port_session as line_module
from startline_host.device.port import Port
from startline_host.device.port_lock import PortLock
from startline_host.device.port_session import PortSession
from startline_host.device.ports import PortInfo, find_port
from startline_host.errors import NoSuchPort
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.notices import Notice, Remark
from startline_host.flows.observe import wait_for_state
from startline_host.mock_cloud import MockCloud
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline

Start = Callable[..., VirtualEsp32]
Load = Callable[..., None]


class Hand:
    """Presses RESET when the command asks for it."""

    def __init__(self, chip: VirtualEsp32, monkeypatch: pytest.MonkeyPatch) -> None:
        from startline_host.flows import notice_view

        self.asked = 0
        self._chip = chip
        shown = notice_view.JsonNoticeView.__call__

        def watch(self_: notice_view.JsonNoticeView, notice: Notice) -> None:
            shown(self_, notice)
            if isinstance(notice, Remark) and "Press RESET" in notice.text:
                self.asked += 1
                threading.Timer(0.5, chip.reset).start()

        monkeypatch.setattr(notice_view.JsonNoticeView, "__call__", watch)


@pytest.mark.parametrize("kind", ["pty", "socket"])
def test_without_reset_wires_a_person_presses_the_buttons(
    startline: Startline,
    start: Start,
    settings_file: Path,
    cloud: MockCloud,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """With BOOT held at RESET a blank chip is loaded on any line; the command asks for RESET."""
    chip = start(raw=True, pty=True)
    url = chip.pty_path if kind == "pty" else chip.raw_url
    assert url is not None
    chip.reset(hold_boot=True)
    hand = Hand(chip, monkeypatch)
    done = startline("up", "-p", url, "--serial", SERIAL, "--json")
    assert done.code == 0, done.out
    assert hand.asked == 1
    assert done.lines()[-1]["deviceid"] == cloud.devices()[0]["deviceid"]


def test_a_missed_boot_loader_says_which_buttons(
    startline: Startline, start: Start, settings_file: Path, flash: Path
) -> None:
    """A blank chip on a line without wires ends with 12, what to press, and an untouched flash."""
    chip = start(pty=True)
    assert chip.pty_path is not None
    before = flash.read_bytes()
    done = startline("up", "-p", chip.pty_path, "--serial", SERIAL)
    assert done.code == 12, done.err
    assert "hold BOOT, press RESET" in done.err
    assert flash.read_bytes() == before


def test_a_port_that_comes_back_under_another_name_is_followed(
    start: Start, load_flash: Load, provision: Provision, flash: Path, tmp_path: Path
) -> None:
    """A name that led to one terminal and then to another is read on, and locked as it is now."""
    load_flash(provision.image())
    first = start({"access_points": {}}, pty=True)
    name, beside, other = tmp_path / "reader", tmp_path / "beside", tmp_path / "other.bin"
    assert first.pty_path is not None
    name.symlink_to(first.pty_path)
    other.write_bytes(flash.read_bytes())
    # The new terminal stands before the old one goes, so that its number is not used again.
    with VirtualEsp32(other, pty=True) as second, PortSession(str(name)) as line:
        line.port().read(0.5)
        beside.symlink_to(str(second.pty_path))
        beside.replace(name)
        first.kill()
        timer = threading.Timer(2.0, second.reset)
        timer.start()
        event = wait_for_state(line.port(), "bound", Deadline(30))
        timer.join()
        assert event.fields["serial"] == SERIAL
        with pytest.raises(NoSuchPort), PortLock(str(name)):
            pass


def test_a_port_that_stays_away_is_said_to_have_gone(
    start: Start, load_flash: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for ever: after a while the port is missing, with its name."""
    monkeypatch.setattr(line_module, "_RETURN", 0.5)
    load_flash()
    chip = start(pty=True)
    assert chip.pty_path is not None
    with PortSession(chip.pty_path) as line:
        port = line.port()
        port.read(2.0)
        chip.kill()
        with pytest.raises(NoSuchPort, match="has gone"):
            _read_for_ever(port)


def _read_for_ever(port: Port) -> None:
    for _ in range(100):
        port.read(0.1)


def test_a_usb_device_is_found_by_its_serial_number() -> None:
    """Of several readers the same one is followed; without a number only where it is alone."""

    def port(url: str, number: str | None, product: int = 0x1001) -> PortInfo:
        return PortInfo(url, "", 0x303A, product, number)

    before = port("/dev/ttyACM0", "AA")
    now = [port("/dev/ttyACM1", "BB"), port("/dev/ttyACM2", "AA"), port("/dev/ttyS0", "AA", 1)]
    assert find_port(before, now) == "/dev/ttyACM2"
    assert find_port(before, now[:1]) is None
    nameless = port("/dev/ttyACM0", None)
    assert find_port(nameless, [port("/dev/ttyACM5", None)]) == "/dev/ttyACM5"
    assert find_port(nameless, [port("/dev/ttyACM5", None), port("/dev/ttyACM6", None)]) is None
