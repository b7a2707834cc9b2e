"""What a device keeps in its own partitions, and whether that allows it to be loaded."""

from __future__ import annotations

import shlex

import msgspec

from startline_host.formats.flash_dump import partition_reader
from startline_host.formats.record_copies import RecordView, read_record
from startline_host.formats.stored_settings import StoredSettings, read_stored_settings
from startline_host.util import printable

#: States in which a device must not be touched: something of it is, or may be, at the cloud.
_HELD = ("bound", "unknown")


class RecordSummary(msgspec.Struct, frozen=True):
    """What a device's record says: its state and why; serial number and token of the record."""

    state: str
    reason: str
    serial: str
    token: str

    @property
    def must_stay(self) -> bool:
        """Whether the device must be left as it is unless its operator says otherwise."""
        return self.state in _HELD


class DeviceSnapshot(msgspec.Struct, frozen=True):
    """The bytes of `nvs`, `bind` and `fctry`; None for a partition that the device has not.

    `mac` is the chip's own, "24:6f:28:00:00:01".
    """

    mac: str
    nvs: bytes
    bind: bytes | None
    fctry: bytes | None

    def __repr__(self) -> str:
        return f"DeviceSnapshot({self.mac!r})"

    def stored(self) -> StoredSettings:
        """Return what the device was told of itself, secrets masked."""
        return read_stored_settings(
            partition_reader(self.nvs if self.fctry is None else self.fctry)
        )

    def record(self) -> RecordView:
        """Return both copies of the record, judged by the agent's own rules."""
        bind = None if self.bind is None else partition_reader(self.bind)
        mac = bytes.fromhex(self.mac.replace(":", ""))
        return read_record(partition_reader(self.nvs), bind, self.stored(), mac)

    def summary(self) -> RecordSummary:
        """Return what the device holds.

        A copy that is `bound` or `unknown` counts even where the other copy wins.
        """
        return _holding(self.record())

    @property
    def lost_identity(self) -> str:
        """What to do about its identity, as `lost_identity` says it."""
        return lost_identity(self.stored(), self.record())


def lost_identity(stored: StoredSettings, view: RecordView) -> str:
    """Say what to do about a device that has a record, and not all of the identity for it.

    "" for any other. Without serial number, model or cloud such a device is `unprovisioned`, though
    its deviceid is not lost: its record names serial number, cloud and chip. Without its CA or its
    application's key it is bound, and reaches no cloud.
    """
    held = _holding(view)
    if not (stored.missing or stored.unreadable) or not held.must_stay:
        return ""
    if view.reason == "foreign_record":
        return "Its record is another chip's. To forget it: startline reset."
    if view.reason == "newer_record":
        return "Its record was written by a newer agent: update startline."
    name = shlex.quote(held.serial) if held.serial else "SERIAL"
    return (
        "To write its identity anew, as its record names it: "
        f"startline provision --allow-bound --serial {name}"
    )


def _holding(view: RecordView) -> RecordSummary:
    copies = sorted(
        (copy for copy in (view.nvs, view.bind) if copy.found == "record"),
        key=lambda copy: (copy.state == view.state, copy.generation),
        reverse=True,
    )
    held = [copy for copy in copies if copy.state in _HELD]
    shown = copies[0] if copies else view.nvs
    state, reason = view.state, view.reason
    if state not in _HELD and held:
        shown = held[0]
        state, reason = shown.state, shown.reason
    return RecordSummary(state, printable(reason), printable(shown.serial), printable(shown.token))
