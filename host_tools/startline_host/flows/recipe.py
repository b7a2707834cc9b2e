"""What the units of a batch share, and from it the flash plan of each."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from startline_host.formats.bytecode import check_bytecode
from startline_host.formats.factory_partition import DeviceSettings, make_factory_image, with_led
from startline_host.formats.flash_plan import FlashPlan, FlashRegion, device_table, make_plan
from startline_host.formats.littlefs_image import make_filesystem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from startline_host.boards import Board
    from startline_host.flows.firmware_store import ChosenFirmware
    from startline_host.formats.units import Unit


class Recipe:
    """Board, firmware, the files of a blank `vfs`, and the settings; the plans come out of it.

    Raises BadInput, here and in every method, for parts that do not go together.
    """

    def __init__(
        self,
        board: Board,
        chosen: ChosenFirmware,
        files: Mapping[str, bytes],
        settings: DeviceSettings,
    ) -> None:
        check_bytecode(files, chosen.firmware.version)
        self.board = board
        self.chosen = chosen
        self.files = files
        self.settings = with_led(settings, board.led)

    @cached_property
    def base(self) -> FlashPlan:
        """The plan that is the same for all units: everything but `fctry`."""
        size = device_table(self.board, self.chosen.firmware).get("vfs").size
        return make_plan(self.board, self.chosen.firmware, vfs=make_filesystem(self.files, size))

    def plan(self, unit: Unit) -> FlashPlan:
        """Return the whole plan of one unit."""
        return make_plan(
            self.board,
            self.chosen.firmware,
            vfs=self.base.get("vfs").data,
            fctry=self.fctry(unit).data,
        )

    def fctry(self, unit: Unit) -> FlashRegion:
        """Return the region that tells one unit from the next."""
        row = self.base.table.get("fctry")
        return FlashRegion("fctry", row.offset, make_factory_image(unit, self.settings, row.size))
