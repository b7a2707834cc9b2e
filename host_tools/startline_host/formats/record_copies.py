"""Both copies of a device's record, read from flash and judged by the agent's own rules."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from startline.record import later, read_nvs, rules
from startline.record.copies import Record
from startline.record.traces import remains

if TYPE_CHECKING:
    from startline_host.formats.flash_dump import DumpPart
    from startline_host.formats.stored_settings import StoredSettings


class RecordCopy(msgspec.Struct, frozen=True, omit_defaults=True):
    """One copy: `found` is "record", "blank", "damaged", "newer" or "absent" (no such place)."""

    found: str
    state: str = ""
    generation: int = 0
    cloud: str = ""
    serial: str = ""
    token: str = ""
    mac: str = ""
    attempt: str = ""
    key_fingerprint: str = ""
    status: int = 0
    reason: str = ""
    looks: int = 0
    looked: int = 0
    due: int = 0


class RecordView(msgspec.Struct, frozen=True):
    """The verdict on both copies: the state that the agent will come up in, and why.

    That is, once it knows who it is.
    """

    state: str
    reason: str
    nvs: RecordCopy
    bind: RecordCopy


class _RecordIdentity(msgspec.Struct, frozen=True):
    """As `startline.record.rules.resolve_copies` takes it."""

    serial: str
    cloud: str
    mac: bytes
    place: bytes


def read_record(
    nvs: DumpPart, bind: DumpPart | None, told: StoredSettings, mac: bytes | None
) -> RecordView:
    """Read both copies and judge them for the device that `told` describes.

    `mac` is the chip's, 6 bytes; a dump does not hold it. Without it, and for what the device was
    not told or what cannot be read of it, the record's own is taken for right.
    """
    first, second = rules.read_copies(read_nvs(nvs) or remains(nvs), nvs, bind)
    own = Record()
    for copy in (first, second):
        if isinstance(copy, Record) and (not own.mac or later(copy.generation, own.generation)):
            own = copy
    base_url = told.get("claim", "base_url").rstrip("/")
    identity = _RecordIdentity(
        serial=told.get("factory", "serial") or own.serial,
        cloud=told.get("claim", "cloud") or own.cloud,
        mac=mac or own.mac,
        place=hashlib.sha256(base_url.encode()).digest()[:8] if base_url else own.place,
    )
    state, reason, _record, _repair = rules.resolve_copies(first, second, identity)
    return RecordView(state, reason, _copy(first), _copy(second))


def _copy(copy: Record | str) -> RecordCopy:
    if isinstance(copy, str):
        return RecordCopy(copy)
    return RecordCopy(
        found="record",
        state=copy.state,
        generation=copy.generation,
        cloud=copy.cloud,
        serial=copy.serial,
        token=copy.token,
        mac=copy.mac.hex(":"),
        attempt=copy.attempt.hex() if any(copy.attempt) else "",
        key_fingerprint=copy.key.hex() if any(copy.key) else "",
        status=copy.status,
        reason=copy.reason,
        looks=copy.looks,
        looked=copy.looked,
        due=copy.due,
    )
