"""`startline reconcile`: settles `unknown` by what the cloud's list says; the device decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from host_tools.bench.cloud_check import Entry
from host_tools.bench.first_boot import Outcome
from host_tools.bench.notices import Listener, Remark, Step
from host_tools.bench.operator.looking import (
    Known,
    Sight,
    Subject,
    as_argument,
    describe,
    is_marked,
    look,
    pause_before_second,
    subject_of,
)
from host_tools.bench.operator.place import Place, check_place
from host_tools.bench.operator.question import Ask, Question
from host_tools.bench.operator.stopped import Stopped, stopped
from host_tools.bench.words import plain
from host_tools.device.line import Line
from host_tools.device.text import printable
from host_tools.device.wire import DeviceRaised
from host_tools.errors import BadInput, CloudDisagrees, OutcomeUnknown
from host_tools.secrets import Secret

#: What has to be typed by someone who vouches for the READ key.
SAME_COMPANY = "same company"

#: Reasons that no look can settle, and what does.
_HELD = {
    "foreign_record": "Its record is another device's or another cloud's",
    "record_damaged": "Its record is damaged",
    "copies_differ": "The two copies of its record contradict each other",
    "newer_record": "Its record was written by a newer agent",
}


class Finding(msgspec.Struct, frozen=True):
    """An entry that is not the device's own: "orphan", "double" or "stranger"."""

    kind: str
    entry: Entry

    @property
    def words(self) -> str:
        """The finding in one line."""
        return f"{self.kind.capitalize()}: {describe(self.entry)}"


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands now: the state that the device took, and what else the cloud has of it."""

    state: str
    reason: str
    serial: str
    token: str
    listed: int = 0
    findings: tuple[Finding, ...] = ()

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


def reconcile(
    line: Line,
    place: Place | None,
    key: Secret,
    ask: Ask,
    *,
    known_serials: tuple[str, ...] = (),
    tokens_of: Callable[[str], tuple[str, ...]] = lambda _serial: (),
    listen: Listener,
) -> Reconciled:
    """Bring the device what the cloud's list says of it, and return what came of it.

    Without an entry it becomes unbound only after two complete looks, and only if the key is
    proven to be the company's or `ask` is answered: it lists one of `known_serials`, or one of
    the tokens that `tokens_of` returns for the device's serial number. Nothing is changed at the
    cloud. Raises OutcomeUnknown and CloudDisagrees for a device that stays as it is.
    """
    with stopped(line, listen) as device:
        place = check_place(place, device.told)
        if device.told.get("claim", "cloud") != "rufus":
            raise BadInput(
                "The list of this cloud cannot be read.",
                "The device can ask by itself: startline retry. With the id that the cloud's own "
                "page shows: --adopt ID.",
            )
        anew = False
        subject = subject_of(device)
        view = device.kept.record()
        listen(Step("Looking into the cloud's list"))
        known = Known(known_serials, tokens_of(subject.serial))
        looks = partial(look, place, key, subject, known)
        sight = looks()
        before = device.kept.holding()
        after = Outcome(view.state, subject.serial, before.token, view.reason)
        if view.state == "unknown" and view.reason not in _HELD:
            if not sight.entries:
                _vouch(sight, known, ask)
            sight, after = _settle(device, subject, sight, looks, listen)
        elif view.state == "unknown":
            after = msgspec.structs.replace(after, token="")
        if after.state == "unbound" and view.state == "unknown":
            listen(Remark("The cloud does not have it: the device is unbound."))
            after = device.run_on()
            anew = after.state == "bound"
    done = Reconciled(
        state=after.state,
        reason=after.reason,
        serial=subject.serial,
        token=after.token,
        listed=sight.listed,
        findings=_findings(sight.entries, subject, after),
    )
    for one in done.findings:
        listen(Remark(one.words, warning=True))
    if not anew:
        _check(done, sight)
    return done


def _settle(
    device: Stopped,
    subject: Subject,
    sight: Sight,
    looks: Callable[[], Sight],
    listen: Listener,
) -> tuple[Sight, Outcome]:
    """Have the device judge what was seen, after a second look where there was nothing."""
    proven = False
    if not sight.entries:
        pause = pause_before_second(device, subject)
        listen(Step(f"There is no entry; looking again in {pause} s"))
        time.sleep(pause)
        first, sight = sight, looks()
        # A key that showed the company's units the first time shows them the second time as well.
        proven = not sight.entries and sight.proven >= first.proven
    try:
        after = device.order(f"reconcile({as_argument(sight.entries, subject)}, {proven})")
    except DeviceRaised:
        raise CloudDisagrees(
            "The cloud lists the device under a deviceid that is none.",
            "Nothing was changed. Ask the cloud's people about the entry.",
        ) from None
    return sight, after


def _vouch(sight: Sight, known: Known, ask: Ask) -> None:
    """Go on only if the list is known to be the right company's. Raises OutcomeUnknown."""
    if sight.proven:
        return
    named = ", ".join(printable(serial) for serial in known.serials)
    seen = f"none of {named}" if named else "no unit that is known to be of the same company"
    question = Question(
        f"The cloud's list does not have the device, and {seen}. A READ key of another company "
        "would show just that, and the device would then be bound a second time.",
        SAME_COMPANY,
        "--same-company",
    )
    if not ask(question):
        raise OutcomeUnknown(
            f"The cloud's list does not have the device, and {seen}: the READ key may be another "
            "company's. The device stays unknown.",
            "Name a unit that the company has: --known-serial SERIAL, or a ledger: --ledger. If "
            "you are sure of the key: --same-company.",
        )


def _findings(entries: Sequence[Entry], subject: Subject, after: Outcome) -> tuple[Finding, ...]:
    """Name what the cloud has under this serial number or mark beside the device's own entry."""
    found = []
    for entry in entries:
        if after.token and entry.deviceid == after.token:
            continue
        if after.state == "bound":
            kind = "orphan"
        else:
            kind = "double" if is_marked(entry, subject) else "stranger"
        found.append(Finding(kind, entry))
    return tuple(found)


def _check(done: Reconciled, sight: Sight) -> None:
    """Raise what the command has to end with, if the cloud and the device do not agree."""
    if done.state == "unknown" and done.reason in {"serial_taken", "doubled"}:
        raise CloudDisagrees(
            f"The cloud has {len(done.findings)} entries that may be this device, and which is "
            f"its own is not proven ({plain(done.reason)}). It stays unknown.",
            "If you know which: startline reconcile --adopt DEVICEID.",
        )
    if done.state == "unknown":
        why = _HELD.get(done.reason, plain(done.reason))
        raise OutcomeUnknown(
            f"{why}: what the cloud lists cannot settle that. The device stays unknown.",
            "With an entry that is its own: startline reconcile --adopt DEVICEID. To forget the "
            "record: startline reset.",
        )
    if done.state == "bound":
        if not any(entry.deviceid == done.token for entry in sight.entries):
            raise CloudDisagrees(
                "The device is bound, but the cloud's list does not have its deviceid.",
                "Is the READ key of the same company? If so: startline unbind, then bind it anew.",
            )
        if done.findings:
            raise CloudDisagrees(
                f"The device is bound, and the cloud has {len(done.findings)} more entries of its "
                "serial number.",
                "They were left as they are; remove leftovers in the cloud's own page.",
            )
