"""`startline set`: settings of a device that is at its venue already."""

from __future__ import annotations

from typing import Any

import msgspec

from startline_host.device.event_text import printable_field
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.errors import StorageFailed
from startline_host.flows.field_settings import Name, field_settings, stored_value
from startline_host.flows.file_update import FileChanges, FileSystemBroken, apply_changes
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.flows.found_device import FoundDevice, PromptFiles
from startline_host.flows.load_plan import LoadPlan, Need
from startline_host.flows.load_preview import LoadPreview
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.flows.observe import agent_version
from startline_host.flows.operator.change_plan import (
    ChangeRequest,
    Changes,
    check_changes,
    plan_change,
)
from startline_host.flows.operator.device_session import DeviceSession, device_session
from startline_host.flows.prompt_survey import PromptSurvey
from startline_host.formats.bytecode import ROLES, role_of
from startline_host.secrets import Secret
from startline_host.util import printable


class ChangeResult(msgspec.Struct, frozen=True):
    """The names of what was written, of what was taken back, and how the device came up with it."""

    names: tuple[str, ...]
    taken_back: tuple[str, ...]
    outcome: FirstBootOutcome

    def sentences(self) -> list[str]:
        """Say what was done, and how the device came up with it."""
        said = []
        if self.names:
            said.append(f"Written: {', '.join(self.names)}.")
        if self.taken_back:
            said.append(f"Restored to the factory's: {', '.join(self.taken_back)}.")
        outcome = self.outcome
        reason = f" ({printable_field(outcome.reason)})" if outcome.reason else ""
        said.append(f"{printable(outcome.serial) or 'The device'} is {outcome.state}{reason}.")
        return said

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "written": list(self.names),
            "taken_back": list(self.taken_back),
            "state": self.outcome.state,
            "reason": self.outcome.reason,
            "serial": self.outcome.serial,
        }


def change(
    line: PortSession,
    changes: Changes,
    *,
    factory: tuple[str, ...] | None = None,
    listen: Listener,
) -> ChangeResult:
    """Write settings, read them back, restart the device and follow it until it rests.

    They stand before the factory's from then on. `factory` names what is first taken back to the
    factory's, out of `FACTORY`; an empty one is everything. Raises BadInput for what
    `check_changes` does, for a device that has no settings of a factory apart, and for one whose
    agent is another version's and lacks a role that it would turn to; StorageFailed where flash does
    not do as it was told.
    """
    request = _checked(changes, factory)
    with device_session(line, listen) as device:
        plan, _ = _decide(device, request)
        if plan.refusal is not None:
            raise plan.refusal
        if plan.files is not None:
            _send_roles(device, plan.files, listen)
        if factory is not None:
            _take_back(device, plan.takes_back, listen)
        if plan.settings:
            _write(device, plan.settings, listen)
            listen(Remark("The settings are stored; they override the factory's."))
        outcome = device.run_on()
    names = tuple(map(_said, plan.settings))
    return ChangeResult(names, tuple(map(_said, plan.takes_back)), outcome)


def preview_change(
    line: PortSession,
    changes: Changes,
    *,
    factory: tuple[str, ...] | None = None,
    listen: Listener,
) -> LoadPreview:
    """Read the device as `change` does, and return what that would do; the device is restarted.

    Nothing is written. Raises BadInput for what `check_changes` does, and as reading does; a plan
    that refuses is returned as it is.
    """
    request = _checked(changes, factory)
    with device_session(line, listen) as device:
        plan, found = _decide(device, request)
    return LoadPreview(plan, found)


def _checked(changes: Changes, factory: tuple[str, ...] | None) -> ChangeRequest:
    if changes or factory is None:
        check_changes(changes)
    return ChangeRequest(changes=changes, factory=factory)


def _decide(device: DeviceSession, request: ChangeRequest) -> tuple[LoadPlan, FoundDevice]:
    """Ask the device until it is decided what becomes of it; a plan that refuses is returned."""
    found = PromptSurvey(device.repl).identify()
    found = msgspec.structs.replace(found, kept=device.snapshot)
    while True:
        plan = plan_change(request, found)
        if plan.refusal is not None or plan.needs is None:
            return plan, found
        found = _read(device, plan.needs, request, found)


def _read(
    device: DeviceSession, need: Need, request: ChangeRequest, found: FoundDevice
) -> FoundDevice:
    """Return the device with what a plan needs to be decided."""
    repl = device.repl
    if need == "roles":
        lacks = frozenset(role for role in ROLES if not repl.can_import(role))
        return msgspec.structs.replace(found, lacks=lacks)
    if need == "files":
        files = PromptFiles(digests=repl.digests(request.agent()))
        return msgspec.structs.replace(found, files=files)
    has_agent = bool(agent_version(repl))
    return msgspec.structs.replace(found, has_agent=has_agent, takes_orders=device.takes_orders())


def _send_roles(device: DeviceSession, changes: FileChanges, listen: Listener) -> None:
    """Send the device what it lacks of the agent's roles, before any setting turns to one."""
    roles = sorted(set(map(role_of, changes.put)))
    listen(Step(f"Sending {', '.join(roles)}"))
    try:
        apply_changes(device.repl, changes, listen)
    except FileSystemBroken:
        raise StorageFailed(
            "The device's file system accepts no files.",
            "Rewrite it: startline flash --allow-bound --recreate-files.",
        ) from None


def _take_back(device: DeviceSession, gone: tuple[Name, ...], listen: Listener) -> None:
    """Have the device forget settings of its venue."""
    if not gone:
        listen(Remark("None of these settings was changed on the device."))
        return
    listen(Step(f"Restoring the factory's {', '.join(map(_said, gone))}"))
    try:
        device.run_command(f"forget({list(gone)!r})")
    except DeviceRaised:
        raise StorageFailed("The device did not restore its settings.") from None
    if gone_still := field_settings(device.read_again().nvs).keys() & set(gone):
        raise StorageFailed(
            f"{', '.join(map(_said, gone_still))} is still there after it was erased.",
            "Run the command again. If it fails again, the flash is worn.",
        )
    listen(Remark("The factory's settings apply again."))


def _write(device: DeviceSession, changes: Changes, listen: Listener) -> None:
    listen(Step(f"Writing {', '.join(map(_said, changes))}"))
    for (space, key), value in changes.items():
        text = value.reveal() if isinstance(value, Secret) else value
        try:
            device.run_command(f"change({space!r}, {key!r}, {text!r})")
        except DeviceRaised:
            raise StorageFailed(f"The device did not take {space}.{key}.") from None
    there = field_settings(device.read_again().nvs)
    for name, value in changes.items():
        if there.get(name) != stored_value(value):
            raise StorageFailed(
                f"{_said(name)} does not read back as it was written.",
                "Run the command again. If it fails again, the flash is worn.",
            )


def _said(name: Name) -> str:
    return ".".join(name)
