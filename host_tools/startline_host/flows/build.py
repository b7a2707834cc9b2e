"""Everything to flash, as files: the regions, one factory partition a unit, and a manifest.

The same input gives the same bytes, manifest included.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec
from startline import __version__

from startline_host.flows.output_folder import write_folder
from startline_host.formats.bytecode import bytecode_version
from startline_host.formats.flash_plan import FlashRegion, merged_image
from startline_host.formats.partitions import PartitionTable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from startline_host.flows.recipe import Recipe
    from startline_host.formats.units import Unit

MANIFEST = "manifest.json"
#: Said of every whole-flash file, wherever it is named.
ERASES = (
    "A merged file is for a blank chip: written to a device it erases its record, and with it "
    "the binding."
)


class BuiltFile(msgspec.Struct, frozen=True):
    """One file of a build; `offset` in flash, `size` in bytes."""

    name: str
    file: str
    offset: int
    size: int
    sha256: str


class BuiltUnit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was built for one unit."""

    serial: str
    model: str
    fctry: BuiltFile
    mac: str = ""
    made_at: int | None = None
    merged: BuiltFile | None = None


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a build holds, and of what it was made; no time of day, so that it is reproducible."""

    startline: str
    board: str
    chip: str
    flash_size: int
    firmware_file: str
    firmware_version: str
    firmware_sha256: str
    bytecode: int
    table: PartitionTable
    regions: list[BuiltFile]
    units: list[BuiltUnit]
    warning: str = ""

    def files(self) -> list[BuiltFile]:
        """List every file of the build but the manifest."""
        of_units = [unit.fctry for unit in self.units]
        of_units += [unit.merged for unit in self.units if unit.merged is not None]
        return [*self.regions, *of_units]


def build(recipe: Recipe, units: Sequence[Unit], out: Path, *, merged: bool = False) -> Manifest:
    """Write the files of a build into the folder `out`, and return its manifest.

    Everything is made and checked in a folder beside it first; files with keys in them are
    readable for their owner only. Raises BadInput, and then `out` is as it was.
    """
    _ = recipe.base
    return write_folder(
        out,
        lambda work: _write_all(work, recipe, units, merged=merged),
        index=MANIFEST,
        listed=_listed,
    )


def _write_all(work: Path, recipe: Recipe, units: Sequence[Unit], *, merged: bool) -> Manifest:
    chosen = recipe.chosen
    regions = [
        _write(work, region, f"{region.name.replace(' ', '-')}.bin") for region in recipe.base
    ]
    built = [
        _write_unit(work, recipe, unit, name, merged=merged)
        for unit, name in zip(units, file_names(units), strict=True)
    ]
    manifest = Manifest(
        startline=__version__,
        board=recipe.board.full_name,
        chip=recipe.board.chip,
        flash_size=recipe.board.flash_size,
        firmware_file=chosen.file,
        firmware_version=chosen.firmware.version,
        firmware_sha256=chosen.firmware.sha256,
        bytecode=bytecode_version(chosen.firmware.version),
        table=recipe.base.table,
        regions=regions,
        units=built,
        warning=ERASES if merged else "",
    )
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (work / MANIFEST).write_bytes(text + b"\n")
    return manifest


def _write_unit(work: Path, recipe: Recipe, unit: Unit, name: str, *, merged: bool) -> BuiltUnit:
    plan = recipe.plan(unit)
    whole = None
    if merged:
        region = FlashRegion("merged", 0, merged_image(plan))
        whole = _write(work, region, f"merged{name}.bin", private=True)
    return BuiltUnit(
        serial=unit.serial,
        model=unit.model,
        mac=unit.mac,
        made_at=unit.made_at,
        fctry=_write(work, plan.get("fctry"), f"fctry{name}.bin", private=True),
        merged=whole,
    )


def _write(work: Path, region: FlashRegion, file: str, *, private: bool = False) -> BuiltFile:
    path = work / file
    path.touch(mode=0o600 if private else 0o644)
    path.write_bytes(region.data)
    digest = hashlib.sha256(region.data).hexdigest()
    return BuiltFile(region.name, file, region.offset, len(region.data), digest)


def file_names(units: Sequence[Unit]) -> list[str]:
    """Return the part of a file name for each unit: empty for one, "-SERIAL" for several.

    Serial numbers that no file system takes as they are get a digest behind them.
    """
    if len(units) == 1:
        return [""]
    names = []
    for unit in units:
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", unit.serial)
        if safe != unit.serial or safe != safe.upper():
            safe += "-" + hashlib.sha256(unit.serial.encode()).hexdigest()[:8]
        names.append(f"-{safe}")
    return names


def _listed(path: Path) -> set[str]:
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, RecursionError):
        return set()
    return {file.file for file in manifest.files()}
