"""Runs orders in the real MicroPython, several at a time, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Self

from startline_host import virtual
from startline_host.boards import data_folder
from startline_host.errors import Bug
from startline_host.formats.bytecode import device_files
from startline_host.virtual.vm_binary import micropython_command
from tests.proofs.powercuts.cut_plan import Job

_HERE = Path(__file__).parent
_VIRTUAL = Path(virtual.__file__).parent
_RACE = _HERE.parent / "racecuts" / "vm"
_JOB_SECONDS = 900.0

#: The modules that have units bind.
BINDING = {"runner": "vm.cut_jobs", "network": "vm.fake_socket"}

Result = dict[str, Any]


class VmRunner:
    """The agent and blank units in `folder`, and VMs that run lifetimes over them.

    What a lifetime is, two modules say: see `vm/start.py`, and `BINDING` for units that bind.
    `agent` is a folder with boot.py, main.py and startline/ (by default the one that came with
    this program); it is compiled as it is for a device. Raises BadInput without a MicroPython,
    or for an agent that does not compile.
    """

    def __init__(
        self,
        folder: Path,
        units: Mapping[str, bytes],
        *,
        agent: Path | None = None,
        heap: str = "3M",
        workers: int = 1,
        play: Mapping[str, str] = BINDING,
    ) -> None:
        self._folder = folder
        self._play = dict(play)
        self._heap = heap
        self._program = micropython_command()
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._numbers = iter(range(1 << 30))
        self._images = {name: self._keep(f"unit-{name}", data) for name, data in units.items()}
        self._size = max(map(len, units.values()))
        self._path = [str(_HERE), str(_RACE), str(_VIRTUAL), str(self._install(agent))]
        self._pool = ThreadPoolExecutor(workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End what still runs."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for process in self._running:
                process.kill()
        self._pool.shutdown()

    def run(self, jobs: Sequence[Job]) -> list[Result]:
        """Run jobs in one process, in their order. Raises Bug where it dies or never ends."""
        path = self._keep(f"jobs-{next(self._numbers)}.json", json.dumps(
            {
                "path": self._path,
                "images": self._images_of(jobs),
                "size": self._size,
                **self._play,
                "jobs": list(jobs),
            }
        ).encode())  # fmt: skip
        try:
            said = self._call(path)
        finally:
            Path(path).unlink()
        results: list[Result] = json.loads(said.splitlines()[-1])
        return results

    def run_all(self, jobs: Sequence[Job], batch: int = 1) -> Iterator[tuple[Job, Result]]:
        """Run jobs, `batch` of them a process; yield each with its result as they come in."""
        batches = [jobs[at : at + batch] for at in range(0, len(jobs), batch)]
        waiting: dict[Future[list[Result]], Sequence[Job]] = {
            self._pool.submit(self.run, some): some for some in batches
        }
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield from zip(waiting.pop(future), future.result(), strict=True)

    def _images_of(self, jobs: Sequence[Job]) -> dict[str, str]:
        """Return the units that these jobs are about: the VM's collector goes through all of it."""
        wanted = {spec["unit"] for job in jobs for spec in job.get("specs", [job.get("spec")])}
        return {name: path for name, path in self._images.items() if name in wanted}

    def _call(self, path: str) -> str:
        process = subprocess.Popen(
            [*self._program, "-X", f"heapsize={self._heap}", str(_HERE / "vm" / "start.py"), path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._folder,
            env={k: v for k, v in os.environ.items() if not k.startswith("MICROPY")},
        )
        with self._lock:
            self._running.add(process)
        try:
            out, err = process.communicate(timeout=_JOB_SECONDS)
        except BaseException as error:
            process.kill()
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                raise Bug(f"A VM with lifetimes did not end in {_JOB_SECONDS:.0f} s.") from None
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode:
            last = (err or out).strip().splitlines()[-12:]
            raise Bug(f"A VM with lifetimes ended with {process.returncode}: {' | '.join(last)}")
        return out

    def _install(self, agent: Path | None) -> Path:
        root = self._folder / "agent"
        root.mkdir()
        for name in ("operator_commands.py", "race_commands.py"):
            commands = (agent or data_folder("firmware")) / name
            (root / name).write_bytes(commands.read_bytes())
        for name, content in device_files(agent).items():
            if name.startswith("/lib/"):
                path = root / name.removeprefix("/lib/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return root

    def _keep(self, name: str, data: bytes) -> str:
        path = self._folder / name
        path.write_bytes(data)
        return str(path)
