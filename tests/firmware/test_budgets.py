"""The budgets for size, imports and heap, measured on real boots in the real MicroPython."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from host_tools.cloud import MockCloud
from tests.firmware.conftest import MakeReader
from tests.firmware.harness import Boot

KIB = 1024
ALL, FIRST, BOUND = 28 * KIB, 16 * KIB, 6 * KIB
FIRST_HEAP, BOUND_HEAP = 64, 24  # KiB, of 64-bit objects


def imported(boot: Boot, lib: Path) -> int:
    """Return how many bytes of .mpy a boot imported."""
    sizes = 0
    for name in boot.end["modules"]:
        path = lib / name.replace(".", "/")
        file = path / "__init__.mpy" if path.is_dir() else path.with_suffix(".mpy")
        sizes += file.stat().st_size
    return sizes


def test_size_of_the_whole_agent(lib: Path) -> None:
    """All modules together keep their budget."""
    sizes = {str(path): path.stat().st_size for path in (lib / "startline").rglob("*.mpy")}
    assert sum(sizes.values()) <= ALL, sizes


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


def smallest_heap(works: Callable[[str], bool]) -> int:
    """Return the smallest heap in KiB with which something works."""
    low, high = 4, 256
    while high - low > 1:
        middle = (low + high) // 2
        try:
            low, high = (low, middle) if works(f"{middle}k") else (middle, high)
        except AssertionError:  # it ended for want of memory
            low = middle
    return high


def test_heap(make_reader: MakeReader, cloud: MockCloud) -> None:
    """First and bound boots need no more heap, above the chip's own, than they may."""
    readers = iter(range(1000))

    def first(heap: str) -> bool:
        return make_reader(f"reader{next(readers)}").boot(heap=heap).state == "bound"

    chip = smallest_heap(lambda heap: not make_reader("chip").boot(heap=heap, empty=True).events)
    assert smallest_heap(first) - chip <= FIRST_HEAP
    reader = make_reader("bound")
    reader.boot()
    assert smallest_heap(lambda heap: reader.boot(heap=heap).state == "bound") - chip <= BOUND_HEAP
