"""Loads a device: it is asked until a plan is decided, then the plan is carried out."""

from __future__ import annotations

import contextlib
from typing import Protocol

import msgspec

from startline_host.device.partition_access import read_partition
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised, NoFileSystem
from startline_host.device.repl import Repl
from startline_host.errors import Bug, DeviceSilent, StartlineError
from startline_host.flows.boot_session import BootLoaderSession
from startline_host.flows.file_update import FileSystemBroken
from startline_host.flows.found_device import FoundDevice
from startline_host.flows.load_plan import LoadPlan, Need, plan_load
from startline_host.flows.load_request import LoadReport, LoadRequest
from startline_host.flows.notices import Listener, Remark, Step, ignore_notices
from startline_host.flows.prompt_session import carry_out_at_prompt
from startline_host.flows.prompt_survey import PromptSurvey
from startline_host.flows.restart import restart
from startline_host.flows.take_prompt import take_prompt_at_start

#: Seconds for a device whose boot loader can be reached anyway, and for one without reset wires.
_SHORT, _LONG = 4.0, 15.0


def load(line: PortSession, request: LoadRequest, listen: Listener = ignore_notices) -> LoadReport:
    """Bring the device to what the request says; afterwards it waits for `restart`.

    If a MicroPython with the right partition table answers, everything is asked and done at its
    prompt, otherwise in one boot-loader session. Raises WouldTouchBound for a device that must stay
    as it is and WrongDevice for another board's, both before anything is written and with the
    device running again.
    """
    repl = Repl(line.port())
    found = take_first_prompt(line, repl, listen)
    report, decided, broken_files = _load_at_prompt(repl, request, found, listen)
    if report is not None:
        return report
    try:
        # Who it shall be was settled at the prompt; what its owner loses by it is asked anew.
        request = msgspec.structs.replace(decided, agreed=request.agreed)
        return _load_in_boot_loader(line, request, listen, broken_files=broken_files)
    except (StartlineError, KeyboardInterrupt):
        with contextlib.suppress(StartlineError):
            if line.port().can_reset:
                restart(line)
        raise


class DeviceReader(Protocol):
    """What can tell more of a device: its prompt, or its boot loader."""

    def read(self, need: Need, request: LoadRequest, found: FoundDevice) -> FoundDevice:
        """Return the device with what a plan needs to be decided."""


def decide(
    reader: DeviceReader, request: LoadRequest, found: FoundDevice
) -> tuple[LoadPlan, LoadRequest, FoundDevice]:
    """Ask the device, and whoever gives its identity or answers for it, until a plan is decided.

    A plan that refuses, or that needs the boot loader, is returned as it is. Raises what the device
    fails with while it is read.
    """
    while True:
        plan = plan_load(request, found)
        if plan.refusal is not None or plan.needs is None or plan.needs == "boot loader":
            return plan, request, found
        if plan.needs == "identity" and found.kept is not None:
            try:
                request = request.for_device(found.kept)
            except StartlineError as refusal:
                return LoadPlan(via=found.via, refusal=refusal), request, found
        elif plan.needs == "answer":
            request = request.answered(plan.question)
        else:
            found = reader.read(plan.needs, request, found)


def take_first_prompt(line: PortSession, repl: Repl, listen: Listener) -> FoundDevice:
    """Take the prompt and return what runs there; one without `release` where none answers."""
    listen(Step("Asking the device"))
    try:
        repl.enter(_SHORT if line.port().can_reset else _LONG)
        return PromptSurvey(repl).identify()
    except NoFileSystem:
        return FoundDevice(via="prompt", broken_files=True)
    except (DeviceSilent, DeviceRaised, OSError):
        return FoundDevice(via="prompt")


def _load_at_prompt(
    repl: Repl, request: LoadRequest, found: FoundDevice, listen: Listener
) -> tuple[LoadReport | None, LoadRequest, bool]:
    """Load a device at its prompt; None where that takes its boot loader.

    Returns also the request as far as it is decided, and whether the device's file system was found
    not to work. Whatever it raises, the device is restarted as it was.
    """
    try:
        plan, request, found = decide(PromptSurvey(repl), request, found)
        _check(plan)
        if plan.needs is not None:
            return None, request, found.broken_files
        report = carry_out_at_prompt(repl, plan, listen)
        return _told(report, plan, listen), request, False
    except FileSystemBroken:
        return None, request, True
    except BaseException:
        # Whatever ended this, Ctrl-C included: the device shall not be left at its prompt.
        with contextlib.suppress(StartlineError):
            repl.restart()
        raise


def _load_in_boot_loader(
    line: PortSession, request: LoadRequest, listen: Listener, *, broken_files: bool
) -> LoadReport:
    session = BootLoaderSession(line, request, listen)
    found = session.identify(broken_files=broken_files)
    plan, decided, found = decide(session, request, found)
    _check(plan)
    report = session.carry_out(plan)
    if not plan.files_later:
        return _told(report, plan, listen)
    try:
        # What the owner loses by it was asked before anything was written.
        agreed = msgspec.structs.replace(decided, agreed=True)
        later, done = _finish_at_prompt(line, agreed, found, listen)
    except FileSystemBroken:
        # All of its owner's files go with it: what was agreed to before is not enough.
        again = msgspec.structs.replace(decided, agreed=request.agreed)
        return _load_in_boot_loader(line, again, listen, broken_files=True)
    return _told(report + done, later, listen)


def _finish_at_prompt(
    line: PortSession, request: LoadRequest, found: FoundDevice, listen: Listener
) -> tuple[LoadPlan, LoadReport]:
    """Bring the files of a device up to date whose firmware and table have just been written."""
    if request.bundle is None or found.kept is None:
        raise Bug("Files can only be brought up to date from a bundle.")
    restart(line, listen)
    repl = Repl(line.port())
    try:
        # It was just reset: whatever its own program does, it has not begun.
        take_prompt_at_start(line, repl, listen)
        # The record is judged as it was found; `fctry` may have come to another place.
        kept = msgspec.structs.replace(found.kept, fctry=read_partition(repl, "fctry"))
        running = FoundDevice(
            via="prompt",
            mac=found.mac,
            release=request.bundle.release,
            table=request.bundle.table,
            kept=kept,
        )
        plan, _, running = decide(PromptSurvey(repl), request, running)
        _check(plan)
        if plan.needs is not None:
            raise FileSystemBroken
        return plan, carry_out_at_prompt(repl, plan, listen)
    except NoFileSystem:
        raise FileSystemBroken from None
    except DeviceSilent as silent:
        raise DeviceSilent(
            f"Firmware and table are loaded, but not the agent's files: {silent.message}",
            "Its boot.py or main.py may be in the way. To replace the file system: --recreate-files, "
            "with --backup FILE to keep what is on it.",
        ) from None


def _check(plan: LoadPlan) -> None:
    """Raise the plan's refusal, if it is one."""
    if plan.refusal is not None:
        raise plan.refusal


def _told(report: LoadReport, plan: LoadPlan, listen: Listener) -> LoadReport:
    for remark in (Remark(report.words()), *plan.after):
        listen(remark)
    return report
