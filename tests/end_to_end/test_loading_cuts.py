"""The plug is pulled in the middle of loading, at any flash operation; running it again ends well.

`STARTLINE_CUTS=200 pytest tests/end_to_end/test_loading_cuts.py` pulls it at 200 points.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from startline_host.device.port import open_port
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.roles import RACING_ROLES
from startline_host.formats.bytecode import role_of
from startline_host.formats.flash_plan import FlashPlan, merged_image
from startline_host.formats.littlefs_image import read_filesystem
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline
from tests.power_loss import loses_power

VFS, NVS, BIND, FCTRY = (
    slice(0x200000, 0x2FA000),
    slice(0x9000, 0xF000),
    slice(0x3FA000, 0x3FC000),
    slice(0x3FC000, 0x400000),
)
_SECTOR, _PAGE = 4096, 256
#: How many operations it takes to send all files anew and write an identity, about.
_AT_PROMPT = 420


def points(count: int) -> Iterator[tuple[str, float]]:
    """Spread so many cuts over the three ways of loading, and over each from its begin to its end.

    Yields which way, and how far into it, 0 to 1.
    """
    for way, share in (("blank", 0.3), ("prompt", 0.5), ("bound", 0.2)):
        cuts = max(1, round(count * share))
        for number in range(cuts):
            yield way, (number + 0.5) / cuts


def flash_operations(plan: FlashPlan) -> int:
    """Return how many erases and page programs writing a plan takes."""
    return sum(-(-len(region.data) // _SECTOR) + -(-len(region.data) // _PAGE) for region in plan)


class PulledPlug:
    """A reader that loses its power after so many flash operations, and gets it again."""

    def __init__(self, flash: Path, world: Path) -> None:
        self._flash = flash
        self._world = world

    def cut(self, after: int, use: Callable[[VirtualEsp32], None]) -> bool:
        """Use the reader until its power goes; tell whether it went."""
        chip = VirtualEsp32(self._flash, world=self._world, cut_after=after)
        try:
            use(chip)
            return loses_power(chip)
        finally:
            chip.stop()

    def again(self) -> VirtualEsp32:
        """Return the reader with power that stays."""
        return VirtualEsp32(self._flash, world=self._world)


@pytest.fixture
def plug(flash: Path, tmp_path: Path) -> PulledPlug:
    """Have a reader to pull the plug of, in a world with the bench's Wi-Fi."""
    world = tmp_path / "world.json"
    world.write_text("{}", encoding="utf-8")
    return PulledPlug(flash, world)


@pytest.mark.parametrize(
    ("way", "far"),
    [
        pytest.param(way, far, id=f"{way}-{far:.3f}")
        for way, far in points(int(os.environ.get("STARTLINE_CUTS", "7")))
    ],
)
def test_a_cut_of_the_power_is_made_good_by_running_it_again(
    startline: Startline,
    plug: PulledPlug,
    settings_file: Path,
    cloud: MockCloud,
    bundle: FirmwareBundle,
    provision: Provision,
    flash: Path,
    way: str,
    far: float,
) -> None:
    """Whichever operation the cut tears, the next run ends bound, with one record at the cloud."""
    prepare = {"blank": _blank, "prompt": _older_agent, "bound": _bound}[way]
    operations, more = prepare(plug, bundle, provision, cloud, flash)
    kept = [flash.read_bytes()[place] for place in (NVS, BIND, FCTRY)] if more else []
    words = ("--serial", SERIAL, *more)

    def first(chip: VirtualEsp32) -> None:
        done = startline("up", "-p", chip.url, *words)
        assert done.code in {10, 12}, done.err

    assert plug.cut(int(operations * far), first), "the load needs fewer operations than expected"
    with plug.again() as chip:
        done = startline("up", "-p", chip.url, *words, "--json")
    assert done.code == 0, done.err
    result = done.lines()[-1]
    assert (result["state"], result["verified"]) == ("bound", True)
    (device,) = cloud.devices()
    assert result["deviceid"] == device["deviceid"]
    assert [request.method for request in cloud.requests].count("POST") == 1
    files = read_filesystem(flash.read_bytes()[VFS])
    roles = frozenset(map(role_of, files))
    assert roles >= RACING_ROLES
    assert files == bundle.with_roles(roles).files
    if more:
        assert [flash.read_bytes()[place] for place in (NVS, BIND, FCTRY)] == kept


def _blank(
    _plug: PulledPlug, bundle: FirmwareBundle, provision: Provision, _cloud: MockCloud, flash: Path
) -> tuple[int, tuple[str, ...]]:
    """Leave the chip blank: everything is written through the boot loader."""
    flash.unlink(missing_ok=True)
    return flash_operations(
        bundle.with_roles(RACING_ROLES).plan(vfs=True, fctry=provision.image())
    ), ()


def _older_agent(
    _plug: PulledPlug, bundle: FirmwareBundle, provision: Provision, _cloud: MockCloud, flash: Path
) -> tuple[int, tuple[str, ...]]:
    """Have all files differ, and another unit's identity: both are changed at the prompt."""
    files = {path: b"# older\n" + bytes(200) for path in bundle.files} | {"/main.py": b"# older\n"}
    other = msgspec.structs.replace(
        provision, unit=msgspec.structs.replace(provision.unit, serial="DEVICE-122")
    )
    older = msgspec.structs.replace(bundle, files=files)
    flash.write_bytes(merged_image(older.plan(vfs=True, fctry=other.image())))
    return _AT_PROMPT, ()


def _bound(
    plug: PulledPlug, bundle: FirmwareBundle, provision: Provision, cloud: MockCloud, flash: Path
) -> tuple[int, tuple[str, ...]]:
    """Have a bound reader whose file system is damaged: it is written anew, and nothing else."""
    flash.write_bytes(merged_image(bundle.plan(vfs=True, fctry=provision.image())))
    with plug.again() as chip:
        cloud.wait_for_request("POST", timeout=30)
        with open_port(chip.url) as port:
            heard = b""
            while b">>> " not in heard:
                more = port.read(10.0)
                if not more:
                    port.write(b"\r")
                heard = heard[-100:] + more
    with flash.open("r+b") as file:
        file.seek(VFS.start)
        file.write(b"\x55" * 0x4000)
    return flash_operations(
        bundle.with_roles(RACING_ROLES).plan(vfs=True, fctry=None).only("vfs")
    ), ("--allow-bound",)
