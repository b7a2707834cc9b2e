"""Loads a device through its boot loader: reads what it keeps, decides, writes what differs."""

from __future__ import annotations

from collections.abc import Sequence

from host_tools.bench.file_update import FileSystemBroken
from host_tools.bench.flash_survey import Survey
from host_tools.bench.guard import may_load
from host_tools.bench.kit import Kit
from host_tools.bench.notices import Listener, Remark, Step
from host_tools.bench.order import LoadReport, Order
from host_tools.bench.prompt_session import made_at_of, update_files, write_identity
from host_tools.device.bootloader import BootLoader, wire_size
from host_tools.device.line import Line
from host_tools.device.repl import Repl
from host_tools.device.wire import NoFileSystem
from host_tools.errors import BadInput, DeviceSilent, WouldTouchBound
from host_tools.images.partitions import PartitionTable
from host_tools.images.plan import Region

#: Seconds for a device that was just reset to give up its prompt.
_BOOT_PATIENCE = 15.0

#: Partitions that hold what a bound device must not lose.
_PRECIOUS = ("nvs", "bind", "fctry")


def load_in_boot_loader(
    line: Line, order: Order, listen: Listener, *, recreate_files: bool
) -> LoadReport:
    """Load the device in one boot-loader session; afterwards it waits for a restart.

    Raises WrongDevice and WouldTouchBound before anything is written.
    """
    # Without reset wires only a person can have started the boot loader, and it is there or not.
    attempts = 7 if line.port().can_reset else 2
    line.free()
    listen(Step("Reading the flash"))
    baud = order.flash_baud or order.board.baud.flash
    loader = BootLoader(line.url, baud, listen, attempts=attempts)
    chip = loader.identify()
    order.check_chip(chip.kind, chip.mac, chip.flash_size)
    survey = Survey(loader, chip.mac, order.kit.table if order.kit else None)
    order = order.for_device(survey.kept)
    new = order.provision.image() if order.provision else None
    kept = may_load(survey.kept, serial=order.serial, fctry=new, allow_bound=order.allow_bound)
    identity = None if kept else order.provision
    image = identity.image(made_at_of(survey.kept.fctry, identity)) if identity else None
    if order.kit is None:
        regions = _identity_regions(survey.table, image)
        report = _write(loader, regions, listen)
        return _told(report, listen, kept=kept)
    if kept:
        _check_places(survey.table, order.kit.table)
    in_use = _files_stay(survey, order.kit, listen, recreate=recreate_files)
    plan = order.kit.plan(vfs=not in_use, fctry=None if in_use else image)
    report = _write(loader, list(plan), listen)
    if in_use:
        return _finish_at_prompt(line, order, report, listen, kept=kept)
    return _told(report, listen, kept=kept)


def _write(loader: BootLoader, regions: Sequence[Region], listen: Listener) -> LoadReport:
    listen(Step("Writing the flash"))
    result = loader.write(regions)
    names = {region.offset: region.name for region in regions}
    written = sorted(result.written, key=lambda region: region.offset)
    return LoadReport(
        regions=tuple(names.get(region.offset, hex(region.offset)) for region in written),
        sent=result.sent,
    )


def _finish_at_prompt(
    line: Line, order: Order, report: LoadReport, listen: Listener, *, kept: bool
) -> LoadReport:
    """Update a file system in use file by file, and the identity last.

    The new agent stands before the new identity does, so that no old one acts on it.
    """
    assert order.kit is not None  # noqa: S101 - without a kit there are no files
    port = line.port()
    port.reset()
    repl = Repl(port)
    try:
        repl.enter(_BOOT_PATIENCE)
        changes = update_files(repl, order.kit, listen)
    except (FileSystemBroken, NoFileSystem):
        listen(Remark("Its file system is damaged: it is written anew.", warning=True))
        return load_in_boot_loader(line, order, listen, recreate_files=True)
    except DeviceSilent as silent:
        raise DeviceSilent(
            f"Firmware and table are loaded, but not the agent's files: {silent.message}",
            "The reader's own program may be in the way. To lose it and load all: --recreate-files",
        ) from None
    written = 0
    if order.provision is not None and not kept:
        written = write_identity(repl, order.provision)
    report = LoadReport(
        regions=report.regions + (("fctry",) if written else ()),
        files=len(changes.put),
        removed=len(changes.remove),
        sent=report.sent + written + sum(wire_size(data) for data in changes.put.values()),
    )
    return _told(report, listen, kept=kept)


def _told(report: LoadReport, listen: Listener, *, kept: bool) -> LoadReport:
    listen(Remark(report.words()))
    return LoadReport(
        regions=report.regions,
        files=report.files,
        removed=report.removed,
        sent=report.sent,
        kept=kept,
    )


def _files_stay(survey: Survey, kit: Kit, listen: Listener, *, recreate: bool) -> bool:
    state = survey.file_system(kit.table.get("vfs"))
    if state == "blank":
        return False
    if state == "in use" and not recreate:
        return True
    if state == "other" and not recreate:
        reason = "does not fit or is damaged"
        listen(
            Remark(f"The file system on the device {reason}: it is written anew.", warning=True)
        )
    return False


def _check_places(there: PartitionTable | None, planned: PartitionTable) -> None:
    if there is None:
        return
    for name in _PRECIOUS:
        if there.find(name) != planned.find(name):
            raise WouldTouchBound(
                f"The device is bound, and its partition {name!r} is not where the agent's table "
                "would have it.",
                "Update its agent's files only, over the prompt.",
            )


def _identity_regions(table: PartitionTable | None, image: bytes | None) -> list[Region]:
    row = table.find("fctry") if table else None
    if row is None:
        raise BadInput(
            "The device has no partition 'fctry' to write an identity to.",
            "Load it first: startline flash.",
        )
    return [] if image is None else [Region("fctry", row.offset, image)]
