"""Which mutants there are, and which of them are tried."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.proofs.mutation.changes import Change, changes

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Package:
    """What is mutated together, below firmware/: all of it, so that a new module is in it by itself.

    But for what is `left_out`, each with the reason.
    """

    patterns: tuple[str, ...]
    left_out: Mapping[str, str]


CORE = "startline"
PACKAGES = {
    CORE: Package(
        ("operator_commands.py", "startline/**/*.py", "startline_vms/__init__.py"),
        {
            "startline/hal.py": "the chip, in whose place the tests put another, and how its console says things",
            "startline/chip.py": "the chip, the other half",
            "startline/net/wifi.py": "a link: no request and no record",
            "startline/events.py": "the form of what is said",
            "startline/json_escape.py": "the form of what is said",
            "startline/net/reasons.py": "words for a failure",
            "startline/net/__init__.py": "a name",
            "startline/__init__.py": "starts the app",
            "startline/clouds/_template.py": "a page to copy, which no device loads",
        },
    ),
    "startline_race": Package(
        ("race_commands.py", "startline_race/**/*.py", "startline_online/**/*.py"),
        {
            "startline_race/errors.py": "names",
            "startline_race/manifest.py": "what a build takes, which no device loads",
            "startline_online/manifest.py": "what a build takes, which no device loads",
        },
    ),
}


@dataclass(frozen=True)
class Mutant:
    """One change of one module, whose path is below firmware/."""

    module: str
    change: Change

    @property
    def key(self) -> str:
        """Its name for good, as long as what it changes stands in that function."""
        return f"{self.module}: {self.change.key}"

    def source(self, root: Path = ROOT) -> str:
        """Return the mutated module."""
        return self.change.apply((root / "firmware" / self.module).read_text(encoding="utf-8"))


def modules(package: str = CORE, root: Path = ROOT) -> list[str]:
    """Return the paths of what is mutated. Raises ValueError for one left out that is not there."""
    about = PACKAGES[package]
    firmware = root / "firmware"
    paths = [path for pattern in about.patterns for path in sorted(firmware.glob(pattern))]
    names = [path.relative_to(firmware).as_posix() for path in paths]
    gone = about.left_out.keys() - set(names)
    if gone:
        raise ValueError(f"There is no {', '.join(sorted(gone))}: see PACKAGES in {__file__}.")
    return [name for name in names if name not in about.left_out]


def every_mutant(package: str = CORE, root: Path = ROOT) -> list[Mutant]:
    """Return all mutants of all modules of a package, in the order of their text."""
    return [
        Mutant(module, change)
        for module in modules(package, root)
        for change in _changes((root / "firmware" / module).read_text(encoding="utf-8"))
    ]


@cache
def _changes(source: str) -> tuple[Change, ...]:
    return tuple(changes(source))


def choose(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return about `count` of them, of each module its share; the same for the same seed.

    Which are chosen depends on each one's own name: a line that is added changes no other's turn.
    """
    chosen: list[Mutant] = []
    for module in dict.fromkeys(mutant.module for mutant in mutants):
        own = [mutant for mutant in mutants if mutant.module == module]
        share = max(1, round(count * len(own) / len(mutants)))
        drawn = {id(one) for one in in_turn(own, seed)[:share]}
        chosen += [mutant for mutant in own if id(mutant) in drawn]
    return chosen


def in_turn(mutants: Iterable[Mutant], seed: int) -> list[Mutant]:
    """Return them as they are drawn: a run that is ended early has then tried some of each module."""
    return sorted(mutants, key=lambda mutant: _lot(mutant, seed))


def _lot(mutant: Mutant, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {mutant.key}".encode()).digest()


def find(mutants: Iterable[Mutant], words: Sequence[str]) -> list[Mutant]:
    """Return those whose name has each of the words in it."""
    return [mutant for mutant in mutants if all(word in mutant.key for word in words)]
