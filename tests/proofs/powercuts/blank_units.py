"""Blank units: the flash of a reader that left the factory and has never been switched on."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from itertools import product

import msgspec

from startline_host.clouds.cloud_registry import find_cloud
from startline_host.clouds.device_entries import agent_module
from startline_host.clouds.request_identity import RequestIdentity
from startline_host.formats.factory_partition import (
    SAME_KEY,
    DeviceSettings,
    NetSettings,
    RacingSettings,
    RunSettings,
    TlsSettings,
    make_entries,
)
from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.formats.partitions import (
    BIND_SIZE,
    FCTRY_SIZE,
    SECTOR,
    SUBTYPE_BIND,
    SUBTYPE_NVS,
    SUBTYPE_PHY,
    SUBTYPE_RACE,
    TABLE_OFFSET,
    TYPE_DATA,
    PartitionRow,
)
from startline_host.formats.units import Unit
from startline_host.secrets import Secret

#: The claim key of every unit: what must be found nowhere once the unit is bound.
CANARY = "ror-canary-5e1fca7d02b94c66a1f3"
#: What the application gets once bound, by what `run.key` says.
APP_KEYS = {"absent": "", "same": CANARY, "other": "ror-application-key"}
SERIAL = "UNIT-7"
#: Seconds between two looks of the units that have this set; the others have the default, 60 s.
LONG_PAUSE = 310
#: A pause that a host refuses to set, and a device has to take for a longer one.
BAD_PAUSE = 1
#: Serial numbers that a list may spell in another way: see `worlds`.
SPELT = ("40012", "Caf\u00e9-7", "\u00c4RA-7", "A&B-7")

TABLES = ("startline", "stock")
RUN_KEYS = ("absent", "same", "other")

_RUN = {"absent": None, "same": Secret(SAME_KEY), "other": Secret(APP_KEYS["other"])}
_SERVER = "https://localhost:8443"
_MADE_AT = 1_790_000_000
_NVS = PartitionRow("nvs", TYPE_DATA, SUBTYPE_NVS, 0x9000, 0x6000)
_PHY = PartitionRow("phy_init", TYPE_DATA, SUBTYPE_PHY, 0xF000, 0x1000)
# Where these two lie does not matter to the agent, and a small flash is quick to copy.
_BIND = PartitionRow("bind", TYPE_DATA, SUBTYPE_BIND, 0x10000, BIND_SIZE)
_FCTRY = PartitionRow("fctry", TYPE_DATA, SUBTYPE_NVS, 0x12000, FCTRY_SIZE)
_ROW = struct.Struct("<HBBII16sI")


def unit_name(
    cloud: str,
    table: str,
    run: str,
    *,
    look_pause: int = 0,
    serial: str = SERIAL,
    mark: bool = True,
) -> str:
    """Return what a unit is called in orders to the machine that runs lifetimes."""
    parts = [cloud, table, run]
    if look_pause:
        parts.append(str(look_pause))
    if serial != SERIAL:
        parts.append(serial.encode().hex())
    if not mark:
        parts.append("unmarked")
    return "-".join(parts)


def make_units(cloud: str) -> dict[str, bytes]:
    """Return the blank flash of every kind of unit by its name."""
    units = {
        unit_name(cloud, table, run): make_unit(cloud, table, run)
        for table, run in product(TABLES, RUN_KEYS)
    }
    for pause in (LONG_PAUSE, BAD_PAUSE):
        name = unit_name(cloud, "startline", "absent", look_pause=pause)
        units[name] = make_unit(cloud, "startline", "absent", {"look_pause": pause})
    for serial, mark in product((SERIAL, *SPELT), (True, False)):
        name = unit_name(cloud, "startline", "absent", serial=serial, mark=mark)
        options = {} if mark else {"mark": 0}
        units[name] = make_unit(cloud, "startline", "absent", options, serial)
    return units


def make_unit(
    cloud: str,
    table: str,
    run: str,
    options: Mapping[str, int] | None = None,
    serial: str = SERIAL,
) -> bytes:
    """Return the blank flash of one unit: partition table, and what the host tells a device.

    Nothing else of the flash is in it: the agent comes from the host's files here. `options` are
    set as they are, also those that no host would set.
    """
    unit = Unit(serial=serial, model="Model X1", made_at=_MADE_AT)
    entries = make_entries(unit, _settings(cloud, run))
    entries += [NvsEntry("set", key, "u16", value) for key, value in (options or {}).items()]
    if table == "startline":
        return with_factory_image(make_nvs_image(entries, FCTRY_SIZE))
    flash = _blank((_NVS, _PHY))
    _put(flash, _NVS.offset, make_nvs_image(map(_as_blob, entries), _NVS.size))
    return bytes(flash)


def make_racing_unit(sectors: int, racing: RacingSettings) -> bytes:
    """Return the blank flash of a unit with a journal of so many sectors, its key for both uses."""
    unit = Unit(serial=SERIAL, model="Model X1", made_at=_MADE_AT)
    settings = msgspec.structs.replace(_settings("rufus", "same"), race=racing)
    journal = PartitionRow("race", TYPE_DATA, SUBTYPE_RACE, _FCTRY.end, sectors * SECTOR)
    return with_factory_image(make_nvs_image(make_entries(unit, settings), FCTRY_SIZE), journal)


def with_factory_image(fctry: bytes, *more: PartitionRow) -> bytes:
    """Return the blank flash of a unit that was provisioned with that image."""
    flash = _blank((_NVS, _PHY, _BIND, _FCTRY, *more))
    _put(flash, _FCTRY.offset, fctry)
    return bytes(flash)


def _settings(cloud: str, run: str) -> DeviceSettings:
    played = find_cloud(cloud).played
    agent = agent_module(cloud)
    claim = played.claim(_SERVER, Secret(CANARY), SERIAL)
    if not claim.secrets:  # a cloud that wants no key may be behind an Authorization value
        claim = msgspec.structs.replace(claim, auth=Secret(CANARY))
    path = agent.request(RequestIdentity(claim, serial=SERIAL, mac=bytes(6)), "")[0]
    base_url = _SERVER + played.bind_path.removesuffix(path)
    claim = msgspec.structs.replace(claim, base_url=base_url)
    return DeviceSettings(
        claim=claim,
        net=NetSettings(ssid="bench", password=Secret("bench-wifi")),
        tls=TlsSettings(ca=(b"\x30\x82\x01\x80" + hashlib.sha512(b"a certificate").digest() * 6,)),
        run=RunSettings(key=_RUN[run]),
    )


def _blank(rows: tuple[PartitionRow, ...]) -> bytearray:
    flash = bytearray(b"\xff" * max(row.end for row in rows))
    _put(flash, TABLE_OFFSET, _table(rows))
    return flash


def _put(flash: bytearray, offset: int, data: bytes) -> None:
    flash[offset : offset + len(data)] = data


def _table(rows: tuple[PartitionRow, ...]) -> bytes:
    raw = b"".join(
        _ROW.pack(0x50AA, row.kind, row.subtype, row.offset, row.size, row.name.encode(), 0)
        for row in rows
    )
    return raw + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(raw, usedforsecurity=False).digest()


def _as_blob(entry: NvsEntry) -> NvsEntry:
    """Return an entry as a device with a stock table is told it: `esp32.NVS` sets blobs only."""
    value = entry.plain()
    raw = value if isinstance(value, bytes) else str(value).encode()
    return NvsEntry(entry.namespace, entry.key, "blob", raw)
