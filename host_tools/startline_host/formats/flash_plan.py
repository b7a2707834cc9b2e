"""The flash plan: which bytes go where, and the proof that none goes into the device's own."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from startline_host.errors import BadInput, Bug
from startline_host.formats.partitions import (
    SECTOR,
    TABLE_OFFSET,
    PartitionTable,
    make_table,
    startline_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from startline_host.boards import Board
    from startline_host.formats.firmware_file import Firmware

#: Partitions that the host fills, and the only ones.
_HOSTS_PARTITIONS = frozenset({"application", "vfs", "fctry"})


class FlashRegion(msgspec.Struct, frozen=True):
    """Bytes for one place in flash; `offset` from flash start, always at a sector."""

    name: str
    offset: int
    data: bytes

    # fctry holds keys: neither repr shows the bytes.
    def __repr__(self) -> str:
        return f"Region({self.name!r}, {self.offset:#x}, {len(self.data)} bytes)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("name", self.name), ("offset", self.offset), ("size", len(self.data))]

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.offset + len(self.data)

    @property
    def erased_end(self) -> int:
        """The offset behind the last sector that writing this region erases."""
        return -(-self.end // SECTOR) * SECTOR

    @property
    def sha256(self) -> str:
        """The digest of the data, in hex."""
        return hashlib.sha256(self.data).hexdigest()


class FlashPlan(msgspec.Struct, frozen=True):
    """Everything to write to a device, in the order of flash; checked when it is made."""

    board: str
    chip: str
    flash_size: int
    table: PartitionTable
    regions: tuple[FlashRegion, ...]

    def __iter__(self) -> Iterator[FlashRegion]:
        return iter(self.regions)

    def get(self, name: str) -> FlashRegion:
        """Return the region of that name. Raises KeyError where the plan has none."""
        for region in self.regions:
            if region.name == name:
                return region
        raise KeyError(name)

    def only(self, *names: str) -> FlashPlan:
        """Return the plan with just the named regions."""
        return msgspec.structs.replace(
            self, regions=tuple(region for region in self.regions if region.name in names)
        )

    @property
    def size(self) -> int:
        """How many bytes the plan holds."""
        return sum(len(region.data) for region in self.regions)


def make_plan(
    board: Board, firmware: Firmware, *, vfs: bytes | None = None, fctry: bytes | None = None
) -> FlashPlan:
    """Return the plan that makes `board` a reader: firmware, patched table, `vfs`, `fctry`.

    `vfs` and `fctry` are whole partition images; one that is None is left as it is on the device.
    Raises BadInput for what does not fit the board's flash.
    """
    table = device_table(board, firmware)
    app = table.get(firmware.app_partition.name)
    regions = [
        FlashRegion("boot loader", board.firmware_offset, firmware.boot_loader),
        FlashRegion("partition table", TABLE_OFFSET, make_table(table)),
        FlashRegion("application", app.offset, firmware.app),
    ]
    for name, image in (("vfs", vfs), ("fctry", fctry)):
        if image is not None:
            row = table.get(name)
            if len(image) != row.size:
                raise BadInput(
                    f"The {name} image has {len(image)} bytes and its partition {row.size}."
                )
            regions.append(FlashRegion(name, row.offset, image))
    plan = FlashPlan(board.name, board.chip, board.flash_size, table, tuple(regions))
    check_plan(plan, app.name)
    return plan


def device_table(board: Board, firmware: Firmware) -> PartitionTable:
    """Return the firmware's table with Startline's rows for the board's flash size."""
    return startline_table(firmware.table, board.flash_size, board.race_size)


def check_plan(plan: FlashPlan, app_name: str = "factory") -> None:
    """Raise Bug unless every region stays in the place that its name gives it.

    Counted are the sectors that writing erases, so nothing of `nvs`, `phy_init`, `race` or `bind` can be
    touched, nor anything beyond the flash.
    """
    if plan.table.end > plan.flash_size:
        raise Bug(f"The table ends at {plan.table.end:#x}, behind the flash.")
    for region in plan.regions:
        begin, end = _place(plan, region, app_name)
        if region.offset % SECTOR or region.offset < begin or region.erased_end > end:
            raise Bug(
                f"Writing {region.name} at {region.offset:#x} to {region.erased_end:#x} "
                f"would leave its place, {begin:#x} to {end:#x}."
            )
    ordered = sorted(plan.regions, key=lambda region: region.offset)
    if any(a.erased_end > b.offset for a, b in pairwise(ordered)):
        raise Bug("Two regions of the flash plan overlap.")


def _place(plan: FlashPlan, region: FlashRegion, app_name: str) -> tuple[int, int]:
    if region.name == "boot loader":
        return 0, TABLE_OFFSET
    if region.name == "partition table":
        return TABLE_OFFSET, TABLE_OFFSET + SECTOR
    if region.name not in _HOSTS_PARTITIONS:
        raise Bug(f"A flash plan has no region named {region.name!r}.")
    row = plan.table.get(app_name if region.name == "application" else region.name)
    return row.offset, row.end


def merged_image(plan: FlashPlan) -> bytes:
    """Return the whole flash in one file, for a blank chip: everything not in the plan is 0xFF.

    Written to a device it erases `nvs`, `race` and `bind`: a binding, and all passings.
    """
    flash = bytearray(b"\xff") * plan.flash_size
    for region in plan.regions:
        flash[region.offset : region.end] = region.data
    return bytes(flash)
