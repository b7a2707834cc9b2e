"""What boots do to the flash, by partition, and for how long a sector bears it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from startline_host.errors import Bug
from startline_host.mock_cloud import MockCloud
from tests.benchmarks.lives import flash_with
from tests.benchmarks.meter import Counts, Meter
from tests.benchmarks.row import UNKNOWN, Row
from tests.benchmarks.unit import provision, small_kit

_CYCLES = 100_000
_MANY, _FEW = 1000, 30


def rows(work: Path) -> Iterator[Row]:
    """Yield programs and erases of a first boot, of bound boots, of vain ones, and the life."""
    bundle = small_kit(work)
    with MockCloud() as cloud:
        unit = provision("DEVICE-123", cloud)
        chip = Meter(work / "chip", flash_with(bundle, bundle.files, unit.image()))
        first = chip.first_boot()
    if not first.network:
        raise Bug("A first boot was not seen to use the network.")
    yield from _told("first_boot", first)
    yield from _told("bound_boot", chip.bound_boots(1))
    many = chip.bound_boots(_MANY)
    yield from _told(f"bound_boots_{_MANY}", many)
    lonely = Meter(work / "lonely", flash_with(bundle, bundle.files, unit.image())).lonely_boots(
        _FEW
    )
    yield from _told(f"boots_without_network_{_FEW}", lonely)
    yield _life("first", first, 1)
    yield _life("bound", many, _MANY)


def _life(name: str, counts: Counts, boots: int) -> Row:
    """Tell after how many such boots the most erased sector would be worn out."""
    worst = max(part.worst for part in counts.parts.values())
    if not worst:
        note = f"no end: in {boots:,} no sector is erased, and only erasing wears one out"
        return Row(f"life_{name}_boots", UNKNOWN, "boots", note=note)
    note = f"at {_CYCLES:,} cycles a sector; {worst} in {boots:,} boots at the most"
    return Row(f"life_{name}_boots", _CYCLES * boots / worst, "boots", note=note)


def _told(name: str, counts: Counts) -> Iterator[Row]:
    for kind in ("programs", "erases"):
        by_part = {label: getattr(part, kind) for label, part in counts.parts.items()}
        note = ", ".join(f"{label} {count}" for label, count in by_part.items() if count)
        yield Row(f"{name}.{kind}", sum(by_part.values()), kind, note=note)
