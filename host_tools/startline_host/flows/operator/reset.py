"""`startline reset`: forgets a record that is not this device's, or that nobody needs."""

from __future__ import annotations

from typing import Any

import msgspec

from startline_host.device.event_text import printable_field
from startline_host.device.port_session import PortSession
from startline_host.errors import StorageFailed, WouldTouchBound
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.flows.operator.confirmation import Ask, Confirmation, confirm
from startline_host.flows.operator.device_session import DeviceSession, device_session
from startline_host.formats.record_copies import RecordView
from startline_host.formats.stored_settings import has_claim_key
from startline_host.util import printable

#: Reasons for which a record says nothing of what this device has at its cloud.
_NOT_ITS_OWN = ("foreign_record", "record_damaged", "copies_differ", "newer_record")


class ResetResult(msgspec.Struct, frozen=True):
    """A device without a record: what it was, and whether it still has the key that binds."""

    state: str
    serial: str
    was: str
    token: str
    has_key: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "state": self.state,
            "serial": self.serial,
            "was": self.was,
            "deviceid": self.token,
            "has_claim_key": self.has_key,
        }


def reset(
    line: PortSession, ask: Ask, *, force_bound: str | None = None, listen: Listener
) -> ResetResult:
    """Clear both copies of the record, after what is lost was confirmed.

    A record of this very device that is bound, or may be, is cleared only if `force_bound` is
    its serial number. A device that would bind itself at its next start is left at its prompt.
    Raises WouldTouchBound, or BadInput where it was not confirmed.
    """
    with device_session(line, listen) as device:
        view = device.snapshot.record()
        if (view.nvs.found, view.bind.found) in {("blank", "blank"), ("blank", "absent")}:
            listen(Remark("There is no record to clear."))
            return ResetResult("unbound", device.name, "", "", has_claim_key(device.stored))
        own = view.state in {"bound", "unknown"} and view.reason not in _NOT_ITS_OWN
        if own and force_bound != device.name:
            raise _refusal(device, view, force_bound)
        if not own:
            confirm(ask, Confirmation(_losses(device, view), device.name, "--confirm"))
        return clear(device, listen)


def clear(device: DeviceSession, listen: Listener) -> ResetResult:
    """Have the device forget its record, and see that it did. Raises StorageFailed."""
    before = device.snapshot.summary()
    listen(Step("Clearing the record"))
    after = device.run_command("reset()")
    now = device.read_again()
    if not _is_blank(now):
        raise StorageFailed("The record does not read back as cleared.", "Run the command again.")
    has_key = has_claim_key(now.stored())
    if has_key:
        device.stay()
        listen(
            Remark(
                "It still has its claim key and binds itself when it is next started; until then "
                "it stays at its prompt.",
                warning=True,
            )
        )
    return ResetResult(after.state, device.name, before.state, before.token, has_key)


def _is_blank(snapshot: DeviceSnapshot) -> bool:
    view = snapshot.record()
    return view.nvs.found == "blank" and view.bind.found in {"blank", "absent"}


def _refusal(device: DeviceSession, view: RecordView, given: str | None) -> WouldTouchBound:
    name = printable(device.name)
    if given is not None:
        return WouldTouchBound(f"--force-bound says {printable(given)!r}, and this is {name}.")
    if view.state == "bound":
        return WouldTouchBound(
            f"The device {name} is bound. It was left as it is.",
            "To take it off its cloud: startline unbind. To forget its deviceid all the same, "
            f"which no cloud shows again: --force-bound {name}",
        )
    return WouldTouchBound(
        f"Whether {name} is bound is not known ({printable_field(view.reason)}). It was left as it is.",
        "startline reconcile settles that. To risk a second entry at the cloud: "
        f"--force-bound {name}",
    )


def _losses(device: DeviceSession, view: RecordView) -> str:
    """Say what is on the device and will be gone."""
    why = printable_field(view.reason or view.state)
    said = [f"The record of {printable(device.name)} ({why}) will be cleared."]
    for copy in (view.nvs, view.bind):
        if copy.found == "record" and copy.token:
            said.append(
                f"  It holds the deviceid {printable(copy.token)} of {printable(copy.serial)}, "
                f"chip {copy.mac}: no cloud shows a deviceid again."
            )
            break
    if view.reason == "foreign_record":
        said.append("  The reader that it belongs to is not affected.")
    else:
        said.append("  If the cloud has an entry for it, the next start may make a second one.")
    return "\n".join(said)
