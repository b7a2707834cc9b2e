"""What the units of a batch share, and from it the flash plan of each."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from host_tools.images.bytecode import check_bytecode
from host_tools.images.factory import Settings, make_factory_image
from host_tools.images.filesystem import make_filesystem
from host_tools.images.plan import FlashPlan, Region, device_table, make_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from host_tools.boards import Board
    from host_tools.images.firmware_store import ChosenFirmware
    from host_tools.images.units import Unit


class Recipe:
    """Board, firmware, the files of a blank `vfs`, and the settings; the plans come out of it.

    Raises BadInput, here and in every method, for parts that do not go together.
    """

    def __init__(
        self,
        board: Board,
        chosen: ChosenFirmware,
        files: Mapping[str, bytes],
        settings: Settings,
    ) -> None:
        check_bytecode(files, chosen.firmware.version)
        self.board = board
        self.chosen = chosen
        self.files = files
        self.settings = settings

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

    def fctry(self, unit: Unit) -> Region:
        """Return the region that tells one unit from the next."""
        row = self.base.table.get("fctry")
        return Region("fctry", row.offset, make_factory_image(unit, self.settings, row.size))
