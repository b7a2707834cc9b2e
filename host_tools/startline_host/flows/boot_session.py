"""Loads a device through its boot loader: reads what it keeps, decides, writes what differs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from startline_host.device.bootloader import BootLoader
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import NoFileSystem
from startline_host.device.repl import Repl
from startline_host.errors import BadInput, DeviceSilent, WouldTouchBound
from startline_host.flows.backup import files_in, save_backup
from startline_host.flows.expected_identity import identity_after
from startline_host.flows.field_settings import warn_overridden
from startline_host.flows.file_update import FileSystemBroken
from startline_host.flows.firmware_bundle import FirmwareBundle
from startline_host.flows.flash_survey import Survey, stretches
from startline_host.flows.load_policy import may_load
from startline_host.flows.load_request import LoadReport, LoadRequest
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.flows.owner_files import (
    replaced_in_flash,
    save_or_stop,
    starts_the_reader,
)
from startline_host.flows.prompt_session import (
    files_report,
    made_at_of,
    update_files,
    write_identity,
)
from startline_host.flows.restart import restart
from startline_host.flows.take_prompt import take_prompt_at_start
from startline_host.formats.flash_plan import FlashRegion
from startline_host.formats.partitions import PartitionTable

#: Partitions that hold what a bound device must not lose.
_PRECIOUS = ("nvs", "bind", "fctry")


def load_in_boot_loader(
    line: PortSession, request: LoadRequest, listen: Listener, *, recreate_files: bool
) -> LoadReport:
    """Load the device in one boot-loader session; afterwards it waits for a restart.

    Raises WrongDevice and WouldTouchBound before anything is written.
    """
    # Without reset wires only a person can have started the boot loader, and it is there or not.
    attempts = 7 if line.port().can_reset else 2
    line.free()
    listen(Step("Reading the flash"))
    baud = request.flash_baud or request.board.baud.flash

    def slower(rate: int, next_rate: int, reason: str) -> None:
        listen(
            Remark(
                f"The line does not work at {rate} baud: {reason} Going on at {next_rate}.",
                warning=True,
            )
        )

    loader = BootLoader(line.url, baud, listen, attempts=attempts, slower=slower)
    chip = loader.identify(stretches(request.bundle.table) if request.bundle else {})
    line.in_boot_loader = True
    request.check_chip(chip.kind, chip.mac, chip.flash_size)
    survey = Survey(loader, chip.mac, request.bundle.table if request.bundle else None)
    request = request.for_device(survey.snapshot)
    new = request.provision.image() if request.provision else None
    stays = may_load(
        survey.snapshot, serial=request.serial, fctry=new, allow_bound=request.allow_bound
    )
    identity = None if stays else request.provision
    known = LoadReport(
        keeps_identity=stays,
        identity=identity_after(survey.snapshot, request.provision, stays=stays),
    )
    image = identity.image(made_at_of(survey.snapshot.fctry, identity)) if identity else None
    warn_overridden(survey.snapshot, image, listen)
    if request.bundle is None:
        regions = _identity_regions(survey.table, image)
        return _told(known + _write(loader, regions, listen), listen)
    _check_journal(survey.table, request.bundle.table)
    if survey.snapshot.summary().must_stay:
        _check_places(survey.table, request.bundle.table)
    in_use, fate = _files_stay(survey, request.bundle, recreate=recreate_files)
    _settle_files(survey, request, loader, fate, listen, whole=not in_use)
    plan = request.bundle.plan(vfs=not in_use, fctry=None if in_use else image)
    report = known + _write(loader, list(plan), listen)
    if in_use:
        return _finish_at_prompt(line, request, report, chip.mac, listen)
    return _told(report, listen)


def _settle_files(
    survey: Survey,
    request: LoadRequest,
    loader: BootLoader,
    fate: str,
    listen: Listener,
    *,
    whole: bool,
) -> None:
    """Have what is on the device asked about, said and saved, before anything is written."""
    place = survey.old_files(request.board.flash_size)
    if not request.recreate_files:
        spared = _spare_the_owner(survey, place, request, listen, whole=whole)
        if fate:
            lost = "" if spared else " What is on it is lost; --backup FILE would keep it."
            listen(Remark(fate + lost, warning=True))
    if whole and request.backup is not None:
        _back_up(loader, place, request.backup, listen)


def _spare_the_owner(
    survey: Survey, place: tuple[int, int], request: LoadRequest, listen: Listener, *, whole: bool
) -> bool:
    """Raise BadInput if files of the reader's owner would go that may not; save those that may.

    Who names a backup has said what becomes of a file system that goes whole. What is only written
    over is saved at the prompt. Returns whether nothing is lost that could be read.
    """
    if whole and request.backup is not None:
        return True
    files = survey.files(place, starts_the_reader)
    names = replaced_in_flash(files, whole=whole).keys()
    read = partial(survey.files, place, names.__contains__) if whole else None
    save_or_stop(request, names, read, survey.snapshot.mac, listen)
    return bool(files)


def _write(loader: BootLoader, regions: Sequence[FlashRegion], listen: Listener) -> LoadReport:
    listen(Step("Writing the flash"))
    result = loader.write(regions)
    names = {region.offset: region.name for region in regions}
    written = sorted(result.written, key=lambda region: region.offset)
    return LoadReport(
        regions=tuple(names.get(region.offset, hex(region.offset)) for region in written),
        sent=result.sent,
        same=sum(len(region.data) for region in regions if region.offset in result.skipped),
    )


def _finish_at_prompt(
    line: PortSession, request: LoadRequest, report: LoadReport, mac: str, listen: Listener
) -> LoadReport:
    """Update a file system in use file by file, and the identity last.

    The new agent stands before the new identity does, so that no old one acts on it.
    """
    assert request.bundle is not None  # noqa: S101 - without a bundle there are no files
    restart(line, listen)
    repl = Repl(line.port())
    try:
        # It was just reset: whatever its own program does, it has not begun.
        take_prompt_at_start(line, repl, listen)
        # What the owner loses by it was asked before anything was written.
        asked = msgspec.structs.replace(request, may_replace=lambda _files: True)
        changes = update_files(repl, asked, mac, listen)
    except (FileSystemBroken, NoFileSystem):
        return load_in_boot_loader(line, request, listen, recreate_files=True)
    except DeviceSilent as silent:
        raise DeviceSilent(
            f"Firmware and table are loaded, but not the agent's files: {silent.message}",
            "Its boot.py or main.py may be in the way. To replace the file system: --recreate-files, "
            "with --backup FILE to keep what is on it.",
        ) from None
    report += files_report(changes)
    if request.provision is not None and not report.keeps_identity:
        report += write_identity(repl, request.provision)
    return _told(report, listen)


def _told(report: LoadReport, listen: Listener) -> LoadReport:
    listen(Remark(report.words()))
    return report


def _files_stay(survey: Survey, bundle: FirmwareBundle, *, recreate: bool) -> tuple[bool, str]:
    """Tell whether the file system stays, and in words what becomes of one that does not."""
    state = survey.file_system(bundle.table.get("vfs"))
    if state == "blank":
        return False, ""
    if state == "in use" and not recreate:
        return True, ""
    why = "is damaged" if state == "in use" else "does not fit or is damaged"
    return False, f"The file system on the device {why}: it is written anew."


def _back_up(loader: BootLoader, place: tuple[int, int], path: Path, listen: Listener) -> None:
    """Save the bytes of the file system that is about to be replaced."""
    offset, size = place
    if not size:
        listen(Remark("There is no file system to back up."))
        return
    listen(Step(f"Backing up {size >> 10} KiB of file system"))
    data = loader.read(offset, size)
    save_backup(path, data)
    listen(Remark(f"{path} holds the {files_in(data)} of the old file system."))


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


def _check_journal(there: PartitionTable | None, planned: PartitionTable) -> None:
    """Raise WouldTouchBound for a journal of passings that the new table would cut or move."""
    row = there.find("race") if there else None
    if row is not None and row != planned.find("race"):
        raise WouldTouchBound(
            "The device keeps a journal of passings in its partition 'race', which the new table "
            "would have elsewhere, or in another size.",
            "Load it with the board profile that it was made with, or update its agent's files only.",
        )


def _identity_regions(table: PartitionTable | None, image: bytes | None) -> list[FlashRegion]:
    row = table.find("fctry") if table else None
    if row is None:
        raise BadInput(
            "The device has no partition 'fctry' to write an identity to.",
            "Load it first: startline flash.",
        )
    return [] if image is None else [FlashRegion("fctry", row.offset, image)]
