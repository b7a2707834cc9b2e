"""The cloud's list held against the ledger: what is missing, doubled, orphaned, or a stranger."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

import msgspec

from startline_host.factory.entries import Entry, Place, fold, short
from startline_host.factory.schema import DEFERRED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from startline_host.factory.ledger import Ledger

#: What a finding can be, in words. Strangers, units bound since and open outcomes that the ledger
#: knows to be open do not make the two disagree.
KINDS = {
    "missing": "passed here, but the cloud does not have it",
    "swapped": "the cloud has this deviceid under another serial number",
    "double": "the cloud has more than one entry for this serial number",
    "orphan": "the cloud has an entry that the ledger knows nothing of",
    "open": "its outcome is not known yet, and the cloud has it: reconcile the board",
    "since": "left unbound, and has bound since",
    "stranger": "the cloud has a device that is not in the ledger",
}
_PEACEFUL = ("open", "since", "stranger")


class Listed(Protocol):
    """What the cloud's list says of one device."""

    @property
    def deviceid(self) -> str:
        """Its token."""

    @property
    def serial_number(self) -> str:
        """Its serial number."""


class Finding(msgspec.Struct, frozen=True):
    """One thing to look at: its kind out of `KINDS`, the serial number, and the token."""

    kind: str
    serial: str
    token: str = ""

    @property
    def words(self) -> str:
        """The finding as a sentence, its token shortened."""
        token = f" ({short(self.token)})" if self.token else ""
        return f"{self.serial}{token}: {KINDS[self.kind]}"


class Verdict(msgspec.Struct, frozen=True):
    """What came of it: findings, entries in the cloud, and units that both sides have alike."""

    findings: tuple[Finding, ...]
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
        found = [f"{count} {kind}" for kind, count in counts.items() if count]
        return f"{self.alike} alike" + (f", {', '.join(found)}" if found else "")


def compare(
    units: Iterable[Entry], listed: Sequence[Listed], others: Iterable[Entry] = ()
) -> Verdict:
    """Hold the cloud's whole list against units of the ledger; `others` of its are no strangers."""
    by_serial: dict[str, list[Listed]] = defaultdict(list)
    for device in listed:
        by_serial[fold(device.serial_number)].append(device)
    by_token = {device.deviceid: device for device in listed}
    findings: list[Finding] = []
    alike = 0
    for unit in units:
        own = by_serial.pop(fold(unit.serial), [])
        found = _of_unit(unit, own, by_token)
        alike += unit.token in {device.deviceid for device in own} and not found
        findings += found
    # A token that hangs on another serial number was told at its own unit already.
    told = {one.token for one in findings}
    for unit in others:
        by_serial.pop(fold(unit.serial), None)
    findings += [
        Finding("stranger", device.serial_number, device.deviceid)
        for devices in by_serial.values()
        for device in devices
        if device.deviceid not in told
    ]
    return Verdict(tuple(findings), len(listed), alike)


def record_verdict(ledger: Ledger, verdict: Verdict, place: Place, batch: str = "") -> None:
    """Keep a verdict in the ledger's history, for its report; adopt the units bound since.

    `batch` names the one that it is about, "" all of them.
    """
    units = {fold(unit.serial): unit for unit in ledger.entries()}
    words = f"batch {batch}: {verdict.words}" if batch else verdict.words
    reason = "agree" if verdict.agrees else "differ"
    ledger.note(place, "verify", batch=batch, reason=reason, words=words)
    for one in verdict.findings:
        unit = units.get(fold(one.serial))
        if one.kind == "since" and unit is not None:
            ledger.adopt(unit, one.token, place)
        elif unit is not None:
            ledger.note(place, "finding", unit=unit, reason=one.kind, words=one.words)
        elif one.kind != "stranger":
            ledger.note(place, "finding", serial=one.serial, reason=one.kind, words=one.words)


def _of_unit(unit: Entry, own: Sequence[Listed], by_token: dict[str, Listed]) -> list[Finding]:
    findings: list[Finding] = []
    others = [device.deviceid for device in own if device.deviceid != unit.token]
    if unit.token and len(own) == len(others):
        kind = "swapped" if unit.token in by_token else "missing"
        findings.append(Finding(kind, unit.serial, unit.token))
    if len(own) > 1:
        return [*findings, *(Finding("double", unit.serial, token) for token in others)]
    kind = "orphan"
    if not unit.token:
        kind = "since" if unit.state == DEFERRED else "open" if unit.sent else "orphan"
    return [*findings, *(Finding(kind, unit.serial, token) for token in others)]
