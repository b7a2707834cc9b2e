"""Slots: how they are named, when a board has come, and when it has gone."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from startline_host.device.ports import PortInfo
from startline_host.errors import BadInput, NoSuchPort, StorageFailed
from startline_host.factory.job import UnitResult
from startline_host.factory.power import PowerSwitch
from startline_host.factory.slots import PortScanner, PortSlot, find_slots, parse_slots
from startline_host.factory.virtual_board_pool import VirtualBoardPool
from startline_host.factory.virtual_plant import VirtualPlant
from startline_host.formats.units import check_mac, normal_mac
from startline_host.virtual import VirtualEsp32

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 20.0
DONE = UnitResult(end="passed")


def wait(slot: PortSlot, stop: threading.Event) -> tuple[threading.Thread, list[object]]:
    """Wait for a slot's next board in a thread; what came stands in the list afterwards."""
    came: list[object] = []
    thread = threading.Thread(target=lambda: came.append(slot.next_board(stop)), daemon=True)
    thread.start()
    return thread, came


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> list[PortInfo]:
    """Plug two readers and a modem into this computer."""
    there = [
        PortInfo("/dev/ttyUSB0", "CP2102N", 0x10C4, 0xEA60, None, "1-1.4"),
        PortInfo("/dev/ttyUSB1", "CP2102N", 0x10C4, 0xEA60, None, "1-1.3"),
        PortInfo("/dev/ttyACM0", "modem", 0x1234, 0x0001, None, "1-2"),
    ]
    monkeypatch.setattr("startline_host.factory.slots.list_serial_ports", lambda: there)
    return there


def test_slots_have_names(ports: list[PortInfo]) -> None:
    """Slots are named as they were typed, or numbered; a USB socket finds its port."""
    given = ["/dev/ttyUSB0", "left=usb:1-1.3", "rfc2217://localhost:2217?logging=debug"]
    slots = parse_slots(given, watch=False)
    assert [slot.name for slot in slots] == ["1", "left", "3"]
    assert slots[1].url == "/dev/ttyUSB1"
    ports.clear()
    with pytest.raises(NoSuchPort, match="plugged into slot left"):
        _ = slots[1].url


@pytest.mark.parametrize("given", [["a", "a"], ["x=a", "x=b"], ["x="], [""]])
def test_a_slot_stands_once(given: list[str]) -> None:
    """A place or a name that stands twice, or is empty, is refused."""
    with pytest.raises(BadInput, match="given twice"):
        parse_slots(given, watch=False)


def test_readers_are_found_by_their_usb_ids(ports: list[PortInfo]) -> None:
    """Every port that looks like a reader is a slot, named by its socket; none is an error."""
    slots = find_slots(PortScanner({(0x10C4, 0xEA60)}, watch=False))
    assert [(slot.name, slot.url) for slot in slots] == [
        ("1-1.4", "/dev/ttyUSB0"), ("1-1.3", "/dev/ttyUSB1"),
    ]  # fmt: skip
    with pytest.raises(NoSuchPort, match="No port looks like a reader"):
        find_slots(PortScanner({(1, 2)}, watch=False))


def test_a_socket_becomes_a_slot_when_it_is_first_used(ports: list[PortInfo]) -> None:
    """A reader that is plugged into an empty socket later makes a new slot, and only one."""
    later = ports.pop(0)
    sockets = PortScanner({(0x10C4, 0xEA60)}, watch=True)
    assert [slot.name for slot in sockets.new()] == ["1-1.3"]
    assert sockets.new() == []
    ports[:] = [later]
    (slot,) = sockets.new()
    assert (slot.name, slot.url) == ("1-1.4", "/dev/ttyUSB0")
    assert slot.next_board(threading.Event()) is slot
    ports.clear()
    assert sockets.new() == []
    ports[:] = [PortInfo("/dev/ttyUSB7", "CP2102N", 0x10C4, 0xEA60, None, "1-1.4")]
    assert sockets.new() == [], "the socket is known, whatever its port is called by now"
    assert slot.url == "/dev/ttyUSB7"


def test_without_watching_a_slot_has_one_board(tmp_path: Path) -> None:
    """A slot that is not watched gives its board once, or none after a stop."""
    slot = PortSlot("1", str(tmp_path))
    stop = threading.Event()
    assert slot.next_board(stop) is slot
    assert slot.next_board(stop) is None
    stop.set()
    assert PortSlot("2", str(tmp_path)).next_board(stop) is None


@pytest.mark.skipif(sys.platform == "win32", reason="ports are no files there")
def test_a_watched_slot_waits_for_the_next_plug(tmp_path: Path) -> None:
    """A board is taken when its port appears, once, and the next when it has been away."""
    port = tmp_path / "ttyUSB0"
    slot, stop = PortSlot("1", str(port), watch=True), threading.Event()
    thread, came = wait(slot, stop)
    assert came == []
    port.touch()
    thread.join(LIMIT)
    assert came == [slot]
    slot.finished(DONE)
    thread, came = wait(slot, stop)
    thread.join(0.5)
    assert came == [], "the board that is done is still there"
    port.unlink()
    thread.join(1.0)
    assert came == [], "nothing is plugged in"
    port.touch()
    thread.join(LIMIT)
    assert came == [slot]


def test_a_board_on_the_same_adapter_is_noticed(tmp_path: Path) -> None:
    """Where the port stays, the next board is noticed by what it says when it gets power."""
    with VirtualEsp32(tmp_path / "chip.flash") as chip:
        slot, stop = PortSlot("1", chip.url, watch=True), threading.Event()
        assert slot.next_board(stop) is slot
        slot.finished(DONE)
        thread, came = wait(slot, stop)
        thread.join(1.0)
        assert came == []
        chip.reset()
        thread.join(LIMIT)
        assert came == [slot]
    slot.finished(DONE)
    thread, came = wait(slot, stop)
    stop.set()
    thread.join(LIMIT)
    assert came == [None]


def script(folder: Path, text: str) -> str:
    """Write a power command in Python, and return how it is called."""
    path = folder / "power.py"
    path.write_text(text)
    return f'"{sys.executable}" "{path}"'


def test_power_is_switched_by_a_command(tmp_path: Path, ports: list[PortInfo]) -> None:
    """The command gets the slot, its port and its USB hub and socket, without a shell."""
    seen = tmp_path / "seen"
    command = script(
        tmp_path, f"import sys; open({str(seen)!r}, 'w').write('|'.join(sys.argv[1:]))"
    )
    power = PowerSwitch(f"{command} {{slot}} {{port}} {{usb}} {{hub}} {{hub_port}} '$HOME; x'")
    assert PortSlot("left", "usb:1-1.4", power=power).power_cycle()
    assert seen.read_text() == "left|/dev/ttyUSB0|1-1.4|1-1|4|$HOME; x"
    assert PortSlot("right", "/dev/ttyACM0", power=power).power_cycle()
    assert seen.read_text() == "right|/dev/ttyACM0|1-2|1|2|$HOME; x"
    assert not PortSlot("none", "/dev/ttyUSB0").power_cycle()


@pytest.mark.parametrize(
    ("template", "words"),
    [("", "names nothing"), ("uhubctl {location}", "names location"), ("uhubctl '", "cannot be read"),
     ("uhubctl {", "cannot be read")],
)  # fmt: skip
def test_a_power_command_that_cannot_be_is_refused(template: str, words: str) -> None:
    """A template with unknown names, or none at all, is refused before the first board."""
    with pytest.raises(BadInput, match=words):
        PowerSwitch(template)


def test_a_power_command_that_fails_is_told(tmp_path: Path) -> None:
    """A command that is not there, or ends with an error, is told."""
    with pytest.raises(StorageFailed, match="cannot be run"):
        PowerSwitch(str(tmp_path / "nothing")).cycle("1", "", "")
    with pytest.raises(StorageFailed, match="ended with 3"):
        PowerSwitch(script(tmp_path, "raise SystemExit(3)")).cycle("1", "", "")


def test_no_two_boxes_of_virtual_boards_share_a_mac(tmp_path: Path) -> None:
    """Stations that share a ledger have boards of their own, which stay what they are."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    first = VirtualBoardPool(here, 2).mac_prefix
    assert VirtualBoardPool(here, 2).mac_prefix == first
    assert VirtualBoardPool(there, 2).mac_prefix != first
    assert normal_mac(f"{first}:00:01") == f"{first}:00:01"
    check_mac(f"{first}:00:01")


def test_an_empty_box_of_virtual_readers_is_named(tmp_path: Path) -> None:
    """Units that want a reader where all were made end with 60, not with nothing made and 0."""
    with VirtualPlant(tmp_path / "box", 2) as plant:
        plant.check_left(1)
        for number in (1, 2):
            plant.box.done(number)
    with VirtualPlant(tmp_path / "box", 2) as plant:
        plant.check_left(0)
        with pytest.raises(
            BadInput, match=r"No blank virtual reader is left in .*box, and 3 units"
        ):
            plant.check_left(3)
