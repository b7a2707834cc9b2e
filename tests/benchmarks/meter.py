"""Boots of the agent on a flash whose every read, program and erase is counted by partition."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from startline_host.errors import Bug
from startline_host.virtual.chip_options import DEFAULT_MAC
from startline_host.virtual.vm_binary import micropython_command
from tests.benchmarks.unit import AIR, SILENCE

_SCRIPT = Path(__file__).parent / "vm" / "metered.py"
_VIRTUAL = Path(__file__).parents[2] / "host_tools" / "startline_host" / "virtual"
_SECONDS = 300


class PartitionMeter(msgspec.Struct, frozen=True):
    """What happened to one partition; `worst` are the erases of its most erased sector."""

    reads: int
    bytes_read: int
    programs: int
    erases: int
    worst: int


class Counts(msgspec.Struct, frozen=True):
    """What boots did: to each partition that they touched, and calls to the network's modules."""

    parts: Mapping[str, PartitionMeter]
    network: int

    @property
    def reads(self) -> int:
        """Calls to read flash, of all partitions."""
        return sum(part.reads for part in self.parts.values())


class Meter:
    """A chip in `folder` with this flash; every boot is a power-on."""

    def __init__(self, folder: Path, flash: bytes) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._flash = folder / "flash.bin"
        self._flash.write_bytes(flash)

    def first_boot(self) -> Counts:
        """Boot once, with Wi-Fi in the air. Raises Bug where it does not end bound."""
        return self._boots(1, AIR, "bound")

    def bound_boots(self, count: int) -> Counts:
        """Boot so often where there is no network. Raises Bug where one does not end bound."""
        return self._boots(count, SILENCE, "bound")

    def lonely_boots(self, count: int) -> Counts:
        """Boot a blank one so often where there is no network: it stays unbound."""
        return self._boots(count, SILENCE, "unbound")

    def idle_boot(self) -> Counts:
        """Boot once what has an empty main.py, as any chip does."""
        return self._boots(1, SILENCE, "")

    def _boots(self, count: int, world: Mapping[str, Any], state: str) -> Counts:
        order = self._folder / "order.json"
        values = {
            "virtual": str(_VIRTUAL),
            "flash": str(self._flash),
            "mac": DEFAULT_MAC.replace(":", ""),
            "world": world,
            "boots": count,
            "until": state,
        }
        order.write_text(json.dumps(values), encoding="utf-8")
        done = subprocess.run(
            [*micropython_command(), "-X", "heapsize=8M", str(_SCRIPT), str(order)],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode:
            raise Bug(f"A metered boot failed: {(done.stdout + done.stderr).strip()[-400:]}")
        told = json.loads(done.stdout.splitlines()[-1])
        if told["ended"] != state:
            raise Bug(f"A metered boot ended {told['ended']}: {told['said'][-300:]}")
        counts = msgspec.convert({"parts": told["parts"], "network": told["network"]}, Counts)
        used = {name: part for name, part in counts.parts.items() if part.reads or part.programs}
        return msgspec.structs.replace(counts, parts=used)
