"""What has become of each mutant: kept in a file, so that a run goes on where it was ended."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from startline_host.formats.bytecode import compile_source
from tests.proofs.mutation.laboratory import KILLED, SAME, SURVIVED, Outcome
from tests.proofs.mutation.population import ROOT, Mutant

EXPLAINED = Path(__file__).with_name("explained.toml")
_SOURCES = ("firmware", "tests/firmware", "tests/race_role", "tests/proofs")


def explanations() -> dict[str, str]:
    """Return by the name of a mutant why it is no fault, as explained.toml has it."""
    found: dict[str, str] = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))["equivalent"]
    return found


def _digest(paths: Iterable[Path]) -> str:
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]


@dataclass
class MutationResults:
    """Outcomes by the mutants' names.

    What was noticed stays so as long as its module compiles to the same, whatever its comments and
    types say; who survived is tried again when anything of the agent or of the proofs has changed.
    """

    path: Path
    everything: str
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    baseline: str = ""

    @classmethod
    def open(cls, path: Path) -> MutationResults:
        """Read what an earlier run has left, if anything."""
        sources = (path for name in _SOURCES for path in (ROOT / name).rglob("*.py"))
        results = cls(path, _digest(sources))
        if path.is_file():
            kept = json.loads(path.read_text(encoding="utf-8"))
            results.found, results.baseline = kept["mutants"], kept["baseline"]
        return results

    @property
    def holds(self) -> bool:
        """Whether the proofs are known to hold of the agent without any change."""
        return self.baseline == self.everything

    def hold(self) -> None:
        """Take down that they do."""
        self.baseline = self.everything
        self._write()

    def known(self, mutant: Mutant) -> bool:
        """Tell whether there is nothing new to learn about a mutant."""
        entry = self.found.get(mutant.key)
        if entry is None:
            return False
        if entry["status"] == SURVIVED:
            return bool(entry["everything"] == self.everything)
        return bool(entry["module"] == module_digest(mutant.module))

    def add(self, mutant: Mutant, outcome: Outcome) -> None:
        """Take an outcome and write all of them down."""
        about = {"module": module_digest(mutant.module), "everything": self.everything}
        self.found[mutant.key] = {**outcome.as_json(), **about}
        self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        whole = {
            "score": score(self.found, explanations()),
            "baseline": self.baseline,
            "mutants": self.found,
        }
        fresh.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        fresh.replace(self.path)

    def of(self, mutants: Iterable[Mutant]) -> dict[str, dict[str, Any]]:
        """Return the outcomes of those that were tried."""
        return {one.key: self.found[one.key] for one in mutants if one.key in self.found}


@cache
def module_digest(module: str, root: Path = ROOT) -> str:
    """Return the digest of what a module below `root`/firmware compiles to, without its lines."""
    source = (root / "firmware" / module).read_bytes()
    return hashlib.sha256(compile_source(source, "m.py", lines=False)).hexdigest()[:16]


def score(found: Mapping[str, Mapping[str, Any]], explained: Mapping[str, str]) -> float:
    """Return which part of the mutants is killed, without those that are no faults; 1 without any."""
    counts = Counter(entry["status"] for name, entry in found.items() if name not in explained)
    tried = counts[KILLED] + counts[SURVIVED]
    return counts[KILLED] / tried if tried else 1.0


def by_proof(found: Mapping[str, Mapping[str, Any]]) -> Counter[str]:
    """Return how many mutants each proof was the first to notice."""
    return Counter(entry["by"] for entry in found.values() if entry["status"] == KILLED)


def survivors(
    found: Mapping[str, Mapping[str, Any]], explained: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return the names of those that no proof notices: without an explanation, and with one."""
    alive = [name for name, entry in found.items() if entry["status"] == SURVIVED]
    return [one for one in alive if one not in explained], [
        one for one in alive if one in explained
    ]


def stale(mutants: Iterable[Mutant], found: Mapping[str, Mapping[str, Any]],
          explained: Mapping[str, str]) -> list[str]:  # fmt: skip
    """Return explanations of mutants that are no more, or that a proof notices after all."""
    names = {mutant.key for mutant in mutants}
    noticed = {name for name, entry in found.items() if entry["status"] in {KILLED, SAME}}
    return [name for name in explained if name not in names or name in noticed]
