"""The factory line over virtual readers: units a minute, the gain of many slots, CPU a unit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from startline_host.errors import Bug
from tests.benchmarks.machine import cores
from tests.benchmarks.row import UNKNOWN, Peer, Row

#: Slots, and units made with them: enough that the first and the last wave weigh little.
RUNS = ((1, 4), (4, 8), (8, 16), (16, 48))
#: Rounds in which each has its turn; the best one counts, as all else only ever slows it.
ROUNDS = 2


@dataclass(frozen=True)
class Made:
    """A run of the line: units, seconds without the command's own start, seconds of CPU in all."""

    units: int
    seconds: float
    cpu: float

    @property
    def a_minute(self) -> float:
        """Units a minute."""
        return 60 * self.units / self.seconds

    @property
    def cpu_a_unit(self) -> float:
        """Seconds of CPU for a unit."""
        return self.cpu / self.units


def rows(work: Path) -> Iterator[Row]:
    """Yield units a minute and CPU a unit by slots, each beside one slot, and the speed-up."""
    make(work / "warm-up", 1, 1)
    best: dict[int, Made] = {}
    for number in range(ROUNDS):
        for slots, units in RUNS:
            made = make(work / f"line-{number}-{slots}", slots, units)
            best[slots] = max(best.get(slots, made), made, key=lambda one: one.a_minute)
    alone = best[RUNS[0][0]]
    for slots, made in best.items():
        rate = Peer("one after another", alone.a_minute) if slots > 1 else None
        yield Row(f"units_a_minute_{slots}", made.a_minute, "units/min", rate)
        yield Row(f"cpu_a_unit_{slots}", made.cpu_a_unit, "CPU s")
    slots, _ = RUNS[-1]
    gain = best[slots].a_minute / alone.a_minute
    note = f"{gain:.1f} times on {cores()} cores; a unit alone waits for most of its time"
    yield Row(f"speed_up_{slots}_per_core", gain / cores(), "x per core", note=note)


def make(folder: Path, slots: int, units: int) -> Made:
    """Make units with so many slots. Raises Bug where not every one of them passes."""
    command = [sys.executable, "-m", "startline_host", "line", "--json", "--folder", str(folder)]
    command += ["--virtual", str(slots), "--count", str(units)]
    before = _cpu_of_children()
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    cpu = _cpu_of_children() - before
    told = [json.loads(line) for line in done.stdout.splitlines()]
    result: dict[str, Any] = next((one for one in told if one["kind"] == "result"), {})
    if result.get("ends") != {"passed": units}:
        raise Bug(f"The line of {slots} slots did not pass {units} units.", done.stderr[-400:])
    return Made(units, result["seconds"], cpu)


def _cpu_of_children() -> float:
    """Return the CPU seconds of all processes that have ended below this one."""
    if sys.platform == "win32":
        return UNKNOWN
    times = os.times()
    return times.children_user + times.children_system
