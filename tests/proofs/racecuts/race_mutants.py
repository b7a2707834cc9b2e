"""Race roles that are broken on purpose, one rule each: what the power cuts have to catch, and as what."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from startline_host.util import counted
from tests.proofs.powercuts.mutants import PlantedMutant, plant
from tests.proofs.racecuts.race_cut_results import RaceCutResults
from tests.proofs.racecuts.race_cut_worlds import AT_ONCE, BACKLOG, LIVE, POISON, TWO, spec_of
from tests.proofs.racecuts.race_cuts import race_through

_ROLE = "startline_race/"
_JUMP = {"ntp": [0, 0, 0, 0, 40], "exact_us": 0}
#: Runners every few milliseconds: some come between a counted answer and the erase that it allows.
_BUSY = [["open", "10 km"], ["pass", 40], ["run", 9000], ["pass", 90], ["close"], ["rest"]]
_MAY_BE_FULL = {"may_raise": ["JournalFull"]}
_ELSEWHERE = {"race": BACKLOG, **AT_ONCE, "fails": {"send": ["elsewhere"]}}


def _mutant(
    words: str, file: str, changes: Mapping[str, str], world: Mapping[str, Any], every: int = 13
) -> PlantedMutant:
    path = file if "/" in file else _ROLE + file
    return PlantedMutant(words, {path: changes}, world, every)


#: Each with the invariants that it may break.
RACE_MUTANTS: dict[str, tuple[PlantedMutant, set[str]]] = {
    "sent_before_the_answer": (
        _mutant(
            "`sent` written before the answer",
            "batch_steps.py",
            {
                "        progress.freeze(batch.before)\n": (
                    "        progress.freeze(batch.before)\n"
                    "        progress.sent(batch.before, batch.count, 0)\n"
                )
            },
            {"race": BACKLOG, **AT_ONCE, "fails": {"send": ["drop"]}},
            10_000,
        ),
        {"lost"},
    ),
    "unfrozen_times": (
        _mutant(
            "times that change between two sends",
            "batch_steps.py",
            {"    if batch.before <= progress.frozen and progress.map": "    if False and progress.map"},
            {"race": LIVE, **_JUMP, "fails": {"send": ["commit_drop", "503"] * 3}, "access": "WRITE"},
            10_000,
        ),
        {"doubled"},
    ),
    "erase_in_passing": (
        _mutant(
            "an erase in passing()",
            "race.py",
            {
                "        passing.number = number = journal.number\n": (
                    "        journal.prepare(self.progress.keep_from())\n"
                    "        passing.number = number = journal.number\n"
                )
            },
            {"race": _BUSY, "gap_ms": 2, "long": True, "unit": "tiny batches", **_MAY_BE_FULL},
            10_000,
        ),
        {"erase"},
    ),
    "crc_unchecked": (
        _mutant(
            "an entry's CRC not checked",
            "journal_format.py",
            {
                "                and crc32(view[at : end - 4]) == "
                'unpack_from("<I", sector, end - 4)[0]\n': ""
            },
            {"race": LIVE},
            3,
        ),
        {"lost", "bug", "number", "invented", "time", "backwards", "restless", "doubled"},
    ),
    "torn_entry_hides": (
        _mutant(
            "a torn entry that hides those behind it",
            "journal_format.py",
            {"                return kind, at + 2, at + 2 + length, end\n": (
                "                return kind, at + 2, at + 2 + length, end\n"
                "            return None\n"
            )},
            {"race": LIVE},
            5,
        ),
        {"lost", "number", "restless", "bug", "doubled"},
    ),
    "over_a_backlog": (
        _mutant(
            "a session opened over a backlog",
            "sender.py",
            {
                "        if session and session.state == OPEN and backlog.batch:\n": (
                    "        if session and session.state == OPEN and backlog.batch"
                    " and not backlog.next:\n"
                ),
                "        if not session or session.state == CLOSED:\n": (
                    "        if not session or session.state == CLOSED or backlog.next:\n"
                ),
            },
            {"race": TWO, **AT_ONCE},
            10_000,
        ),
        {"backlog"},
    ),
    "gone_drops_the_rest": (
        _mutant(
            "a 404 that drops the rest",
            "batch_steps.py",
            {"        rescue(sender, sender.progress.session)": "        _done(sender, batch, 0)"},
            _ELSEWHERE,
            10_000,
        ),
        {"lost"},
    ),
    "counts_uncompared": (
        _mutant(
            "counts that are not compared",
            "batch_steps.py",
            {"        if counts and sum(counts) == left:\n": "        if counts:\n"},
            {"race": BACKLOG, **AT_ONCE, "fails": {"send": ["part:3"]}},
            10_000,
        ),
        {"lost"},
    ),
    "other_bytes": (
        _mutant(
            "a second send with other bytes",
            "batch_steps.py",
            {
                "timestamp(passing.utc_ms))": "timestamp(passing.utc_ms + sender._tries))",
            },
            {"race": BACKLOG, **AT_ONCE, "access": "WRITE", "fails": {"send": ["commit_drop"]}},
            10_000,
        ),
        {"doubled"},
    ),
    "unconfirmed_reuse": (
        _mutant(
            "a sector reused before it is confirmed",
            "journal.py",
            {"                return first <= keep_from\n": "                return True\n"},
            {
                "race": [["open", "10 km"], ["pass", 36], ["run", 20_000], ["pass", 36], ["rest"]],
                **AT_ONCE, "network": {"late": 60}, "long": True, "unit": "tiny",
                "may_raise": ["JournalFull"],
            },
            10_000,
        ),
        {"lost", "number"},
    ),
    "wrap_ignored": (
        _mutant(
            "a wrap of the ticks that is ignored",
            "startline_online/uptime.py",
            {"        passed = (ticks - self._ticks) & _MASK\n": (
                "        passed = ticks - self._ticks\n"
            )},
            {"race": LIVE, "ticks": (1 << 30) - 2500, "gap_ms": 900},
            10_000,
        ),
        {"time", "backwards", "bug"},
    ),
    "number_reused": (
        _mutant(
            "a number used again after a cut",
            "journal.py",
            {"            if kind in (PASSING, PROGRESS):\n": "            if kind == PROGRESS:\n"},
            {"race": [*LIVE[:2], ["reboot"], ["pass", 3], ["close"], ["rest"]], **AT_ONCE},
            10_000,
        ),
        {"lost", "number"},
    ),
    "doubt_forgotten": (
        _mutant(
            "what was under way when power went taken for not sent",
            "progress.py",
            {"        self.unsure = self.unsure or self.frozen > self.cursor or not self.whole\n": (
                "        self.unsure = False\n"
            )},
            {"race": LIVE, "doubles": "none"},
            5,
        ),
        {"doubled"},
    ),
    "there_forgotten": (
        _mutant(
            "what a closed session holds sent into the next one",
            "batch_steps.py",
            {"        sender.progress.note_there(batch.skip)": "        pass"},
            {**_ELSEWHERE, "fails": {"send": ["part_drop:3", "elsewhere"]}},
            10_000,
        ),
        {"doubled"},
    ),
    "wish_not_awaited": (
        _mutant(
            "a wish behind its first passings taken for lost",
            "batch.py",
            {" and not self._lacks_wish()": ""},
            {"race": [["pass", 3], ["open", "10 km"], ["close"], ["rest"]]},
            10_000,
        ),
        {"backlog", "number"},
    ),
    "stored_once": (
        _mutant(
            "a passing set aside in one entry alone, which a bit takes away",
            "progress.py",
            {
                "        try:\n            self.journal.append(kind, payload, reserve)\n"
                "        except JournalFull:\n            pass  # one will do\n": ""
            },
            {"race": BACKLOG, **AT_ONCE, "unit": "batches", "flip": "aside", **POISON},
            5,
        ),
        {"lost", "number"},
    ),
}  # fmt: skip


def cut_one_world(
    world: Mapping[str, Any], every: int, agent: Path | None = None
) -> RaceCutResults:
    """Run one world with every n-th single cut; `agent` None is our own."""
    job = {"kind": "singles", "spec": spec_of(world), "every": every}
    return race_through([job], agent=agent)


def catch(name: str, folder: Path) -> RaceCutResults:
    """Return what a broken role comes to in its world; it is put into a folder."""
    mutant, _ = RACE_MUTANTS[name]
    return cut_one_world(mutant.world, mutant.every, plant(mutant, folder / name))


def show_mutants(console: Console, only: str = "") -> bool:
    """Run those with that in their names, and our own role in the same worlds, and show each at once.

    Tells whether each was caught.
    """
    good = True
    chosen = {name: one for name, one in RACE_MUTANTS.items() if only in name}
    with tempfile.TemporaryDirectory(prefix="startline-broken-") as folder:
        for name, (mutant, columns) in chosen.items():
            theirs = catch(name, Path(folder)).total()
            ours = cut_one_world(mutant.world, mutant.every).total()
            caught = columns & {column for column in theirs.bad if theirs.bad[column]}
            good = good and bool(caught) and not ours.bad.total()
            words = ", ".join(f"{column} {theirs.bad[column]}" for column in sorted(caught))
            console.print(
                f"{name:<24} {words or 'NOT CAUGHT':<28} ours {ours.bad.total()} in "
                f"{theirs.counts['lifetimes']:>4} lifetimes: {mutant.words}",
                soft_wrap=True,
            )
    held = "Each is caught" if good and chosen else "Not each is caught"
    console.print(f"{held}: {counted(len(chosen), 'broken role')}.")
    return good and bool(chosen)
