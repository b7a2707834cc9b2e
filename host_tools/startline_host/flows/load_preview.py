"""What a load would do to a device, told and not done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from startline_host.device.port_session import PortSession
from startline_host.device.repl import Repl
from startline_host.errors import StartlineError
from startline_host.flows.boot_session import BootLoaderSession
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.field_settings import Name, field_settings, stored_value
from startline_host.flows.found_device import FoundDevice
from startline_host.flows.load_plan import LoadPlan
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.loading import decide, take_first_prompt
from startline_host.flows.notices import Listener, ignore_notices
from startline_host.flows.prompt_survey import PromptSurvey
from startline_host.flows.restart import restart
from startline_host.secrets import MASK
from startline_host.util import device_text, printable

Action = Literal["read", "refuse", "ask", "save", "back up", "write", "remove", "keep"]


class PlannedStep(msgspec.Struct, frozen=True):
    """One thing that a load does or leaves; `size` in bytes, 0 where it does not say anything."""

    action: Action
    what: str
    size: int = 0
    why: str = ""


class LoadPreview(msgspec.Struct, frozen=True):
    """A plan with the device that it is for, as it was found."""

    plan: LoadPlan
    found: FoundDevice
    backup: Path | None = None

    def steps(self) -> list[PlannedStep]:
        """Return everything that the plan does and leaves, in its order."""
        return list(_steps(self.plan, self.found, self.backup))

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "via": self.plan.via,
            "serial": self.plan.identity.serial,
            "kept_identity": self.plan.keeps_identity,
            "steps": [msgspec.to_builtins(step) for step in self.steps()],
        }


def preview(
    line: PortSession, request: LoadRequest, listen: Listener = ignore_notices
) -> LoadPreview:
    """Read the device as `load` does, and return what that would do; the device is restarted.

    Nothing is written, on the device or on this computer. Raises as reading does; a plan that
    refuses is returned as it is.
    """
    repl = Repl(line.port())
    found = take_first_prompt(line, repl, listen)
    try:
        plan, request, found = decide(PromptSurvey(repl), request, found)
        if plan.needs == "boot loader":
            session = BootLoaderSession(line, request, listen)
            found = session.identify(broken_files=found.broken_files)
            plan, _, found = decide(session, request, found)
    finally:
        with contextlib.suppress(StartlineError):
            if found.via == "boot loader" or line.port().can_reset:
                restart(line, listen)
            elif found.release is not None:
                repl.restart()
    return LoadPreview(plan, found, request.backup)


def _steps(plan: LoadPlan, found: FoundDevice, backup: Path | None) -> Iterator[PlannedStep]:
    if found.kept is not None:
        there = [name for name in ("nvs", "bind", "fctry") if found.has(name)]
        read = [*there, "files"] if found.files or found.owned is not None else there
        yield PlannedStep("read", ", ".join(read) or "flash", why=f"over its {plan.via}")
    if plan.refusal is not None:
        yield PlannedStep("refuse", "device", why=plan.refusal.message)
        return
    warnings = "; ".join(remark.text for remark in plan.before)
    for name in plan.owned:
        yield PlannedStep("ask", printable(name), why="it is a file of the reader's owner")
    for name, data in plan.saves.items():
        why = "" if data is not None else "it cannot be read, and is lost"
        yield PlannedStep("save", printable(name), len(data or b""), why)
    if plan.backs_up is not None and plan.backs_up[1]:
        yield PlannedStep("back up", "file system", plan.backs_up[1], f"to {backup}")
    for region in plan.regions:
        why = warnings if region.name == "vfs" and warnings else "as far as it differs"
        yield PlannedStep("write", region.name, len(region.data), why)
    yield from _file_steps(plan)
    if plan.fctry is not None and found.kept is not None:
        if found.kept.fctry == plan.fctry:
            yield PlannedStep("keep", "fctry", len(plan.fctry), "it is the same")
        else:
            yield PlannedStep("write", "fctry", len(plan.fctry), warnings or "the unit's identity")
    if plan.stock is not None:
        yield PlannedStep("write", "nvs", why=warnings)
    yield from _setting_steps(plan, found.kept)
    yield from _kept_steps(plan, found)


def _file_steps(plan: LoadPlan) -> Iterator[PlannedStep]:
    if plan.files_later:
        yield PlannedStep(
            "write", "files", why="those that differ, over its prompt, after the flash"
        )
    if plan.files is None:
        return
    for name, data in plan.files.put.items():
        why = "it differs" if name in plan.files.replaces else "it is not there"
        yield PlannedStep("write", name, len(data), why)
    for name in plan.files.remove:
        yield PlannedStep("remove", printable(name), why="this version has no such file")
    if plan.files.same:
        yield PlannedStep("keep", "files", plan.files.same, "they are the same")


def _setting_steps(plan: LoadPlan, kept: DeviceSnapshot | None) -> Iterator[PlannedStep]:
    """Tell what becomes of the settings of a device's venue; a password is never shown."""
    if kept is None or not (plan.settings or plan.takes_back):
        return
    venue = field_settings(kept.nvs)
    factory = field_settings(kept.fctry) if kept.fctry is not None else {}
    for name in plan.takes_back:
        after = _shown(name, factory[name]) if name in factory else "none"
        why = (
            "it is set anew" if name in plan.settings else f"the factory's applies again: {after}"
        )
        yield PlannedStep("remove", ".".join(name), why=why)
    left = {name: value for name, value in venue.items() if name not in plan.takes_back}
    for name, given in plan.settings.items():
        new, old = stored_value(given), left.get(name, factory.get(name))
        why = _shown(name, new)
        if old is not None:
            why += ", as it is" if old == new else f", instead of {_shown(name, old)}"
        yield PlannedStep("write", ".".join(name), why=why)
    for name, value in left.items():
        if name not in plan.settings:
            why = f"set at its venue: {_shown(name, value)}"
            yield PlannedStep("keep", ".".join(name), why=why)


def _shown(name: Name, value: bytes | int) -> str:
    """Return a setting for a person's eyes."""
    if name == ("net", "password"):
        return MASK if value else "none, for an open Wi-Fi"
    return device_text(value) if isinstance(value, bytes) else str(value)


def _kept_steps(plan: LoadPlan, found: FoundDevice) -> Iterator[PlannedStep]:
    if found.kept is None:
        return
    if plan.keeps_identity:
        why = f"the device is {found.kept.summary().state}"
        yield PlannedStep("keep", f"identity of {printable(plan.identity.serial) or '?'}", why=why)
    own = [name for name in ("nvs", "bind", "race") if found.has(name)]
    if plan.stock is not None or plan.settings or plan.takes_back:
        own.remove("nvs")
    if own:
        yield PlannedStep("keep", ", ".join(own), why="the device's own")
