"""What the host sees in the cloud's list of one device, and whether it may say that it is absent."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
from startline.net.clock import MADE_AT
from startline.net.device_list import OTHER, SAME, first_request
from startline.settings import LOOK_PAUSE, clamp

from startline_host.clouds.device_entries import (
    CloudEntry,
    compare_serial,
    same_serial,
)
from startline_host.flows.operator.cloud_target import CloudTarget
from startline_host.flows.operator.device_session import DeviceSession
from startline_host.secrets import Secret
from startline_host.util import printable

#: Reads a cloud's list: base URL, CAs, key.
List = Callable[..., list[CloudEntry]]

#: Seconds that an exchange of the agent's may take: a device that is stopped has none longer.
_EXCHANGE = 30
#: 2026-01-01: a device's clock before it was never set.
_BUILT = 1_767_225_600
_CLOCK = (
    "__import__('time').time() + (946684800 if __import__('time').gmtime(0)[0] == 2000 else 0)"
)

#: More entries of one device tell it nothing new, and it has little memory.
_MOST = 12


class KnownUnits(msgspec.Struct, frozen=True):
    """Units that the company is known to have: a key that lists one of them is the company's."""

    serials: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()


class LookupTarget(msgspec.Struct, frozen=True):
    """The device that is looked for: serial, attempt ids (hex), and its key's fingerprint.

    `due` is when its request ends; None where no copy of the record can tell. Its first request
    was made after `first`, in Unix seconds. `token` is what it holds, if it is bound.
    """

    serial: str
    attempts: tuple[str, ...]
    keys: tuple[str, ...]
    due: int | None
    first: int = 0
    token: str = ""


class LookupResult(msgspec.Struct, frozen=True):
    """What one look saw: how many devices, those that may be this one, and whose list it is."""

    listed: int
    entries: tuple[CloudEntry, ...]
    proven: bool


def lookup_target(device: DeviceSession) -> LookupTarget:
    """Return what to look for, by both copies of the device's record."""
    view = device.snapshot.record()
    copies = [copy for copy in (view.nvs, view.bind) if copy.found == "record"]
    made_at = device.stored.get("factory", "made_at")
    due = [copy.due for copy in copies]
    return LookupTarget(
        serial=device.serial,
        attempts=tuple({copy.attempt for copy in copies if copy.attempt}),
        keys=tuple({copy.key_fingerprint for copy in copies if copy.key_fingerprint}),
        due=max(due, default=None),
        first=first_request(
            int(made_at) if made_at.isdigit() else MADE_AT[1], min(due, default=MADE_AT[1])
        ),
        token=device.snapshot.summary().token,
    )


def look_once(
    read: List, cloud_target: CloudTarget, key: Secret, target: LookupTarget, known: KnownUnits
) -> LookupResult:
    """Read the whole list once. Raises what `list_devices` does."""
    listed = read(cloud_target.base_url, cloud_target.ca, key, whole=True)
    proven = key.fingerprint() in target.keys or any(
        any(entry.has_token(token) for token in known.tokens)
        or any(same_serial(entry.serial_number, serial) for serial in known.serials)
        for entry in listed
    )
    return LookupResult(len(listed), tuple(e for e in listed if concerns(e, target)), proven)


def concerns(entry: CloudEntry, target: LookupTarget) -> bool:
    """Tell whether an entry may be this device's: by mark, token or serial number."""
    return (
        is_marked(entry, target)
        or (bool(target.token) and entry.has_token(target.token))
        or _compared(entry, target) != OTHER
    )


def is_marked(entry: CloudEntry, target: LookupTarget) -> bool:
    """Tell whether an entry was made by a request of this device's record."""
    return any(f"sl.{attempt}" in entry.marks for attempt in target.attempts)


def is_unclear(entry: CloudEntry, target: LookupTarget) -> bool:
    """Tell whether an entry may be this device's, and only because it cannot be compared."""
    return not is_marked(entry, target) and _compared(entry, target) != SAME


def _compared(entry: CloudEntry, target: LookupTarget) -> str:
    """Return what the entry is to the device: without a mark to go by, others' tell nothing."""
    by_mark = bool(target.attempts)
    return compare_serial(entry, target.serial, first=target.first, by_mark=by_mark)


def as_argument(entries: Sequence[CloudEntry], target: LookupTarget) -> str:
    """Return the entries as the device takes them: a Python list of (token, mark, serial)."""
    telling = sorted(
        entries, key=lambda entry: (not is_marked(entry, target), is_unclear(entry, target))
    )
    return repr([entry.compared[:3] for entry in telling[:_MOST]])


def pause_before_second(device: DeviceSession, target: LookupTarget) -> int:
    """Return the seconds until a second look may count, from the first one's end."""
    due = _EXCHANGE
    if target.due is not None:
        clock = device.repl.value(_CLOCK)
        now = clock if isinstance(clock, int) and clock >= _BUILT else int(time.time())
        due = min(max(target.due - now + 1, 0), _EXCHANGE)
    pause = device.setting("set", "look_pause", LOOK_PAUSE[1])
    return max(clamp(pause, LOOK_PAUSE), due)


def describe(entry: CloudEntry) -> str:
    """Say an entry in one line, its deviceid in full: an operator may have to name it."""
    parts = [
        f"deviceid {entry.deviceid or 'none'}",
        f"serial {entry.serial_number or 'none'}",
        entry.model and f"model {entry.model}",
        entry.alias and f"alias {entry.alias}",
        entry.firmware and f"firmware {entry.firmware}",
        entry.creation_date and f"since {entry.creation_date}",
    ]
    return printable(", ".join(filter(None, parts)))
