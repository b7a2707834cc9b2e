"""The cloud's list held against the ledger: what is missing, doubled, orphaned, or a stranger."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

import msgspec
from startline.net.device_list import OTHER, SerialNumber

from startline_host.clouds.device_entries import UNREADABLE, serial_key, token_key
from startline_host.factory.entries import LedgerUnit, StationSlot, fold_serial, short_token
from startline_host.factory.schema import DEFERRED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from startline_host.factory.ledger import Ledger

#: What a finding can be, in words. Strangers, unclear entries, units bound since and open outcomes
#: that the ledger knows to be open do not make the two disagree.
KINDS = {
    "missing": "passed here, but the cloud does not have it",
    "swapped": "the cloud has this deviceid under another serial number",
    "double": "the cloud has more than one entry for this serial number",
    "orphan": "the cloud has an entry that is not in the ledger",
    "open": "its outcome is not known yet, and the cloud has it: reconcile the board",
    "since": "left unbound, and has bound since",
    "stranger": "the cloud has a device that is not in the ledger",
    "unclear": "the cloud has a device whose serial number cannot be compared",
}
#: The same, as they are counted.
_SHORT = {
    "missing": "missing there",
    "swapped": "with another serial number",
    "double": "duplicate",
    "orphan": "without a unit",
    "open": "not settled yet",
    "since": "bound since",
    "stranger": "not in the ledger",
    "unclear": "not comparable",
}
_PEACEFUL = ("open", "since", "stranger", "unclear")


class ListedDevice(Protocol):
    """What the cloud's list says of one device."""

    @property
    def cloud(self) -> str:
        """The cloud's name, as in `claim.cloud`."""

    @property
    def deviceid(self) -> str:
        """Its token."""

    @property
    def serial_number(self) -> str:
        """Its serial number."""


class VerifyFinding(msgspec.Struct, frozen=True):
    """One thing to look at: its kind out of `KINDS`, the serial number, and the token."""

    kind: str
    serial: str
    token: str = ""

    @property
    def words(self) -> str:
        """The finding as a sentence, its token shortened."""
        token = f" ({short_token(self.token)})" if self.token else ""
        return f"{self.serial or 'No serial number'}{token}: {KINDS[self.kind]}"


class VerifyResult(msgspec.Struct, frozen=True):
    """What came of it: findings, entries in the cloud, and units that both sides have alike."""

    findings: tuple[VerifyFinding, ...]
    listed: int
    alike: int

    @property
    def agrees(self) -> bool:
        """Whether ledger and cloud tell the same story of every unit of the ledger's."""
        return all(one.kind in _PEACEFUL for one in self.findings)

    @property
    def words(self) -> str:
        """The verdict in one line."""
        counts = dict.fromkeys(KINDS, 0)
        for one in self.findings:
            counts[one.kind] += 1
        found = [f"{count} {_SHORT[kind]}" for kind, count in counts.items() if count]
        return ", ".join([f"{self.alike} as in the ledger", *found])


def compare_with_cloud(
    units: Iterable[LedgerUnit], listed: Sequence[ListedDevice], others: Iterable[LedgerUnit] = ()
) -> VerifyResult:
    """Hold the cloud's whole list against units of the ledger; `others` of its are no strangers."""
    rest = _UnclaimedEntries(listed)
    known = [(unit, rest.take_named(unit)) for unit in units]
    for unit in others:
        rest.take_named(unit)
    findings: list[VerifyFinding] = []
    alike = 0
    for unit, named in known:
        own = named or rest.take_alike(unit)
        found = _of_unit(unit, own, rest)
        alike += rest.holds(own, unit.token) and not found
        findings += found
    # A token that hangs on another serial number was told at its own unit already.
    told = {rest.key(one.token) for one in findings}
    for device in rest.left():
        if rest.key(device.deviceid) not in told:
            kind = "stranger" if is_clear(device) else "unclear"
            findings.append(VerifyFinding(kind, device.serial_number, device.deviceid))
    return VerifyResult(tuple(findings), len(listed), alike)


def is_clear(device: ListedDevice) -> bool:
    """Tell whether an entry has a serial number to compare."""
    return device.serial_number.strip() not in {"", UNREADABLE}


def may_be(device: ListedDevice, serial: str) -> bool:
    """Tell whether an entry may have that serial number."""
    return not is_clear(device) or SerialNumber(serial).compare(device.serial_number) != OTHER


class _UnclaimedEntries:
    """What of a cloud's list no unit has claimed yet."""

    def __init__(self, listed: Sequence[ListedDevice]) -> None:
        # One list is one cloud's; where there is none, no two tokens are compared.
        self._cloud = listed[0].cloud if listed else ""
        self.by_token = {self.key(device.deviceid): device for device in listed}
        self._by_serial: dict[str, list[ListedDevice]] = defaultdict(list)
        for device in listed:
            self._by_serial[fold_serial(device.serial_number)].append(device)
        self._by_key: dict[str, list[ListedDevice]] | None = None
        self._claimed: set[int] = set()

    def key(self, token: str) -> str:
        """Return what all writings of a token have in common."""
        return token_key(self._cloud, token) if self._cloud else token

    def holds(self, own: Sequence[ListedDevice], token: str) -> bool:
        """Tell whether one of these entries has that token."""
        return any(self.key(device.deviceid) == self.key(token) for device in own)

    def take_named(self, unit: LedgerUnit) -> list[ListedDevice]:
        """Claim the entries of the unit's very serial number."""
        return self._by_serial.pop(fold_serial(unit.serial), [])

    def take_alike(self, unit: LedgerUnit) -> list[ListedDevice]:
        """Claim what the cloud may have written otherwise; to be called once all is named.

        With the unit's own deviceid that is whatever may be its serial number.
        """
        if self._by_key is None:
            self._by_key = defaultdict(list)
            for device in self.left():
                self._by_key[serial_key(device.serial_number)].append(device)
        key = serial_key(unit.serial)
        found = [one for one in self._by_key.get(key, []) if key and id(one) not in self._claimed]
        held = self.by_token.get(self.key(unit.token)) if unit.token else None
        if held is not None and held not in found and may_be(held, unit.serial):
            found.append(held)
        self._claimed.update(map(id, found))
        return found

    def left(self) -> Iterator[ListedDevice]:
        """Return what is left."""
        for devices in self._by_serial.values():
            yield from (device for device in devices if id(device) not in self._claimed)


def record_verdict(
    ledger: Ledger, verdict: VerifyResult, place: StationSlot, batch: str = ""
) -> None:
    """Keep a verdict in the ledger's history, for its report; adopt the units bound since.

    `batch` names the one that it is about, "" all of them.
    """
    units = {fold_serial(unit.serial): unit for unit in ledger.entries()}
    words = f"batch {batch}: {verdict.words}" if batch else verdict.words
    reason = "agree" if verdict.agrees else "differ"
    ledger.note(place, "verify", batch=batch, reason=reason, words=words)
    for one in verdict.findings:
        unit = units.get(fold_serial(one.serial))
        if one.kind == "since" and unit is not None:
            ledger.adopt(unit, one.token, place)
        elif unit is not None:
            ledger.note(place, "finding", unit=unit, reason=one.kind, words=one.words)
        elif one.kind != "stranger":
            ledger.note(place, "finding", serial=one.serial, reason=one.kind, words=one.words)


def _of_unit(
    unit: LedgerUnit, own: Sequence[ListedDevice], rest: _UnclaimedEntries
) -> list[VerifyFinding]:
    findings: list[VerifyFinding] = []
    key = rest.key(unit.token)
    others = [device.deviceid for device in own if rest.key(device.deviceid) != key]
    if unit.token and len(own) == len(others):
        kind = "swapped" if key in rest.by_token else "missing"
        findings.append(VerifyFinding(kind, unit.serial, unit.token))
    if len(own) > 1:
        return [*findings, *(VerifyFinding("double", unit.serial, token) for token in others)]
    kind = "orphan"
    if not unit.token:
        kind = "since" if unit.state == DEFERRED else "open" if unit.sent else "orphan"
    return [*findings, *(VerifyFinding(kind, unit.serial, token) for token in others)]
