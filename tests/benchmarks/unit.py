"""What devices are loaded with here: the agent with a firmware, and a unit's identity."""

from __future__ import annotations

import hashlib
from pathlib import Path

from startline_host.boards import load_board
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision, make_bundle
from startline_host.flows.firmware_store import ChosenFirmware, FirmwareStore
from startline_host.formats.factory_partition import (
    ClaimSettings,
    DeviceSettings,
    NetSettings,
    OptionSettings,
    TlsSettings,
)
from startline_host.formats.firmware_file import split_firmware
from startline_host.formats.synthetic_firmware import synthetic_firmware
from startline_host.formats.units import Unit
from startline_host.mock_cloud import MockCloud
from startline_host.secrets import Secret

BOARD = "VIRTUAL_ESP32"
SSID, PASSWORD = "bench", "bench-wifi"
#: The air of the virtual chip: one access point, or none.
AIR = {"access_points": {SSID: {"password": PASSWORD}}}
SILENCE: dict[str, dict[str, str]] = {"access_points": {}}
MADE_AT = 1_790_000_000

#: The official image of the ESP32 has 1,734,240 bytes from 0x1000 and deflates to two thirds.
_OFFICIAL_APP = 1_734_240 - 0xF000
_PLAIN_OF_THREE = 2


def small_kit(work: Path) -> FirmwareBundle:
    """Return the agent with the virtual board's own small firmware."""
    board = load_board(BOARD)
    return make_bundle(board, FirmwareStore(work / "firmware").obtain(board))


def official_sized_kit(work: Path) -> FirmwareBundle:
    """Return the agent with a firmware as long as the official one, that deflates as well."""
    board = load_board(BOARD)
    image = synthetic_firmware(board, version="1.29.0", app_size=_OFFICIAL_APP, filler=_code)
    return make_bundle(board, ChosenFirmware("", "built in", split_firmware(image, board)))


def provision(serial: str, cloud: MockCloud | None = None, *, boot_limit: int = 6) -> Provision:
    """Return a unit for the cloud, or for one that is nowhere."""
    url, key, roots = "https://localhost:1/v0", "ror-ae4fc6c19681a20fad30", (b"\x30\x82" * 300,)
    if cloud is not None:
        url, key, roots = cloud.base_url, cloud.keys["WRITE"], (cloud.ca_der,)
    settings = DeviceSettings(
        claim=ClaimSettings(cloud="rufus", base_url=url, key=Secret(key)),
        net=NetSettings(ssid=SSID, password=Secret(PASSWORD)),
        tls=TlsSettings(ca=roots),
        set=OptionSettings(boot_limit=boot_limit),
    )
    return Provision(Unit(serial=serial, model="Model X1", made_at=MADE_AT), settings)


def _code(label: str, size: int) -> bytes:
    """Return bytes of which two of three do not deflate, as is so of machine code."""
    blocks = []
    for number in range(-(-size // 96)):
        digest = hashlib.sha512(f"{label} {number}".encode()).digest()
        blocks.append(digest + digest[: 32 * (3 - _PLAIN_OF_THREE)])
    return b"".join(blocks)[:size]
