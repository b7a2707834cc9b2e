"""A device in its boot loader: reads what a plan needs, and carries out what it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from startline_host.device.bootloader import BootLoader
from startline_host.device.port_session import PortSession
from startline_host.flows.backup import files_in, save_backup
from startline_host.flows.flash_survey import Survey, stretches
from startline_host.flows.found_device import FoundDevice
from startline_host.flows.load_plan import LoadPlan, Need
from startline_host.flows.load_request import LoadReport, LoadRequest
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.flows.owner_files import replaced_in_flash, save_owned, starts_the_reader
from startline_host.formats.flash_plan import FlashRegion


class BootLoaderSession:
    """One boot-loader session for a request; afterwards the device waits for a restart."""

    def __init__(self, line: PortSession, request: LoadRequest, listen: Listener) -> None:
        # Without reset wires only a person can have started the boot loader, and it is there or not.
        attempts = 7 if line.port().can_reset else 2
        line.free()
        listen(Step("Reading the flash"))
        baud = request.flash_baud or request.board.baud.flash
        self._loader = BootLoader(
            line.url, baud, listen, attempts=attempts, slower=self._say_slower
        )
        self._line = line
        self._planned = request.bundle.table if request.bundle else None
        self._backup = request.backup
        self._flash_size = request.board.flash_size
        self._listen = listen
        self._survey: Survey | None = None

    def identify(self, *, broken_files: bool) -> FoundDevice:
        """Return which chip it is; `broken_files` as a working MicroPython has found."""
        chip = self._loader.identify(stretches(self._planned) if self._planned else {})
        self._line.in_boot_loader = True
        return FoundDevice(
            via="boot loader",
            chip=chip.kind,
            mac=chip.mac,
            flash_size=chip.flash_size,
            broken_files=broken_files,
        )

    def read(self, need: Need, _request: LoadRequest, found: FoundDevice) -> FoundDevice:
        """Return the device with what a plan needs to be decided."""
        if self._survey is None:
            self._survey = Survey(self._loader, found.mac, self._planned)
        survey = self._survey
        if need == "kept":
            return msgspec.structs.replace(found, kept=survey.snapshot, table=survey.table)
        if need == "file system" and self._planned is not None:
            return msgspec.structs.replace(
                found,
                file_system=survey.file_system(self._planned.get("vfs")),
                old_files=survey.old_files(self._flash_size),
            )
        if need == "files":
            owned = survey.files(found.old_files, starts_the_reader)
            return msgspec.structs.replace(found, owned=owned)
        names = replaced_in_flash(found.owned or {}, whole=True)
        contents = survey.files(found.old_files, names.__contains__)
        return msgspec.structs.replace(found, contents=contents)

    def carry_out(self, plan: LoadPlan) -> LoadReport:
        """Save what is to be saved, and write the regions that differ.

        Raises BadInput where something cannot be saved, StorageFailed where flash does not do as it
        was told.
        """
        save_owned(plan.saves, plan.identity.mac, self._listen)
        for remark in plan.before:
            self._listen(remark)
        if plan.backs_up is not None and self._backup is not None:
            self._back_up(plan.backs_up, self._backup)
        report = LoadReport(keeps_identity=plan.keeps_identity, identity=plan.identity)
        return report + self._write(plan.regions)

    def _say_slower(self, rate: int, next_rate: int, reason: str) -> None:
        self._listen(
            Remark(
                f"Writing at {rate} baud failed: {reason} Either the line cannot keep up with that "
                f"rate, or its power or cable failed for a moment. Trying again slower, at {next_rate} first.",
                warning=True,
            )
        )

    def _write(self, regions: Sequence[FlashRegion]) -> LoadReport:
        self._listen(Step("Writing the flash"))
        result = self._loader.write(regions)
        names = {region.offset: region.name for region in regions}
        written = sorted(result.written, key=lambda region: region.offset)
        return LoadReport(
            regions=tuple(names.get(region.offset, hex(region.offset)) for region in written),
            sent=result.sent,
            same=sum(len(region.data) for region in regions if region.offset in result.skipped),
        )

    def _back_up(self, place: tuple[int, int], path: Path) -> None:
        """Save the bytes of the file system that is about to be replaced."""
        offset, size = place
        if not size:
            self._listen(Remark("There is no file system to back up."))
            return
        self._listen(Step(f"Backing up {size >> 10} KiB of file system"))
        data = self._loader.read(offset, size)
        save_backup(path, data)
        self._listen(Remark(f"{path} holds the {files_in(data)} of the old file system."))
