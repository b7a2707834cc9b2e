"""Race roles with a defect planted in them, and the scenarios that fail with each, and no others."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from startline_host.bench.scenarios.catalog import Case, load_scenarios, make_cases
from startline_host.bench.suite import usual_jobs
from tests.bench.picked_cases import failing, first_of_each
from tests.proofs.powercuts.mutants import plant
from tests.proofs.racecuts.race_mutants import RACE_MUTANTS

#: For each of some broken roles: the scenarios that have to fail with it, with their first key type.
CAUGHT: dict[str, set[str]] = {
    "sent_before_the_answer": {
        "a-poisoned-passing",
        "a-poisoned-passing-passed-over-in-silence",
        "batch-stored-late-is-looked-for",
        "captive-portal-in-mid-session",
        "captive-portal-with-its-own-certificate",
        "certificate-expires-in-mid-session",
        "cloud-away-for-a-weekend",
        "cloud-closes-whatever-is-opened",
        "cloud-inserts-only-some",
        "cloud-unavailable",
        "cut-when-a-batch-was-sent",
        "journal-full",
        "key-withdrawn-in-mid-race",
        "list-too-large",
        "redirect-in-mid-session",
        "rest-closed-elsewhere-too",
        "second-session-before-the-backlog-is-out",
        "session-closed-elsewhere",
        "session-closed-while-the-wi-fi-was-gone",
        "session-opened-late",
        "told-to-wait-again-and-again",
        "told-to-wait-an-hour",
        "two-poisoned-passings",
        "unbound-in-mid-race",
    },
    "unfrozen_times": {"time-corrected-between-two-sends"},
    "gone_drops_the_rest": {
        "cloud-closes-whatever-is-opened",
        "rest-closed-elsewhere-too",
        "session-closed-elsewhere",
        "session-closed-while-the-wi-fi-was-gone",
        "session-opened-late",
        "unbound-in-mid-race",
    },
    "counts_uncompared": {"a-poisoned-passing-passed-over-in-silence", "cloud-inserts-only-some"},
    "other_bytes": {
        "answer-lost-after-the-commit",
        "gateway-times-out-after-the-commit",
        "time-corrected-between-two-sends",
    },
    "over_a_backlog": {
        "cloud-away-for-a-weekend",
        "second-session-after-a-restart-over-a-backlog",
        "second-session-before-the-backlog-is-out",
    },
}
#: Whether a batch is under way when power goes in it depends on the pace of this computer: a role
#: that is broken there may be caught by it, or not.
BY_CHANCE = {"cut-while-storing"}
#: What the defects of the tests keep from coming to its end, which takes a case its whole limit.
ENDLESS = {
    "a-poisoned-passing-passed-over-in-silence",
    "cloud-closes-whatever-is-opened",
    "unbound-in-mid-race",
}


def races(names: Collection[str] | None = None) -> list[Case]:
    """Return one case of each race that comes along, or of those with these names."""
    cases = first_of_each(make_cases(load_scenarios(), words=["race/"]))
    return [case for case in cases if names is None or case.scenario.name in names]


def planted(name: str, folder: Path) -> Path:
    """Break the role so, in a copy of the firmware in a folder."""
    return plant(RACE_MUTANTS[name][0], folder / name)


def main() -> None:
    """Run every race with every one of them; end with 1 where others fail than have to."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    for title in ("broken rule", "scenarios", "fail", "besides what has to"):
        table.add_column(title)
    good = True
    cases = races()
    with tempfile.TemporaryDirectory(prefix="startline-broken-") as folder:
        for name, caught in CAUGHT.items():
            found = {*failing(planted(name, Path(folder)), cases, usual_jobs())} - BY_CHANCE
            good = good and found == caught
            odd = ", ".join([*(f"not {one}" for one in sorted(caught - found)), *(found - caught)])
            words = RACE_MUTANTS[name][0].words
            table.add_row(words, str(len(cases)), str(len(found)), odd or "nothing")
    Console().print(table)
    sys.exit(not good)


if __name__ == "__main__":
    main()
