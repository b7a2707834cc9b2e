"""Follows a device's first boot to its end, and says in one sentence what came of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec
from startline.settings import BOOT_LIMIT

from startline_host.device.console import ConsoleLine, ConsoleParser, Event
from startline_host.device.event_text import clock_reason, connect_reason, printable_field
from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.device.tls_text import tls_hint, tls_reason
from startline_host.errors import (
    BadInput,
    Bug,
    ClockWrong,
    DeviceSilent,
    NetworkFailed,
    OutcomeUnknown,
    RefusedByCloud,
    StartlineError,
    StorageFailed,
    TimedOut,
    TlsFailed,
)
from startline_host.flows.expected_identity import ExpectedIdentity
from startline_host.flows.next_steps import next_of_unknown
from startline_host.flows.notices import Listener, Step, ignore_notices
from startline_host.flows.restart import restart
from startline_host.flows.usb_link import linked, over_usb
from startline_host.formats.factory_partition import DeviceSettings
from startline_host.util import Deadline, PatientDeadline, full_stop, printable

#: What a step that failed before the first byte stands for: error, words, and how to say why.
_FAILURES: Mapping[str, tuple[type[StartlineError], str, Callable[[str], str]]] = MappingProxyType(
    {
        "link": (NetworkFailed, "The device did not get onto its network", printable_field),
        "dns": (NetworkFailed, "The device could not resolve the cloud's name", printable_field),
        "connect": (NetworkFailed, "The device could not connect to the cloud", connect_reason),
        "request": (NetworkFailed, "The request did not get through", printable_field),
        "tls": (TlsFailed, "TLS failed", tls_reason),
        "clock": (ClockWrong, "The clock is not fit to judge certificates", clock_reason),
        "storage": (StorageFailed, "The device's flash failed", printable_field),
        "identity": (StorageFailed, "The device could not read who it is", printable_field),
        "answer": (RefusedByCloud, "The cloud put the device off", printable_field),
    }
)


#: Why a link fails that is none of the radio's matter.
_NOT_WIFI = frozenset({"no_host", "no_role", "no_radio"})
_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "dns": "Is claim.base_url right (startline inspect shows it), and does this network lead to "
        "the Internet? Then: startline retry.",
        "connect": "Is claim.base_url right (startline inspect shows it), and is its port open from "
        "this network? Then: startline retry.",
        "clock": "Name a time server that its network reaches: startline set --ntp HOST.",
    }
)
#: Seconds that the host adds to the agent's own limit for a boot.
_MARGIN = 30


class FirstBootOutcome(msgspec.Struct, frozen=True):
    """How a first boot ended: the `ready` event, and what went wrong last before it."""

    state: str
    serial: str
    token: str = ""
    reason: str = ""
    ms: int = 0
    base_url: str = ""
    mac: str = ""
    failed_step: str = ""
    failed_reason: str = ""
    warnings: tuple[str, ...] = ()
    #: Where it did not get onto its Wi-Fi: the name of that, and a sentence about what it sees.
    ssid: str = ""
    networks: str = ""

    @property
    def bound(self) -> bool:
        """Whether the device holds a token."""
        return self.state == "bound"

    def failure(self) -> StartlineError:
        """Return what the step that failed before the request stands for."""
        return _failed(self)

    def error(self) -> StartlineError | None:
        """Return what the command has to end with, or None for a device that is well bound."""
        if self.bound:
            return _storage_warning(self)
        if self.state == "refused":
            return RefusedByCloud(
                f"The cloud refused the device: {full_stop(printable_field(self.reason))}",
                "Fix the cause, then run the command again.",
            )
        if self.state == "unknown":
            return _unknown(self)
        if self.state == "unprovisioned":
            return BadInput(
                f"The device does not know who it is: {full_stop(printable_field(self.reason or self.failed_reason))}",
                "Provision it: startline provision.",
            )
        return _failed(self)


def boot_seconds(limit: int | None) -> int:
    """Return how long a boot may take, by what the device was told (None: nothing)."""
    return (limit or BOOT_LIMIT[1]) + _MARGIN


def run_first_boot(
    line: PortSession,
    settings: DeviceSettings,
    identity: ExpectedIdentity,
    *,
    limit: float | None = None,
    listen: Listener = ignore_notices,
) -> FirstBootOutcome:
    """Restart the device and follow its first boot; its connections are carried if its link is USB.

    It may take `limit` seconds, by default as long as its settings say. Raises as
    `follow_first_boot` does, and WrongDevice for a device that says it is another.
    """
    listen(Step("Starting the device"))
    restart(line, listen)
    end = Deadline(limit) if limit else PatientDeadline(boot_seconds(settings.set.boot_limit))
    with linked(line.port(), settings.claim.base_url if over_usb(settings) else "") as port:
        return follow_first_boot(port, end, identity.checked(listen))


def follow_first_boot(port: Port, deadline: Deadline, listen: Listener) -> FirstBootOutcome:
    """Pass on everything that the device prints until its `ready`, and return the outcome.

    Raises DeviceSilent where no event came at all, and TimedOut where `ready` did not come.
    """
    seen: list[Event] = []
    for item in ConsoleParser().follow(port, deadline):
        listen(item)
        if isinstance(item, Event):
            if item.name == "boot":
                seen.clear()
            seen.append(item)
            if item.name == "ready":
                return read_outcome(seen)
        elif _file_system_is_broken(item):
            raise StorageFailed(
                "The device's file system is damaged.", "Run the command again: it is reloaded."
            )
    if not seen:
        raise DeviceSilent(
            "The device restarted and reported nothing.",
            "Watch what it prints with `startline monitor`; is the right firmware on it?",
        )
    raise TimedOut(
        f"The device did not finish in time; its last event was {seen[-1].name!r}.",
        "It continues by itself: watch it with `startline monitor`.",
    )


def read_outcome(events: Iterable[Event]) -> FirstBootOutcome:
    """Return the outcome that a whole first boot's events tell; the last of them is `ready`."""
    step = reason = base_url = mac = ""
    ms = 0
    warnings: list[str] = []
    fields: dict[str, object] = {}
    for event in events:
        if event.name == "failed":
            step, reason = str(event.fields.get("step", "")), str(event.fields.get("reason", ""))
        elif event.name == "warning":
            warnings.append(str(event.fields.get("what", "")))
        elif event.name == "identity":
            base_url = str(event.fields.get("base_url", ""))
            mac = str(event.fields.get("mac", ""))
        elif event.name == "ready":
            fields, ms = dict(event.fields), event.ms
    return FirstBootOutcome(
        state=str(fields.get("state", "")),
        serial=str(fields.get("serial") or ""),
        token=str(fields.get("token") or ""),
        reason=str(fields.get("reason") or ""),
        ms=ms,
        base_url=base_url,
        mac=mac,
        failed_step=step,
        failed_reason=reason,
        warnings=tuple(warnings),
    )


def _file_system_is_broken(item: ConsoleLine) -> bool:
    # What the port's own start-up code prints, over and over, when `vfs` does not mount.
    return b"filesystem" in item.raw and b"corrupted" in item.raw


def _storage_warning(outcome: FirstBootOutcome) -> StartlineError | None:
    if "one_copy" in outcome.warnings:
        return StorageFailed(
            "The device is bound, but only one copy of its record is stored.",
            "It is ready to time; replace it soon, its flash is failing.",
        )
    return None


def _unknown(outcome: FirstBootOutcome) -> StartlineError:
    if outcome.failed_step == "storage":
        return StorageFailed(
            f"The device could not keep its record: {full_stop(printable_field(outcome.reason))}"
        )
    settle = next_of_unknown(outcome.reason, "To settle it: startline reconcile.")
    if outcome.reason == "foreign_record":
        settle = (
            "If its flash came from another reader: startline reset. Else: startline reconcile."
        )
    return OutcomeUnknown(
        f"Whether the cloud knows the device is not known: {full_stop(printable_field(outcome.reason))}",
        f"Nothing is sent again until that is settled. {settle}",
    )


def _failed(outcome: FirstBootOutcome) -> StartlineError:
    reason = outcome.failed_reason or outcome.reason
    if reason.startswith("bug"):
        return Bug(
            f"The agent on the device has a fault ({printable_field(reason)}).",
            "Please report it.",
        )
    kind, words, say = _FAILURES.get(
        outcome.failed_step, (TimedOut, "The device is still not bound", printable_field)
    )
    if outcome.ssid:
        words = words.replace("its network", f"the Wi-Fi {printable(outcome.ssid)!r}")
    told = f"{words}: {full_stop(say(reason))}{outcome.networks}"
    return kind(told, f"Nothing was bound. {boot_remedy(outcome)}")


def boot_remedy(outcome: FirstBootOutcome) -> str:
    """Return what to do about the step that failed, and the command for it."""
    step, reason = outcome.failed_step, outcome.failed_reason
    serial = shlex.quote(printable(outcome.serial) or "SERIAL")
    if step == "tls":
        load = (
            f"With other settings: startline provision --serial {serial}. Else: startline retry."
        )
        return f"{tls_hint(reason)} {load}"
    if step == "link" and reason not in _NOT_WIFI:
        return "To change its Wi-Fi: startline set --ssid NAME; with --try it only tries."
    if step == "link" or step not in _REMEDIES:
        return "Fix the cause, then run the command again."
    return _REMEDIES[step]
