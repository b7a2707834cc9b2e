"""Loads a device through its MicroPython prompt: no reset into the boot loader, few bytes."""

from __future__ import annotations

import contextlib

from startline_host.device.bootloader import wire_size
from startline_host.device.partition_access import (
    BLOCK,
    DeviceFacts,
    differing_blocks,
    read_facts,
    read_partition,
    write_partition,
)
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised, NoFileSystem
from startline_host.device.repl import Repl
from startline_host.errors import DeviceSilent, StartlineError
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.expected_identity import identity_after
from startline_host.flows.field_settings import warn_overridden
from startline_host.flows.file_update import (
    FileChanges,
    FileSystemBroken,
    apply_changes,
    compare_files,
)
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.load_policy import may_load
from startline_host.flows.load_request import LoadReport, LoadRequest
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.flows.owner_files import replaced_at_prompt, save_or_stop
from startline_host.flows.stock_identity import write_stock_identity
from startline_host.formats.flash_dump import partition_reader
from startline_host.formats.stored_settings import read_stored_settings

#: Seconds for a device whose boot loader can be reached anyway, and for one without reset wires.
_SHORT, _LONG = 4.0, 15.0


def load_at_prompt(line: PortSession, request: LoadRequest, listen: Listener) -> LoadReport | None:
    """Load the device at its prompt; None where it has no prompt that fits the request.

    Raises WouldTouchBound or WrongDevice, with the device restarted as it was, and
    FileSystemBroken where only an image can help.
    """
    listen(Step("Asking the device"))
    port = line.port()
    repl = Repl(port)
    try:
        repl.enter(_SHORT if port.can_reset else _LONG)
        facts = read_facts(repl)
    except NoFileSystem:
        raise FileSystemBroken from None
    except (DeviceSilent, DeviceRaised, OSError):
        return None
    if not _fits(facts, request):
        return None
    try:
        return _load(repl, facts, request, listen)
    except FileSystemBroken:
        raise
    except BaseException:
        # Whatever ended this, Ctrl-C included: the device shall not be left at its prompt.
        with contextlib.suppress(StartlineError):
            repl.restart()
        raise


def read_snapshot(repl: Repl, facts: DeviceFacts) -> DeviceSnapshot:
    """Read what the device keeps, as the loading rules need it."""
    return DeviceSnapshot(
        mac=facts.mac,
        nvs=read_partition(repl, "nvs"),
        bind=read_partition(repl, "bind") if facts.has("bind") else None,
        fctry=read_partition(repl, "fctry") if facts.has("fctry") else None,
    )


def write_identity(repl: Repl, provision: Provision) -> LoadReport:
    """Write the unit's `fctry` where it differs."""
    old = read_partition(repl, "fctry")
    image = provision.image(made_at_of(old, provision))
    blocks = differing_blocks(old, image)
    sent = write_partition(repl, "fctry", image, blocks)
    same = len(image) - BLOCK * len(blocks)
    return LoadReport(regions=("fctry",) if blocks else (), sent=sent, same=same)


def made_at_of(fctry: bytes | None, provision: Provision) -> int | None:
    """Return the time of making that the device has, if it is this very unit already.

    Loading a unit again then gives the same bytes, and nothing is written.
    """
    if fctry is None:
        return None
    stored = read_stored_settings(partition_reader(fctry))
    unit = provision.unit
    if [stored.get("factory", name) for name in ("serial", "model")] != [unit.serial, unit.model]:
        return None
    made_at = stored.values["factory"].get("made_at")
    return made_at if isinstance(made_at, int) else None


def update_files(repl: Repl, request: LoadRequest, mac: str, listen: Listener) -> FileChanges:
    """Bring the device's files up to date with the bundle asked for.

    Raises FileSystemBroken where that cannot be, BadInput where an owner's file is in the way.
    """
    assert request.bundle is not None  # noqa: S101 - without a bundle there are no files
    try:
        changes = compare_files(repl, request.bundle)
        owned = replaced_at_prompt(repl, changes)
    except (OSError, DeviceRaised):
        raise FileSystemBroken from None
    save_or_stop(request, owned, lambda: owned, mac, listen)
    if changes.put:
        listen(Step(f"Sending {len(changes.put)} files"))
    apply_changes(repl, changes, listen)
    return changes


def files_report(changes: FileChanges) -> LoadReport:
    """Return what an update of files did, as a report."""
    return LoadReport(
        files=len(changes.put),
        removed=len(changes.remove),
        sent=sum(wire_size(data) for data in changes.put.values()),
        same=changes.same,
    )


def _load(repl: Repl, facts: DeviceFacts, request: LoadRequest, listen: Listener) -> LoadReport:
    request.check_chip(facts.chip or request.board.chip, facts.mac)
    there = read_snapshot(repl, facts)
    request = request.for_device(there)
    new = request.provision.image() if request.provision else None
    stays = may_load(there, serial=request.serial, fctry=new, allow_bound=request.allow_bound)
    if not stays:
        warn_overridden(there, new, listen)
    report = LoadReport(
        keeps_identity=stays, identity=identity_after(there, request.provision, stays=stays)
    )
    if request.bundle is not None:
        if request.recreate_files:
            raise FileSystemBroken
        report += files_report(update_files(repl, request, facts.mac, listen))
    if request.provision is not None and not stays:
        if facts.has("fctry"):
            report += write_identity(repl, request.provision)
        else:
            report += write_stock_identity(repl, request.provision, there.nvs, listen)
    listen(Remark(report.words()))
    if request.bundle is None and not repl.can_import("startline"):
        listen(
            Remark(
                "The device has no agent yet: it keeps what it was told, and binds once it has one "
                "(startline flash)."
            )
        )
    return report


def _fits(facts: DeviceFacts, request: LoadRequest) -> bool:
    """Tell whether what runs is what the request wants to run, so that files are all that is left."""
    if request.bundle is None:
        # Without `fctry` a firmware with a stock table is told everything in its `nvs`.
        return facts.has("fctry") or facts.has("nvs")
    there = {(row.name, row.kind, row.subtype, row.offset, row.size) for row in facts.rows}
    wanted = {
        (row.name, row.kind, row.subtype, row.offset, row.size) for row in request.bundle.table
    }
    return facts.release == request.bundle.release and there == wanted
