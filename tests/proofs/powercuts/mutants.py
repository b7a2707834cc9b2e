"""Agents that are broken on purpose, one rule each: what the power cuts have to catch."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from startline_host.boards import data_folder
from startline_host.errors import Bug
from tests.proofs.powercuts.blank_units import BAD_PAUSE, LONG_PAUSE, make_units
from tests.proofs.powercuts.cut_plan import Job, Spec, spec_of
from tests.proofs.powercuts.cut_results import CutResults
from tests.proofs.powercuts.vm_runner import VmRunner


@dataclass(frozen=True)
class PlantedMutant:
    """One broken rule: what stands in files of `firmware` instead, and a world in which it shows.

    `changes` are {file: {what stands there: what stands there instead}}. With every `every`-th
    single cut of that world it shows for sure.
    """

    words: str
    changes: Mapping[str, Mapping[str, str]]
    world: Mapping[str, Any]
    every: int = 27


_RESET_BIND = """    flash = chip.flash("bind")
    if flash:
        for sector in range(0, flash.size, 4096):
            flash.erase(sector)
"""
_RESET_NVS = """    if chip.blob():
        nvs = chip.nvs("startline")
        try:
            nvs.erase_key("record")
        except OSError as error:
            if error.errno != -4354:  # damaged, and so not there for the driver
                raise
        nvs.commit()
        wipe(chip.flash("nvs"))
"""

FAULTS: dict[str, PlantedMutant] = {
    "unknown_after_the_request": PlantedMutant(
        "`unknown` written after the POST",
        {
            "startline/net/http_guard.py": {
                "            self.before_send()\n": "",
                "            read = self.stream.readinto\n": (
                    "            self.before_send()\n            read = self.stream.readinto\n"
                ),
            }
        },
        {"script": ["commit_drop"]},
    ),
    "one_copy": PlantedMutant(
        "one copy instead of two",
        {
            "startline/record/copies.py": {
                "    for put in (_set_blob, _append):\n": (
                    "    good = 1\n    for put in (_set_blob,):\n"
                )
            }
        },
        {"loss": "nvs", "script": ["commit_drop"]},
    ),
    # Of a first record that was cut NVS leaves nothing, `bind` a torn slot that may have counted.
    "other_order": PlantedMutant(
        "the copies written in the other order",
        {
            "startline/record/copies.py": {
                "for put in (_set_blob, _append):": "for put in (_append, _set_blob):"
            }
        },
        {"must": "alone", "first": 3},
        every=1,
    ),
    "retry_on_timeout": PlantedMutant(
        "retry on timeout",
        {
            "startline/net/bind_request.py": {
                "        if not binding.sent:\n": (
                    "        if not binding.sent or reason == 'timeout':\n"
                )
            }
        },
        {"script": ["commit_stall"]},
    ),
    "a_single_look": PlantedMutant(
        "a single look instead of two",
        {"startline/lookup.py": {"    if wait > 0:\n": "    if False:\n"}},
        {"script": ["late:59"]},
    ),
    "adopt_by_serial": PlantedMutant(
        "adopting by serial alone",
        {
            "startline/net/device_list.py": {
                "if self.mark in found:\n": "if self.ours.compare(serial) == SAME:\n"
            }
        },
        {"twin": True, "script": ["drop"]},
    ),
    # As long as the least pause is no shorter than a request, no second look comes before its end.
    "no_deadline": PlantedMutant(
        "a second look before the deadline, or any least pause",
        {
            "startline/lookup.py": {
                "(max(record.looked + pause, record.due) - began)": (
                    "(record.looked + pause - began)"
                )
            },
            "startline/settings.py": {"LOOK_PAUSE = (30, ": "LOOK_PAUSE = (1, "},
        },
        {"set_pause": BAD_PAUSE, "look_pause": 30, "script": ["stall"]},
    ),
    "same_generation": PlantedMutant(
        "a repair that keeps the generation",
        {
            "startline/record/rules.py": {
                "record.generation = binding.generation = binding.generation + 1 & 0xFFFFFFFF\n": (
                    "pass\n"
                )
            }
        },
        {"level": True},
        every=7,
    ),
    "restarted_pause": PlantedMutant(
        "each clean look restarts the pause",
        {
            "startline/lookup.py": {
                "    if not record.looks or began < record.looked:": "    if True:"
            }
        },
        {"look_pause": LONG_PAUSE, "script": ["drop"], "must": "alone"},
        every=105,
    ),
    "short_mark": PlantedMutant(
        "two of a mark's eight digits compared",
        {
            "startline/net/device_list.py": {
                "if self.mark in found:\n": ("if self.mark[:5] in [one[:5] for one in found]:\n")
            }
        },
        {"kin": [7], "script": ["drop"]},
    ),
    "reset_order": PlantedMutant(
        "`reset` that clears `nvs` first",
        {"operator_commands.py": {_RESET_BIND + _RESET_NVS: _RESET_NVS + _RESET_BIND}},
        {"aged": {"slot": 15}, "run": "same", "operator": "reset", "since": "order", "first": 49},
        every=4,
    ),
}


def break_agent(name: str, folder: Path) -> Path:
    """Make a copy of the firmware in `folder` with one rule broken, and return it.

    Raises Bug where the agent no longer has the lines of that rule.
    """
    return plant(FAULTS[name], folder / name)


def plant(fault: PlantedMutant, firmware: Path) -> Path:
    """Make a copy of the firmware at that path with one rule broken, and return it. Raises Bug."""
    shutil.copytree(
        data_folder("firmware"), firmware, ignore=shutil.ignore_patterns("__pycache__")
    )
    for file, changes in fault.changes.items():
        path = firmware / file
        source = path.read_text(encoding="utf-8")
        for old, new in changes.items():
            if source.count(old) != 1:
                raise Bug(f"{file} no longer has what {fault.words} breaks: {old!r}")
            source = source.replace(old, new)
        path.write_text(source, encoding="utf-8")
    return firmware


def telling_world(**more: Any) -> Spec:
    """Return the spec of a unit with a READ_WRITE key, and what is special about its world."""
    return {**spec_of("rufus", {"access": "READ_WRITE", **more}), "name": str(more)}


def cut_everywhere(agent: Path | None, spec: Spec, every: int = 1) -> CutResults:
    """Run one spec with every n-th single cut; `agent` None is our own."""
    results = CutResults()
    job: Job = {"kind": "singles", "group": spec["access"], "spec": spec, "every": every}
    with (
        tempfile.TemporaryDirectory(prefix="startline-powercuts-") as folder,
        VmRunner(Path(folder), make_units("rufus"), agent=agent) as machine,
    ):
        for done, result in machine.run_all([job]):
            results.add(done, result)
    return results


def catch_all(every: int = 1) -> dict[str, tuple[CutResults, CutResults]]:
    """Return by broken rule what its agent, and what our own, comes to in its world."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="startline-broken-") as folder:
        for name, fault in FAULTS.items():
            spec = telling_world(**fault.world)
            broken = break_agent(name, Path(folder))
            found[name] = cut_everywhere(broken, spec, every), cut_everywhere(None, spec, every)
    return found
