"""What a device is to be loaded with: who it is, on the board that it stands on."""

from __future__ import annotations

from startline_host.boards import load_board
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.load_request import LoadRequest
from startline_host.formats.factory_partition import ClaimSettings, DeviceSettings, OptionSettings
from startline_host.formats.units import Unit
from startline_host.secrets import Secret

BLANK = DeviceSnapshot(mac="24:6f:28:00:00:01", nvs=b"", bind=None, fctry=None)
PROVISION = Provision(
    Unit(serial="S1", model="X1"),
    DeviceSettings(
        claim=ClaimSettings(cloud="rufus", base_url="http://localhost:1/v0", key=Secret("ror-1")),
        set=OptionSettings(insecure_http=True),
    ),
)


def led_told(request: LoadRequest) -> int | bool | None:
    """Return the LED that a device of the order is told of."""
    provision = request.for_device(BLANK).provision
    assert provision is not None
    return provision.settings.set.led


def test_whoever_loads_a_device_tells_it_the_boards_led() -> None:
    """A given identity and one that is chosen for the device alike get what the board has."""
    board = load_board("ESP32_GENERIC")
    assert led_told(LoadRequest(board=board, provision=PROVISION)) == 2
    assert led_told(LoadRequest(board=board, choose=lambda _: PROVISION)) == 2
    assert led_told(LoadRequest(board=load_board("ESP32_GENERIC_C3"), provision=PROVISION)) is None


def test_an_order_for_the_agent_alone_tells_nothing() -> None:
    """Where no identity is given, none is made up for the LED's sake."""
    assert LoadRequest(board=load_board("ESP32_GENERIC")).for_device(BLANK).provision is None
