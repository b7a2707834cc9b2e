"""`make mutants`: changes the agent in one place at a time, and counts what the proofs notice.

Exit code 0: the score is reached; 1: it is not, or a proof fails without any change; 2: usage.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.proofs.mutation.laboratory import KILLED, PROOFS, SURVIVED, WHOLE, Laboratory, Proof
from tests.proofs.mutation.mutation_results import (
    MutationResults,
    by_proof,
    explanations,
    score,
    stale,
    survivors,
)
from tests.proofs.mutation.population import (
    CORE,
    PACKAGES,
    ROOT,
    Mutant,
    choose,
    every_mutant,
    find,
    in_turn,
)

_WANTED = 0.95
_COUNT = 500
_FAILED = 1
_FOLDER = ROOT / "build" / "mutants"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    everyone = every_mutant(options.package)
    chosen = everyone if options.all else choose(everyone, options.count, options.seed)
    if options.only:
        chosen = find(chosen, options.only)
    if options.list:
        console.print("\n".join(mutant.key for mutant in chosen), markup=False)
        return 0
    proofs = PROOFS[options.package]
    results = MutationResults.open(options.report or _report(options.package))
    left = [mutant for mutant in chosen if options.again or not results.known(mutant)]
    if left:
        _FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_FOLDER) as trees:
            # What is explained takes longest, and tells least.
            explained = explanations()
            order = sorted(in_turn(left, options.seed), key=lambda one: one.key in explained)
            more = WHOLE[options.package] if options.whole else ()
            if not _run(
                console, order, proofs, more, results, jobs=options.jobs, trees=Path(trees)
            ):
                return _FAILED
    return _show(console, everyone, chosen, results)


def _run(
    console: Console,
    mutants: Sequence[Mutant],
    proofs: Sequence[Proof],
    more: Sequence[Proof],
    results: MutationResults,
    *,
    jobs: int,
    trees: Path,
) -> bool:
    """Try mutants, `jobs` at a time; return False if the proofs do not hold without any.

    `more` proofs are for those who survive these.
    """
    jobs = min(jobs, len(mutants))
    free: SimpleQueue[Laboratory] = SimpleQueue()
    for number in range(jobs):
        free.put(Laboratory(trees / str(number)))
    if not results.holds:
        console.print("Running the proofs on the agent as it is ...")
        first = free.get()
        outcome = first.run(proofs)
        free.put(first)
        if outcome.status != SURVIVED:
            words = f"{outcome.by} fails without a change: {outcome.words}"
            console.print(words, markup=False, style="red")
            return False
        results.hold()
    writing = threading.Lock()

    def attempt(mutant: Mutant) -> None:
        laboratory = free.get()
        try:
            found = laboratory.try_mutant(mutant, [*proofs, *more])
        finally:
            free.put(laboratory)
        with writing:
            results.add(mutant, found)
            if found.status == SURVIVED:
                bar.console.print(f"survived: {mutant.key}", markup=False)
            bar.advance(task)

    columns = (TextColumn("mutants"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    aside = Console(stderr=True, highlight=False, soft_wrap=True)
    with Progress(*columns, console=aside) as bar, ThreadPoolExecutor(jobs) as pool:
        task = bar.add_task("", total=len(mutants))
        waiting = [pool.submit(attempt, mutant) for mutant in mutants]
        try:
            for future in waiting:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return True


def _show(
    console: Console,
    everyone: Sequence[Mutant],
    chosen: Sequence[Mutant],
    results: MutationResults,
) -> int:
    paths = {mutant.module for mutant in everyone}
    explained = {name: why for name, why in explanations().items() if name.split(": ")[0] in paths}
    found = results.of(chosen)
    table = Table("module", "mutants", "killed", "explained", "alive", "score", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for module in dict.fromkeys(mutant.module for mutant in chosen):
        own = results.of(mutant for mutant in chosen if mutant.module == module)
        table.add_row(module, *_cells(own, explained))
    table.add_row("all", *_cells(found, explained), style="bold")
    console.print(table)
    for proof, count in by_proof(found).most_common():
        console.print(f"  {count} noticed by {proof}", markup=False)
    alive, _ = survivors(found, explained)
    for name in alive:
        console.print(f"alive: {name}", markup=False)
    for name in stale(everyone, results.found, explained):
        console.print(f"no longer to be explained: {name}", markup=False, style="yellow")
    reached = score(found, explained)
    console.print(f"Score {reached:.1%} of {_WANTED:.0%}; {results.path} has every mutant.")
    return 0 if reached >= _WANTED else _FAILED


def _cells(found: dict[str, dict[str, object]], explained: dict[str, str]) -> tuple[str, ...]:
    alive, excused = survivors(found, explained)
    killed = sum(entry["status"] == KILLED for entry in found.values())
    counted = killed + len(alive) + len(excused)
    numbers = (counted, killed, len(excused), len(alive))
    return (*map(str, numbers), f"{score(found, explained):.1%}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.mutation", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("--count", type=int, default=_COUNT, help=f"mutants to try (default: {_COUNT})")
    add("--all", action="store_true", help="try every one there is")
    add("--seed", type=int, default=1, help="which are chosen (default: 1)")
    add("--only", action="append", metavar="WORD", help="only those with this in their name")
    add("--jobs", type=int, default=1, metavar="N", help="mutants at a time (default: 1)")
    add("--again", action="store_true", help="also those whose outcome is known")
    add("--whole", action="store_true", help="try all power cuts on survivors: minutes each")
    add("--list", action="store_true", help="name them and do nothing")
    add("--package", choices=[*PACKAGES], default=CORE, help=f"what is changed (default: {CORE})")
    add("--report", type=Path, metavar="FILE", help="build/mutants.json, or one for the package")
    return parser


def _report(package: str) -> Path:
    name = "mutants" if package == CORE else f"mutants-{package}"
    return ROOT / "build" / f"{name}.json"


if __name__ == "__main__":
    sys.exit(main())
