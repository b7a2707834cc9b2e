"""Devices as their partitions tell of them: identities, records, and where they stand."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from startline.record.copies import Record, pack

from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.formats.factory_partition import (
    ClaimSettings,
    DeviceSettings,
    OptionSettings,
    make_factory_image,
)
from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.formats.units import Unit
from startline_host.secrets import Secret

MAC = "24:6f:28:00:00:01"
URL = "http://localhost:8080/v0"
OTHER_MAC = "24:6f:28:00:00:02"
BLANK_NVS, BLANK_BIND, NO_FCTRY = b"\xff" * 0x6000, b"\xff" * 0x2000, b"\xff" * 0x4000


def fctry(serial: str = "S1") -> bytes:
    """Return the identity of a unit."""
    settings = DeviceSettings(
        claim=ClaimSettings(cloud="rufus", base_url=URL, key=Secret("ror-1")),
        set=OptionSettings(insecure_http=True),
    )
    return make_factory_image(Unit(serial=serial, model="X1", made_at=1_790_000_000), settings)


def record(state: str, **changed: Any) -> bytes:
    """Return a record of that very unit in a state."""
    one = Record()
    one.state, one.generation = state, 1
    one.place = hashlib.sha256(URL.encode()).digest()[:8]
    one.mac, one.key, one.attempt = bytes.fromhex(MAC.replace(":", "")), b"\1" * 4, b"\2" * 4
    one.cloud, one.serial = "rufus", "S1"
    one.token = "A" * 64 if state == "bound" else ""
    for name, value in changed.items():
        setattr(one, name, value)
    return bytes(pack(one))


def in_nvs(raw: bytes) -> bytes:
    """Return an `nvs` with that blob in the record's place."""
    return make_nvs_image([NvsEntry("startline", "record", "blob", raw)], 0x6000)


def in_bind(raw: bytes) -> bytes:
    """Return a `bind` with those bytes in its first slot."""
    return raw.ljust(0x2000, b"\xff")


def device(nvs: bytes = b"", bind: bytes | None = b"", **changed: Any) -> DeviceSnapshot:
    """Return a device with these copies of its record."""
    snapshot = DeviceSnapshot(
        mac=MAC,
        nvs=in_nvs(nvs) if nvs else BLANK_NVS,
        bind=in_bind(bind) if bind else (BLANK_BIND if bind is not None else None),
        fctry=fctry(),
    )
    return msgspec.structs.replace(snapshot, **changed)
