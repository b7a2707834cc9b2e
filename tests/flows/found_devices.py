"""Devices as a load finds them, at their prompt or in their boot loader, and what is asked of them."""

from __future__ import annotations

import hashlib
import zlib
from functools import cache
from typing import Any

import msgspec

from startline_host.boards import load_board
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.found_device import FoundDevice, PromptFiles
from startline_host.flows.load_request import LoadRequest
from startline_host.formats.factory_partition import ClaimSettings, DeviceSettings, OptionSettings
from startline_host.formats.firmware_file import split_firmware
from startline_host.formats.flash_plan import device_table
from startline_host.formats.synthetic_firmware import synthetic_firmware
from startline_host.formats.units import Unit
from startline_host.secrets import Secret
from tests.flows.snapshots import (
    BLANK_NVS,
    MAC,
    NO_FCTRY,
    URL,
    device,
    record,
)

BOARD = load_board("ESP32_GENERIC")
#: A build without a journal of passings, and the full one.
NO_RACE = msgspec.structs.replace(BOARD, race_size=0)
FILES = {"/boot.py": b"# agent\n", "/main.py": b"import startline\nstartline.main()\n"}
FILES |= {"/lib/startline/a.mpy": b"M\x06\x00\x1fnew", "/lib/startline/b.mpy": b"M\x06\x00\x1fb"}
TODAY = 1_800_000_000
BLANK = device(fctry=NO_FCTRY)
BOUND = device(record("bound"), record("bound"))
UNKNOWN = device(record("unknown"), record("unknown"))
LOST = device(record("bound"), record("bound"), fctry=NO_FCTRY)
STOCK = DeviceSnapshot(mac=MAC, nvs=BLANK_NVS, bind=None, fctry=None)
MINE = b"print('mine')\n"


@cache
def bundle() -> FirmwareBundle:
    """Return a board's firmware with an agent of a few bytes."""
    image = synthetic_firmware(BOARD, version="1.26.0")
    firmware = split_firmware(image, BOARD)
    return FirmwareBundle(BOARD, firmware, device_table(BOARD, firmware), FILES, {})


def newer(snapshot: DeviceSnapshot) -> DeviceSnapshot:
    """Return the device with a record of a later agent's schema in both copies."""
    raw = bytearray(record("bound"))
    raw[4] = 2
    raw[-4:] = zlib.crc32(raw[:-4]).to_bytes(4, "little")
    later = device(bytes(raw), bytes(raw))
    return msgspec.structs.replace(snapshot, nvs=later.nvs, bind=later.bind)


def provision(serial: str = "S1", mac: str = "", url: str = URL) -> Provision:
    """Return a unit's identity."""
    claim = ClaimSettings(cloud="rufus", base_url=url, key=Secret("ror-1"))
    settings = DeviceSettings(claim=claim, set=OptionSettings(insecure_http=True))
    return Provision(Unit(serial=serial, model="X1", mac=mac), settings)


def request(*verbs: str, **changed: Any) -> LoadRequest:
    """Ask for a load: `flash` has the bundle, `provision` the identity, both together are `up`."""
    parts: dict[str, Any] = {"board": BOARD, "today": TODAY}
    if "flash" in verbs:
        parts["bundle"] = bundle()
    if "provision" in verbs:
        parts["provision"] = provision()
    return LoadRequest(**(parts | changed))


UP = request("flash", "provision")
FLASH_ONLY = request("flash")
IDENTITY = request("provision")


def told(files: dict[str, bytes], **changed: Any) -> PromptFiles:
    """Return what a device with these files tells of them."""
    digests = {
        path: hashlib.sha256(files[path]).hexdigest() if path in files else None
        for path in {**FILES, **files}
    }
    starters: dict[str, bytes | None] = {
        path: files[path]
        for path in ("/boot.py", "/main.py")
        if path in files and files[path] != FILES[path]
    }
    library = tuple(path for path in files if path.startswith("/lib/"))
    root = tuple(path[1:] for path in files if path.count("/") == 1)
    found = PromptFiles(digests=digests, root=root, library=library, starters=starters)
    return msgspec.structs.replace(found, **changed)


def prompt(
    kept: DeviceSnapshot, files: dict[str, bytes] | None = FILES, **changed: Any
) -> FoundDevice:
    """Return a device whose prompt answers, with our table and firmware."""
    found = FoundDevice(
        via="prompt", chip="ESP32", mac=kept.mac, release=(1, 26, 0), table=bundle().table,
        kept=kept, files=None if files is None else told(files),
    )  # fmt: skip
    return msgspec.structs.replace(found, **changed)


def loader(kept: DeviceSnapshot, **changed: Any) -> FoundDevice:
    """Return a device in its boot loader, with our table and a blank file system."""
    found = FoundDevice(
        via="boot loader", chip="ESP32", mac=kept.mac, flash_size=4 << 20, table=bundle().table,
        kept=kept, file_system="blank", owned={},
    )  # fmt: skip
    return msgspec.structs.replace(found, **changed)
