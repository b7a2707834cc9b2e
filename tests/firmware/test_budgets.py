"""The budgets for size, imports and heap, measured on real boots in the real MicroPython."""

from __future__ import annotations

from pathlib import Path

import pytest

from startline_host.flows.roles import RACING_ROLES
from startline_host.mock_cloud import MockCloud
from tests.benchmarks.lives import flash_with
from tests.benchmarks.meter import Meter
from tests.benchmarks.unit import provision, small_kit
from tests.firmware.conftest import MakeReader
from tests.firmware.harness import Boot, HarnessReader

#: A heap of a given size, and what is left of it, is what only the unix port can show.
pytestmark = pytest.mark.unix_port

KIB = 1024
CORE, FIRST, BOUND = 36 * KIB, 20 * KIB, 8 * KIB
#: What only some readers load, each with a budget of its own.
ROLES = {
    "startline_console": 4 * KIB,
    "startline_race": 24 * KIB,
    "startline_online": 10 * KIB,
    "startline_usb": 4 * KIB,
    "startline_led": 2 * KIB,
    "startline_liveport": 6 * KIB,
    "startline_vms": 4 * KIB,
    "startline_improv": 3 * KIB,
}
#: Calls to read flash of a bound boot, from the mount to the end of main.py, above an empty one.
BOUND_READS = 700
FIRST_HEAP, BOUND_HEAP = 72 * KIB, 24 * KIB  # of 64-bit objects


def imported(boot: Boot, lib: Path) -> int:
    """Return how many bytes of .mpy a boot imported."""
    sizes = 0
    for name in boot.end["modules"]:
        path = lib / name.replace(".", "/")
        file = path / "__init__.mpy" if path.is_dir() else path.with_suffix(".mpy")
        if name != "startline.clouds":  # a folder that has no code of its own on a device
            sizes += file.stat().st_size
    return sizes


def test_size_of_the_whole_agent(lib: Path) -> None:
    """The core keeps its budget, and so does each role that it imports only where it is used."""
    for name, limit in {"startline": CORE, **ROLES}.items():
        assert 0 < sum(path.stat().st_size for path in (lib / name).rglob("*.mpy")) <= limit, name


def test_what_a_first_boot_imports(make_reader: MakeReader, cloud: MockCloud, lib: Path) -> None:
    """A first boot over https, from blank to bound and scrubbed, imports within its budget."""
    boot = make_reader().boot()
    assert boot.state == "bound"
    assert imported(boot, lib) <= FIRST


def test_what_a_bound_boot_imports(make_reader: MakeReader, cloud: MockCloud, lib: Path) -> None:
    """A bound reader imports little, and nothing of networks, requests or writing."""
    reader = make_reader()
    reader.boot()
    boot = reader.boot()
    assert boot.state == "bound"
    assert imported(boot, lib) <= BOUND


def test_how_often_a_bound_boot_reads_flash(cloud: MockCloud, tmp_path: Path) -> None:
    """A bound boot looks for few files, in folders with short logs."""
    bundle = small_kit(tmp_path).with_roles(RACING_ROLES)  # by its settings
    image = provision("DEVICE-123", cloud).image()
    chip = Meter(tmp_path / "chip", flash_with(bundle, bundle.files, image))
    chip.first_boot()
    nothing = flash_with(bundle, {**bundle.files, "/main.py": b""})
    idle = Meter(tmp_path / "idle", nothing).idle_boot()
    assert chip.bound_boots(1).reads - idle.reads <= BOUND_READS


def test_heap(make_reader: MakeReader, cloud: MockCloud) -> None:
    """What a first boot with TLS, and a bound boot, keep in use of the heap is within budget."""
    reader = make_reader()
    assert reader.boot().end["heap"] <= FIRST_HEAP
    bound = reader.boot()
    assert bound.state == "bound"
    assert bound.end["heap"] <= BOUND_HEAP


def test_boots_in_small_heaps(make_reader: MakeReader, cloud: MockCloud) -> None:
    """In a heap of the budget above an empty program, gaps and all, both boots end bound."""
    reader = make_reader()
    empty = next(kib for kib in range(8, 64) if is_enough(reader, kib))
    for budget in (FIRST_HEAP, BOUND_HEAP):
        assert reader.boot(heap=f"{empty + budget // KIB}k").state == "bound"


def is_enough(reader: HarnessReader, kib: int) -> bool:
    """Tell whether that is heap enough for the stand-ins alone."""
    try:
        reader.boot(heap=f"{kib}k", empty=True)
    except AssertionError:
        return False
    return True


def test_failure_after_failure_leaks_nothing(make_reader: MakeReader, cloud: MockCloud) -> None:
    """Try after try against a cloud that is not there, the heap in use stays what it was."""
    reader = make_reader(base_url="https://localhost:1/v0")
    few, many = (reader.boot(retries=count).end["heap"] for count in (3, 60))
    assert many - few <= 512
