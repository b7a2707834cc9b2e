"""The flash plan, and what it must never hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from startline_host.errors import BadInput, Bug
from startline_host.formats.factory_partition import DeviceSettings, make_factory_image
from startline_host.formats.flash_plan import (
    FlashPlan,
    FlashRegion,
    check_plan,
    make_plan,
    merged_image,
)
from startline_host.formats.littlefs_image import make_filesystem
from startline_host.formats.partitions import parse_table

if TYPE_CHECKING:
    from startline_host.boards import Board
    from startline_host.formats.firmware_file import Firmware
    from startline_host.formats.units import Unit


@pytest.fixture
def plan(board: Board, firmware: Firmware, unit: Unit, settings: DeviceSettings) -> FlashPlan:
    """Make the whole plan of one reader."""
    vfs = make_filesystem({"/main.py": b"print(1)\n"}, 0xFA000)
    return make_plan(board, firmware, vfs=vfs, fctry=make_factory_image(unit, settings))


def test_the_plan_holds_no_byte_of_the_devices_own(plan: FlashPlan) -> None:
    """No sector that writing the plan erases lies in nvs, phy_init, race or bind."""
    assert [region.name for region in plan] == [
        "boot loader",
        "partition table",
        "application",
        "vfs",
        "fctry",
    ]
    for owned in (plan.table.get(name) for name in ("nvs", "phy_init", "race", "bind")):
        for region in plan:
            assert region.erased_end <= owned.offset or region.offset >= owned.end
    assert not any(region.offset < 0xF000 and region.erased_end > 0x9000 for region in plan)


@pytest.mark.parametrize(
    "region",
    [
        FlashRegion("partition table", 0x8000, bytes(0x1001)),
        FlashRegion("boot loader", 0x1000, bytes(0x7001)),
        FlashRegion("fctry", 0x3FA000, bytes(0x2000)),
        FlashRegion("vfs", 0x200000, bytes(0xFA001)),
        FlashRegion("application", 0xF000, bytes(10)),
        FlashRegion("nvs", 0x9000, bytes(10)),
        FlashRegion("bind", 0x3FA000, bytes(10)),
        FlashRegion("race", 0x2FA000, bytes(10)),
        FlashRegion("vfs", 0x2F9000, bytes(0x1001)),
        FlashRegion("fctry", 0x3FC001, bytes(10)),
        FlashRegion("fctry", 0x3FC000, bytes(0x4001)),
    ],
)
def test_a_region_out_of_its_place_is_a_bug(plan: FlashPlan, region: FlashRegion) -> None:
    """A plan that would leave a region's place is stopped, one byte too many included."""
    with pytest.raises(Bug):
        check_plan(msgspec.structs.replace(plan, regions=(region,)))


def test_two_regions_in_one_place_are_a_bug(plan: FlashPlan) -> None:
    """Regions that overlap are stopped."""
    with pytest.raises(Bug, match="overlap"):
        check_plan(msgspec.structs.replace(plan, regions=(*plan.regions, plan.get("vfs"))))


def test_an_image_that_is_not_the_partition_is_refused(board: Board, firmware: Firmware) -> None:
    """A vfs image of the stock partition's size does not go into the shortened one."""
    with pytest.raises(BadInput, match="vfs image has 2097152 bytes and its partition 1024000"):
        make_plan(board, firmware, vfs=bytes(0x200000))


def test_flash_smaller_than_the_table_is_refused(board: Board, firmware: Firmware) -> None:
    """A board with 2 MiB gets no plan."""
    with pytest.raises(BadInput, match="too small"):
        make_plan(msgspec.structs.replace(board, flash_size=0x200000), firmware)


def test_the_merged_image_is_the_whole_flash(plan: FlashPlan) -> None:
    """One file for a blank chip: 4 MiB, the plan's bytes in place, nvs and bind blank."""
    flash = merged_image(plan)
    assert len(flash) == 4 << 20
    for region in plan:
        assert flash[region.offset : region.end] == region.data
    assert flash[0x9000:0x10000] == b"\xff" * 0x7000
    assert flash[0x3FA000:0x3FC000] == b"\xff" * 0x2000
    assert parse_table(flash[0x8000:0x9000]) == plan.table


def test_no_repr_shows_the_bytes(plan: FlashPlan) -> None:
    """Neither repr of the plan shows what is in it, keys among it."""
    assert "ror-" not in repr(plan)
    assert "ror-" not in repr([region.__rich_repr__() for region in plan])
    assert plan.get("fctry").data.find(b"ror-") > 0
