"""What came of reconciling: how the device stands, and what else the cloud has of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from startline_host.clouds.cloud_registry import kind_of
from startline_host.clouds.device_entries import CloudEntry
from startline_host.device.event_text import printable_field
from startline_host.errors import CloudDisagrees, OutcomeUnknown
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.flows.next_steps import next_of_unknown
from startline_host.flows.notices import Listener, Remark
from startline_host.flows.operator.device_session import DeviceSession
from startline_host.flows.operator.lookup import (
    LookupResult,
    LookupTarget,
    describe,
    is_marked,
    is_unclear,
)
from startline_host.util import printable

#: Of a record that says nothing, the serial number is all that there is to look for.
DAMAGED = "record_damaged"
#: Reasons that no look can settle, in words.
HELD = {
    "foreign_record": "Its record is another device's or another cloud's",
    "copies_differ": "The two copies of its record contradict each other",
    "newer_record": "Its record was written by a newer agent",
}


class ReconcileFinding(msgspec.Struct, frozen=True):
    """An entry that is not the device's alone.

    It is an orphan, a double, a stranger, unproven, shared, or unclear: it cannot be compared.
    """

    kind: str
    entry: CloudEntry

    @property
    def words(self) -> str:
        """The finding in one line."""
        number = f"entry {self.entry.number}, " if self.kind == "unclear" else ""
        return f"{self.kind.capitalize()}: {number}{describe(self.entry)}"


class ReconcileResult(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands now: the state that the device took, and what else the cloud has of it."""

    state: str
    reason: str
    serial: str
    token: str
    listed: int = 0
    findings: tuple[ReconcileFinding, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        found = [
            {"kind": one.kind, "deviceid": one.entry.deviceid, "serial": one.entry.serial_number}
            for one in self.findings
        ]
        return {
            "state": self.state,
            "reason": self.reason,
            "serial": self.serial,
            "deviceid": self.token,
            "listed": self.listed,
            "findings": found,
        }


def without_list(device: DeviceSession, listen: Listener) -> ReconcileResult:
    """Say how a device of a cloud without a list stands. Raises OutcomeUnknown."""
    serial, view = device.serial, device.snapshot.record()
    if view.state == "unknown":
        look = kind_of(device.cloud).retry_settles if view.reason not in {*HELD, DAMAGED} else ""
        raise OutcomeUnknown(
            f"It is not known whether {printable(serial)} is bound "
            f"({printable_field(view.reason)}), and its cloud has no list to check. The device stays "
            "unknown.",
            next_of_unknown(
                view.reason,
                f"{look}If the cloud's own page shows this device: startline reconcile --token ID, "
                "with the id shown there.",
            ),
        )
    listen(Remark("There is nothing to settle, and its cloud has no list to compare with."))
    token = device.snapshot.summary().token if view.state == "bound" else ""
    return ReconcileResult(state=view.state, reason=view.reason, serial=serial, token=token)


def find_conflicts(
    entries: Sequence[CloudEntry], target: LookupTarget, after: FirstBootOutcome
) -> tuple[ReconcileFinding, ...]:
    """Name what the cloud has under this serial number or mark beside the device's own entry."""
    found = []
    for entry in entries:
        if after.token and entry.has_token(after.token):
            # A cloud that binds twice under one deviceid shows the mark of who came last.
            if target.attempts and entry.marks and not is_marked(entry, target):
                found.append(ReconcileFinding("shared", entry))
            continue
        if is_unclear(entry, target):
            kind = "unclear"
        elif after.state == "bound":
            kind = "orphan"
        elif after.reason == DAMAGED:
            kind = "unproven"
        else:
            kind = "double" if is_marked(entry, target) else "stranger"
        found.append(ReconcileFinding(kind, entry))
    return tuple(found)


def check_result(done: ReconcileResult, result: LookupResult) -> None:
    """Raise what the command has to end with, if the cloud and the device do not agree."""
    if done.state == "unknown" and done.findings and done.reason not in HELD:
        count = len(done.findings)
        raise CloudDisagrees(
            f"The cloud has {count} {'entry' if count == 1 else 'entries'} that may be this "
            f"device, and which one is its own cannot be proven ({printable_field(done.reason)}). It stays unknown.",
            "If you know which: startline reconcile --adopt DEVICEID.",
        )
    if done.state == "unknown":
        why = HELD.get(done.reason, printable_field(done.reason))
        raise OutcomeUnknown(
            f"{why}: the cloud's list cannot settle that. The device stays unknown.",
            next_of_unknown(
                done.reason,
                "With an entry that is its own: startline reconcile --adopt DEVICEID. To forget the "
                "record: startline reset.",
            ),
        )
    if done.state == "bound":
        if not any(entry.has_token(done.token) for entry in result.entries):
            raise CloudDisagrees(
                "The device is bound, but the cloud's list does not have its deviceid.",
                "Is the READ key of the same company? If so: startline unbind, then bind it anew.",
            )
        if any(one.kind == "shared" for one in done.findings):
            raise CloudDisagrees(
                "The device is bound, but a later request was answered with the same deviceid: "
                "another reader has its serial number.",
                "Find the other reader and clear its record: startline reset.",
            )
        more = [one for one in done.findings if one.kind != "unclear"]
        if more:
            raise CloudDisagrees(
                f"The device is bound, and the cloud has {len(more)} more "
                f"{'entry' if len(more) == 1 else 'entries'} with its serial number.",
                "They were left as they are; remove leftovers on the cloud's own page.",
            )
