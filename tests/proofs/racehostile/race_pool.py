"""Plays answers to races in MicroPythons whose heap has a given size, some to each process."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

from startline_host.formats.bytecode import device_files
from startline_host.formats.partitions import FCTRY_SIZE
from startline_host.virtual.vm_binary import micropython_command
from tests.proofs.hostile.vm_pool import smallest_heap
from tests.proofs.powercuts.blank_units import make_unit
from tests.proofs.racehostile.race_answers import RaceAnswer

_HERE = Path(__file__).parent
_POWERCUTS = _HERE.parent / "powercuts" / "vm"
#: A process that computes for so many seconds hangs, its own time passes in no time; or for fewer,
#: where whoever started this one has set a limit.
_LIMITED = 'ulimit -t 120 2>/dev/null; exec "$0" "$@"'


@dataclass(frozen=True)
class RaceResult:
    """What came of one race: as `AnsweredRace.play` tells it, or `words` why it told nothing."""

    answer: RaceAnswer
    told: dict[str, Any] = field(default_factory=dict)
    console: str = ""
    words: str = ""


class RacePool:
    """Readers in `folder`, and MicroPythons in which they race, `workers` at a time.

    `agent` is a firmware folder (by default the one that came with this program). Raises BadInput
    without a MicroPython.
    """

    def __init__(self, folder: Path, *, workers: int = 1, agent: Path | None = None) -> None:
        self._program = micropython_command()
        self._lib = folder / "lib"
        self._install(agent)
        self._folders: SimpleQueue[Path] = SimpleQueue()
        for number in range(workers):
            reader = folder / str(number)
            reader.mkdir()
            (reader / "fctry").write_bytes(make_unit("rufus", "startline", "same")[-FCTRY_SIZE:])
            self._folders.put(reader)
        self._pool = ThreadPoolExecutor(workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def play(self, answers: Sequence[RaceAnswer], heap: int, batch: int) -> Iterator[RaceResult]:
        """Play each answer to a race, `batch` of them a process, in a heap of so many bytes."""
        pieces = [answers[at : at + batch] for at in range(0, len(answers), batch)]
        for results in self._pool.map(lambda piece: list(self._race(piece, heap)), pieces):
            yield from results

    def empty(self) -> int:
        """Return the smallest heap, in bytes, in which all of this does nothing but stand there."""
        return smallest_heap(lambda heap: not self._run(None, heap)[1])

    def _race(self, answers: Sequence[RaceAnswer], heap: int) -> Iterator[RaceResult]:
        folder = self._folders.get()
        try:
            with (folder / "answers").open("wb") as said, (folder / "cases").open("w") as cases:
                for answer in answers:
                    cases.write(json.dumps(answer.told(said.tell())) + "\n")
                    said.write(answer.begin)
            consoles, words = self._run(folder, heap)
        finally:
            self._folders.put(folder)
        # The one that the process ended in told nothing; those behind it are played without it.
        for answer, (console, told) in zip(answers, consoles, strict=False):
            yield RaceResult(answer, told, console)
        done = len(consoles)
        if done < len(answers):
            yield RaceResult(answers[done], words=words or "told nothing")
            yield from self._race(answers[done + 1 :], heap) if answers[done + 1 :] else ()

    def _run(self, folder: Path | None, heap: int) -> tuple[list[tuple[str, dict[str, Any]]], str]:
        """Return what each race printed and told, and how the process ended if not well."""
        cases = str(folder / "cases") if folder else ""
        reader = folder or next(iter(self._lib.parent.glob("*/fctry"))).parent
        program = f"import sys\nsys.path[:]={[str(self._lib), '.frozen']}\nimport answered_race\n"
        done = subprocess.run(
            ["sh", "-c", _LIMITED, *self._program, "-X", f"heapsize={heap}", "-c",
             f"{program}answered_race.run({str(reader)!r}, {cases!r})"],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
            env={k: v for k, v in os.environ.items() if not k.startswith("MICROPY")},
        )  # fmt: skip
        found = []
        console, *ends = done.stdout.decode("utf-8", "replace").split("END ")
        for end in ends:
            told, _, after = end.partition("\n")
            found.append((console, json.loads(told)))
            console = after
        last = (done.stderr.decode("utf-8", "replace") + console).strip().splitlines()
        return found, (last[-1] if last else str(done.returncode)) if done.returncode else ""

    def _install(self, agent: Path | None) -> None:
        beside: Iterable[Path] = (
            *(_HERE / "vm").glob("*.py"), _POWERCUTS / "fake_tls.py", _POWERCUTS / "http_model.py",
            _HERE.parent / "hostile" / "vm" / "small_chip.py",
        )  # fmt: skip
        files = {
            name.removeprefix("/lib/"): content
            for name, content in device_files(agent, beside).items()
            if name.startswith("/lib/")
        }
        for name, content in files.items():
            (self._lib / name).parent.mkdir(parents=True, exist_ok=True)
            (self._lib / name).write_bytes(content)
