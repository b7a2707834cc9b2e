"""The example reader, on a virtual chip with a UHF module's stand-in on its UART 1."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from startline_host.bench.scenarios.base_flash import VIRTUAL_BOARD, make_base
from startline_host.bench.scenarios.model import ReaderSettings
from startline_host.bench.scenarios.provisioning import Provisioner
from startline_host.bench.scenarios.transcript import Transcript
from startline_host.bench.scenarios.virtual_rig import VirtualRig
from startline_host.bench.station import BenchDevice, BenchStation
from startline_host.boards import load_board
from startline_host.flows.mock_link import CloudLink
from startline_host.flows.usb_link import UsbLinkServer
from startline_host.formats.bytecode import owner_files
from startline_host.mock_cloud import MockCloud
from startline_host.virtual.time_server import TimeServer
from startline_host.virtual.uhf_module import UhfModule, frame, split, tag_frame

pytestmark = pytest.mark.startline(
    app="../../examples/reader_app", given={"run_key": "same", "dead_time": 1500}
)
APP = Path(__file__).parents[2] / "examples" / "reader_app"
EPC = "E2801160600002054C3A{:04X}"
BUTTON, PRESSED, RELEASED = "0", 0, 1
SECONDS = 40.0


@pytest.fixture
def time_server() -> Iterator[TimeServer]:
    """Run a time server for the reader."""
    with TimeServer() as server:
        yield server


@pytest.fixture
def reader(startline_device: BenchDevice, time_server: TimeServer) -> BenchDevice:
    """Give a reader that knows where the time is, bound and at its app."""
    startline_device.provision(race_servers=(time_server.server,))
    startline_device.boot()
    return startline_device


def press(station: BenchStation, device: BenchDevice, seconds: float = 0.3) -> None:
    """Press the start button for so long."""
    station.set_world(pins={BUTTON: PRESSED})
    device.reader.settle(seconds)
    station.set_world(pins={BUTTON: RELEASED})


def race_is(device: BenchDevice, **fields: object) -> None:
    """Wait until the reader's last word of its race has these fields."""

    def holds(_: object) -> bool:
        told = [event for event in device.reader.cycle.events if event.name == "race"]
        return bool(told) and all(told[-1].fields.get(k) == v for k, v in fields.items())

    device.reader.follow(holds, SECONDS, f"at {fields}")


def passings_of(cloud: MockCloud) -> list[dict[str, object]]:
    """Return the passings of the newest session."""
    headers = {"api_key": cloud.keys["READ"]}
    context = ssl.create_default_context(cadata=cloud.ca_pem.decode())
    with httpx.Client(base_url=cloud.base_url, headers=headers, verify=context) as client:
        deviceid = cloud.devices()[0]["deviceid"]
        session = client.get(f"/sessions/device/{deviceid}").json()["result"][-1]
        found = client.get(f"/passings/session/{session['token_session']}").json()["result"]
    return list(found)


def test_a_frame_is_what_the_module_s_document_shows() -> None:
    """Start, stop and a tag are the bytes that the module's own document has."""
    assert frame(0, 0x27, b"\x22\xff\xff") == bytes.fromhex("BB00270003 22FFFF 4A7E")
    assert frame(0, 0x28, b"") == bytes.fromhex("BB00280000287E")
    assert tag_frame(bytes.fromhex("E2801160600002054C3A1B2C"), -55).startswith(
        bytes.fromhex("BB02220011C93000E2801160600002054C3A1B2C")
    )
    frames, rest = split(b"\x00" + frame(1, 0x28, b"\x00") + b"\xbb\x02")
    assert frames == [(0x28, b"\x00")]
    assert rest == b"\xbb\x02"


def test_a_race_with_the_button(
    reader: BenchDevice, startline_station: BenchStation, startline_cloud: MockCloud
) -> None:
    """A press opens a session, tags reach the cloud once, and holding the button closes it.

    Noise on the UART and repeats within the dead time make no passing.
    """
    with UhfModule(reader.uart_url) as module:
        assert module.wait_until_started(10)
        module.see(EPC.format(0xFFFF))  # before the start nobody times
        race_is(reader, clock="ntp")
        press(startline_station, reader)
        race_is(reader, sending="open")
        for number in range(20):
            module.see(EPC.format(number))
            module.say(b"\xbb\x00\xff")
            module.see(EPC.format(number), -40)
        race_is(reader, stored=20, waiting=0)
        press(startline_station, reader, 2.5)
        race_is(reader, sending="closed")
    found = passings_of(startline_cloud)
    assert [one["chip"] for one in found] == [EPC.format(number) for number in range(20)]
    when = datetime.fromisoformat(str(found[0]["timestamp"])).timestamp()
    assert abs(when - time.time()) < SECONDS


def test_power_and_link_go(
    reader: BenchDevice, startline_station: BenchStation, startline_cloud: MockCloud
) -> None:
    """What was timed without Wi-Fi and before a power cut is at the cloud in the end, once."""
    with UhfModule(reader.uart_url) as module:
        assert module.wait_until_started(10)
        press(startline_station, reader)
        race_is(reader, sending="open")
        startline_station.set_world(access_points={}, link_fault="down")
        for number in range(10):
            module.see(EPC.format(number))
        race_is(reader, stored=10)
        reader.boot()
        module.power_cycle()
        assert module.wait_until_started(10)
        for number in range(10, 15):
            module.see(EPC.format(number))
        race_is(reader, stored=15)
        startline_station.set_world()
        race_is(reader, sent=15, waiting=0)
    assert [one["num_passing"] for one in passings_of(startline_cloud)] == list(range(1, 16))


def test_over_the_cable(tmp_path: Path) -> None:
    """With link = "usb" time, session and passings go through the console's frames."""
    base = make_base(load_board(VIRTUAL_BOARD), own=owner_files(APP))
    transcript = Transcript([])
    with (
        MockCloud() as cloud,
        VirtualRig(
            base, tmp_path, transcript, link=lambda port: UsbLinkServer(port, cloud.base_url)
        ) as rig,
    ):
        provisioner = Provisioner(cloud, "WRITE", "rufus", CloudLink(kind="usb"))
        given = ReaderSettings(run_key="same", boot_limit=30)
        station = BenchStation(rig, cloud, provisioner, transcript, given)
        reader = station.device()
        reader.boot()
        with UhfModule(reader.uart_url) as module:
            assert module.wait_until_started(10)
            race_is(reader, clock="usb")
            press(station, reader)
            race_is(reader, sending="open")
            for number in range(10):
                module.see(EPC.format(number))
            race_is(reader, sent=10, waiting=0)
        found = passings_of(cloud)
    assert [one["chip"] for one in found] == [EPC.format(number) for number in range(10)]
    when = datetime.fromisoformat(str(found[0]["timestamp"])).timestamp()
    assert abs(when - time.time()) < SECONDS
