"""Decides whether a device may be loaded at all: a binding is never put at risk."""

from __future__ import annotations

import msgspec

from startline_host.device.event_text import printable_field
from startline_host.errors import WouldTouchBound, WrongDevice
from startline_host.flows.device_snapshot import DeviceSnapshot, RecordSummary
from startline_host.flows.next_steps import next_of_state
from startline_host.util import printable

_SHOWN_DIGITS = 8


def may_load(
    snapshot: DeviceSnapshot, *, serial: str | None, fctry: bytes | None, allow_bound: bool
) -> bool:
    """Tell whether the device's identity must stay as it is (True), or may be written (False).

    `serial` and `fctry` are what the device shall become, None for a load that gives it no
    identity. With `allow_bound`, a bound or unknown device keeps its own; one that has lost it, or
    a part of what it was told with it, is given the one that its record names. Raises
    WouldTouchBound for such a device without `allow_bound`, and WrongDevice where it is another than
    the one meant.
    """
    summary = snapshot.summary()
    if summary.must_stay:
        if not allow_bound:
            raise _refusal(snapshot, summary)
        stored = snapshot.stored()
        if fctry is not None and (stored.missing or stored.unreadable):
            _check_fits(snapshot, fctry)
            return False
        own = stored.get("factory", "serial")
        if serial is not None and own and own != serial:
            raise WrongDevice(
                f"The device is {own}, not {serial}, and it is {summary.state}.",
                "With --allow-bound a device keeps its identity: leave --serial out, or connect "
                "the right device.",
            )
        return True
    if fctry is not None:
        after = msgspec.structs.replace(snapshot, fctry=fctry).summary()
        if after.must_stay:
            raise WouldTouchBound(
                f"The device holds the record of another identity ({after.serial}, "
                f"{summary.state}).",
                "Clear it first, if you are sure: startline reset.",
            )
    return False


def _check_fits(snapshot: DeviceSnapshot, fctry: bytes) -> None:
    """Raise WrongDevice unless an identity is the one that the device's record names.

    A record that cannot be read names nobody: then the operator's word is all there is, and what
    can still be read of the identity.
    """
    after = msgspec.structs.replace(snapshot, fctry=fctry)
    view, stored = after.record(), after.stored()
    for name, what in (("serial", "serial number"), ("model", "model")):
        own, new = snapshot.stored().get("factory", name), stored.get("factory", name)
        if own not in {"", new}:
            raise WrongDevice(
                f"The device's {what} is {printable(own)}, not {printable(new)}.",
                "Nothing was written. Give the identity that it has: --serial and --settings.",
            )
    if view.reason == "newer_record":
        raise WouldTouchBound(
            "Its record was written by a newer agent, and its identity cannot be read.",
            "Update startline.",
        )
    if view.reason != "foreign_record":
        return
    copies = (copy for copy in (view.nvs, view.bind) if copy.found == "record")
    copy = max(copies, key=lambda copy: copy.generation)
    others = (
        (copy.serial, stored.get("factory", "serial"), "serial number"),
        (copy.cloud, stored.get("claim", "cloud"), "cloud"),
        (copy.mac, snapshot.mac, "chip"),
    )
    words = [f"{what} is {printable(a)}, not {printable(b)}" for a, b, what in others if a != b]
    raise WrongDevice(
        f"The device's record names another identity: its {', its '.join(words)}."
        if words
        else "The device's record is for a base URL other than "
        f"{printable(stored.get('claim', 'base_url'))}.",
        "Nothing was written. Give the identity that it was bound with: --serial and --settings.",
    )


def _refusal(snapshot: DeviceSnapshot, summary: RecordSummary) -> WouldTouchBound:
    keep = "To reload its agent and keep the rest as it is: --allow-bound."
    if summary.state == "bound":
        token = summary.token
        if len(token) > _SHOWN_DIGITS:
            token = f"{token[:_SHOWN_DIGITS]}…"
        said, hint = f"The device is bound ({summary.serial}, deviceid {token})", keep
    else:
        why = printable_field(summary.reason or "no answer yet")
        said = f"Whether the device is bound is not known ({why})"
        settle = next_of_state("unknown", summary.reason)
        hint = f"{settle} {keep}"
    if snapshot.lost_identity:
        stored = snapshot.stored()
        what = "its identity" if stored.missing else ", ".join(stored.unreadable)
        said, hint = f"{said}, and {what} cannot be read", snapshot.lost_identity
    return WouldTouchBound(f"{said}. It was left as it is.", hint)
