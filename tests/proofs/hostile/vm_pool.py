"""Plays an answer to a first boot in a MicroPython of its own, in a heap of a given size."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from startline.record.copies import Record
from startline.record.rules import bind_copy, classify

from startline_host.errors import Bug
from startline_host.formats.bytecode import compile_source, device_files
from startline_host.formats.flash_dump import partition_reader
from startline_host.formats.partitions import BIND_SIZE, FCTRY_SIZE
from startline_host.virtual.vm_binary import micropython_command
from tests.proofs.hostile.fuzzed_answers import FuzzedAnswer
from tests.proofs.powercuts.blank_units import CANARY, make_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_HERE = Path(__file__).parent
#: A life that takes longer than this hangs: its own time passes in no time.
_HANGS_AFTER_S = 60.0
_NOTHING = FuzzedAnswer(0, b"", 0, "close", 0, in_list=False)
_BLANK = b"\xff"
_ROOM_STEP = 1024
_MOST_ROOM = 256 * 1024


def smallest_heap(is_enough: Callable[[int], bool]) -> int:
    """Return the smallest heap, in bytes, that is enough for something, to a KiB."""
    low, high = 0, _MOST_ROOM
    while high - low > _ROOM_STEP:
        middle = (low + high) // 2
        if is_enough(middle):
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True)
class BootResult:
    """What came of one boot. `copies` are the record in `nvs` and in `bind`, as the agent sorts it.

    `end` has state, reason and token, `binds` (requests that bind), `open` (sockets left open) and
    `ms` (its own time); it is empty where there was no end, and `words` say why. `has_key` tells
    whether the claim key is still in flash.
    """

    answer: FuzzedAnswer
    end: dict[str, Any]
    console: str = ""
    words: str = ""
    copies: tuple[Record | str, ...] = ()
    has_key: bool = True


class VmPool:
    """Blank units in `folder`, and MicroPythons that boot them, `workers` at a time.

    `agent` is a firmware folder (by default the one that came with this program). Raises BadInput
    without a MicroPython.
    """

    def __init__(self, folder: Path, *, workers: int = 1, agent: Path | None = None) -> None:
        self._program = micropython_command()
        self._lib = folder / "lib"
        self._units: SimpleQueue[Path] = SimpleQueue()
        self._fctry = make_unit("rufus", "startline", "absent")[-FCTRY_SIZE:]
        self._install(agent)
        for number in range(workers):
            unit = folder / str(number)
            unit.mkdir()
            self._units.put(unit)
        self._pool = ThreadPoolExecutor(workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def play(self, answers: Iterable[FuzzedAnswer], heap: int) -> Iterator[BootResult]:
        """Play each answer to a blank unit's first boot, in a heap of so many bytes."""
        yield from self._pool.map(lambda answer: self._live(answer, heap), answers)

    def empty(self) -> int:
        """Return the smallest heap, in bytes, in which all of this does nothing but stand there."""
        return smallest_heap(lambda heap: not self._live(None, heap).words)

    def _live(self, answer: FuzzedAnswer | None, heap: int) -> BootResult:
        unit = self._units.get()
        try:
            return self._boot(unit, answer or _NOTHING, heap)
        finally:
            self._units.put(unit)

    def _boot(self, unit: Path, answer: FuzzedAnswer, heap: int) -> BootResult:
        said, record = unit / "answer", unit / "record"
        said.write_bytes(answer.begin)
        record.unlink(missing_ok=True)
        for name, content in (
            ("fctry", self._fctry), ("bind", _BLANK * BIND_SIZE), ("nvs", _BLANK * 0x1000)
        ):  # fmt: skip
            (unit / name).write_bytes(content)
        path = "" if answer is _NOTHING else str(said)
        told = (str(unit), path, answer.size, answer.end, answer.slow_us, int(answer.in_list))
        program = f"import sys\nsys.path[:]={[str(self._lib), '.frozen']}\nimport answered_boot\n"
        try:
            done = subprocess.run(
                [
                    *self._program,
                    "-X",
                    f"heapsize={heap}",
                    "-c",
                    f"{program}answered_boot.run(*{told})",
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_HANGS_AFTER_S,
                check=False,
                env={k: v for k, v in os.environ.items() if not k.startswith("MICROPY")},
            )
        except subprocess.TimeoutExpired:
            return BootResult(answer, {}, words="hangs")
        console, mark, end = done.stdout.decode("utf-8", "replace").rpartition("END ")
        if done.returncode or not mark:
            last = (done.stderr.decode("utf-8", "replace") + end).strip().splitlines()
            return BootResult(
                answer, {}, words=last[-1] if last else f"ends with {done.returncode}"
            )
        blob = record.read_bytes() if record.exists() else b""
        copies = (classify(blob), bind_copy(partition_reader((unit / "bind").read_bytes())))
        has_key = CANARY.encode() in (unit / "fctry").read_bytes()
        return BootResult(answer, json.loads(end), console, copies=copies, has_key=has_key)

    def _install(self, agent: Path | None) -> None:
        files = {
            name.removeprefix("/lib/"): content
            for name, content in device_files(agent).items()
            if name.startswith("/lib/")
        }
        for source in (_HERE / "vm").glob("*.py"):
            files[f"{source.stem}.mpy"] = compile_source(source.read_bytes(), source.name)
        for name, content in files.items():
            (self._lib / name).parent.mkdir(parents=True, exist_ok=True)
            (self._lib / name).write_bytes(content)
        if CANARY.encode() not in self._fctry:
            raise Bug("The unit has no key that could be watched for.")
