"""How long a bound device takes to be ready, above one with an empty main.py, and what it reads.

The time is the VM's own processor time from its start to its prompt, since others use this machine
too; both kinds of boot are taken in turns, and the median of their differences counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from startline_host.errors import Bug
from startline_host.flows.roles import RACING_ROLES
from startline_host.mock_cloud import MockCloud
from tests.benchmarks.lives import UnitLives, flash_with
from tests.benchmarks.meter import Meter
from tests.benchmarks.row import Peer, Row
from tests.benchmarks.timing import interleave, median_difference
from tests.benchmarks.unit import SILENCE, provision, small_kit

_ROUNDS = 80
_MS = 1000
_IS_BOUND = b'"state":"bound"'


def rows(work: Path) -> Iterator[Row]:
    """Yield the time to `ready`, the network calls, and reads and writes by partition."""
    bundle = small_kit(work).with_roles(RACING_ROLES)  # by its settings
    with MockCloud() as cloud:
        unit = provision("DEVICE-123", cloud)
        first = UnitLives(work / "first", flash_with(bundle, bundle.files, unit.image()))
        if _IS_BOUND not in first.live():
            raise Bug("A first boot did not end bound.")
    bound = first.path.read_bytes()
    chip = UnitLives(work / "bound", bound, SILENCE)
    nothing = flash_with(bundle, {**bundle.files, "/main.py": b""})
    empty = UnitLives(work / "empty", nothing, SILENCE)
    ready, idle = interleave([lambda: _boot(chip, _IS_BOUND), lambda: _boot(empty, b"")], _ROUNDS)
    note = f"VM time, median of {_ROUNDS} pairs"
    yield Row("bound_to_ready", median_difference(ready, idle), "ms", note=note)
    # What else the machine does only slows a boot: the quickest of each kind can be compared.
    peer = Peer("with an empty main.py", min(idle))
    yield Row("bound_to_prompt", min(ready), "ms", peer, "the quickest")
    counts = Meter(work / "meter", bound).bound_boots(1)
    yield Row("bound_network_calls", counts.network, "calls")
    idle_parts = Meter(work / "idle", nothing).idle_boot().parts
    reads = {
        label: part.reads - (idle_parts[label].reads if label in idle_parts else 0)
        for label, part in counts.parts.items()
    }
    note = ", ".join(f"{label} {count:,}" for label, count in reads.items())
    yield Row("bound_reads", sum(reads.values()), "reads", note=f"above an empty main.py: {note}")
    size = sum(part.bytes_read for part in counts.parts.values())
    yield Row("bound_bytes_read", size, "bytes")
    writes = sum(part.programs + part.erases for part in counts.parts.values())
    yield Row("bound_writes", writes, "erases and programs")


def _boot(chip: UnitLives, said: bytes) -> float:
    if said not in chip.live():
        raise Bug("A boot did not end as it should.")
    return chip.cpu * _MS
