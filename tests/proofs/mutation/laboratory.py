"""A copy of this tree in which a mutant lives, and the proofs that are tried on it there."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from startline_host.formats.bytecode import compile_source
from tests.proofs.mutation.population import CORE, ROOT, Mutant

#: What a proof may take: processor time for each of its processes, so that a busy machine ends
#: none, and real time for one that only waits. Those of a race take a few seconds each.
_CPU_SECONDS = 60
_RACE_CPU_SECONDS = 30
#: So many times as long where there is no mutant, and each test is watched.
_WATCHED = 4
_LIMITED = 'ulimit -t {} && exec "$0" "$@"'
_REAL_SECONDS = 1200
_TEST_SURVEY = ROOT / "build" / "mutants" / "tests.json"
_LONGEST = 400  # characters of what a proof said

#: Of the race, what needs neither a server nor time: on CPython, then in the VM.
_RACE_RULES = ("steps", "session_steps", "connection", "reply", "sntp", "timekeeper",
               "link", "time_asked", "restarts", "damage", "repeats", "passing_values", "program",
               "race_commands", "journal", "facade", "time", "recovery")  # fmt: skip

KILLED, SURVIVED, SAME = "killed", "survived", "same"


@dataclass(frozen=True)
class Proof:
    """One proof: its name and the command that runs it in a tree; exit code 0 is that it holds."""

    name: str
    command: tuple[str, ...]
    cpu_seconds: int = _CPU_SECONDS


def _pytest(name: str, *which: str, cpu_seconds: int = _CPU_SECONDS) -> Proof:
    quiet = ("-x", "-q", "--tb=line", "-rfE", "-p", "no:cacheprovider", "--versions=none",
             "-p", "tests.proofs.mutation.quick")  # fmt: skip
    return Proof(name, ("-m", "pytest", *quiet, *which), cpu_seconds)


#: By package, in the order of what they cost. The first is the agent's own code on CPython.
PROOFS = {
    CORE: (
        _pytest("rules", "tests/firmware", "-k", "not unix"),
        _pytest("corpus", "tests/corpus"),
        Proof("powercuts", ("-m", "tests.proofs.mutation.samples", "powercuts")),
        Proof("hostile", ("-m", "tests.proofs.mutation.samples", "hostile")),
        _pytest("boots", "tests/firmware", "-k", "unix"),
    ),
    "startline_race": (
        _pytest(
            "rules",
            *(f"tests/race_role/test_{name}.py" for name in _RACE_RULES),
            cpu_seconds=_RACE_CPU_SECONDS,
        ),
        _pytest(
            "hostile",
            "tests/proofs/test_racehostile.py",
            "-k",
            "is_not_trusted",
            cpu_seconds=_RACE_CPU_SECONDS,
        ),
        Proof(
            "racecuts",
            ("-m", "tests.proofs.mutation.samples", "racecuts"),
            _RACE_CPU_SECONDS,
        ),
    ),
}
#: What a survivor is held against when that is asked for: minutes each.
WHOLE = {
    CORE: (
        Proof("all power cuts, rufus", ("-m", "tests.proofs.powercuts", "--jobs", "1")),
        Proof(
            "all power cuts, vms",
            ("-m", "tests.proofs.powercuts", "--jobs", "1", "--cloud", "vms"),
        ),
    ),
    "startline_race": (
        _pytest("clouds", "tests/race_role/test_sending.py", "tests/race_role/test_sync.py"),
        Proof("all power cuts of a race", ("-m", "tests.proofs.racecuts", "--jobs", "1")),
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: `by` names the proof that noticed, `words` what it said.

    SAME is a mutant whose bytecode is the original's.
    """

    status: str
    by: str = ""
    words: str = ""
    seconds: float = 0.0

    def as_json(self) -> dict[str, object]:
        """Return it for the file of results."""
        return {"status": self.status, "by": self.by, "words": self.words,
                "seconds": round(self.seconds, 1)}  # fmt: skip


class Laboratory:
    """One copy of the tree in `folder`; what is tried in it is tried one after another.

    A process of a proof that computes for more than its `cpu_seconds` is ended: it hangs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._moment = int(time.time())
        _copy_tree(folder)

    def try_mutant(self, mutant: Mutant, proofs: Sequence[Proof]) -> Outcome:
        """Put a mutant in the place of its module, and hold the proofs against it in turn."""
        path = self.folder / "firmware" / mutant.module
        original = path.read_bytes()
        mutated = mutant.source(self.folder).encode()
        written_alike = ast.unparse(ast.parse(original)).encode() + b"\n"
        if compile_source(mutated, "m.py") == compile_source(written_alike, "m.py"):
            return Outcome(SAME)
        self._put(path, mutated)
        try:
            return self.run(proofs, mutant)
        finally:
            self._put(path, original)

    def _put(self, path: Path, source: bytes) -> None:
        """Write a module, at a moment of its own: CPython then compiles it anew, and only it."""
        path.write_bytes(source)
        self._moment += 1
        os.utime(path, (self._moment, self._moment))

    def run(self, proofs: Sequence[Proof], mutant: Mutant | None = None) -> Outcome:
        """Run the proofs until one does not hold; they are told which `mutant` they meet."""
        began = time.monotonic()
        for proof in proofs:
            words = self._fails(proof, mutant)
            if words:
                return Outcome(KILLED, proof.name, words, time.monotonic() - began)
        return Outcome(SURVIVED, seconds=time.monotonic() - began)

    def _fails(self, proof: Proof, mutant: Mutant | None) -> str:
        """Return why a proof does not hold, or nothing."""
        limited = _LIMITED.format(proof.cpu_seconds * (1 if mutant else _WATCHED))
        process = subprocess.Popen(
            ["sh", "-c", limited, sys.executable, *proof.command],
            cwd=self.folder,
            env=self._environment(mutant),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=_REAL_SECONDS)
        except subprocess.TimeoutExpired:
            return "it does not end"
        finally:
            _end_group(process)
        return _why(process.returncode, said)

    def _environment(self, mutant: Mutant | None) -> Mapping[str, str]:
        folders = (self.folder, self.folder / "host_tools", self.folder / "firmware")
        return {
            **{name: value for name, value in os.environ.items() if name != "MICROPYTHON"},
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "STARTLINE_TEST_SURVEY": str(_TEST_SURVEY),
            "STARTLINE_MUTANT": f"{mutant.module} {mutant.change.function}" if mutant else "",
            "COLUMNS": "200",
        }


def _end_group(process: subprocess.Popen[str]) -> None:
    """End what a proof has left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _why(code: int, said: str) -> str:
    if code == 0:
        return ""
    named = re.findall(r"^(?:FAILED|ERROR) (\S.*)$", said, re.MULTILINE)
    lines = [line for line in said.splitlines() if line.strip()]
    words = named[0] if named else lines[-1] if lines else ""
    return (words or f"exit code {code}")[:_LONGEST]


def _copy_tree(folder: Path) -> None:
    """Copy every file of this tree that is tracked, or could be."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
