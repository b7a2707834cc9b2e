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
from tests.proofs.powercuts.blank_units import make_units
from tests.proofs.powercuts.cut_plan import Job, Spec, specs
from tests.proofs.powercuts.results import Tally
from tests.proofs.powercuts.vm_runner import Machine


@dataclass(frozen=True)
class Fault:
    """One broken rule: its file and what stands there instead, and a world in which it shows."""

    words: str
    file: str
    changes: Mapping[str, str]
    world: Mapping[str, Any]


FAULTS: dict[str, Fault] = {
    "unknown_after_the_request": Fault(
        "`unknown` written after the POST",
        "guard.py",
        {
            "            self.before()\n": "",
            "            read = self.stream.readinto\n": (
                "            self.before()\n            read = self.stream.readinto\n"
            ),
        },
        {"script": ["commit_drop"]},
    ),
    "one_copy": Fault(
        "one copy instead of two",
        "written.py",
        {"    for put in (_set_blob, _append):\n": "    good = 1\n    for put in (_set_blob,):\n"},
        {"loss": "nvs", "script": ["commit_drop"]},
    ),
    "retry_on_timeout": Fault(
        "retry on timeout",
        "ask.py",
        {
            "        if not binding.sent:\n": (
                "        if not binding.sent or reason == 'timeout':\n"
            )
        },
        {"script": ["commit_stall"]},
    ),
    "a_single_look": Fault(
        "a single look instead of two",
        "look.py",
        {"    if record.looks and began >= ": "    if True or began >= "},
        {"script": ["late:59"]},
    ),
    "adopt_by_serial": Fault(
        "adopting by serial alone",
        "device_list.py",
        {"if self.mark and self.mark in found:\n": ("if self.ours.compare(serial) == SAME:\n")},
        {"twin": True, "script": ["drop"]},
    ),
}


def break_agent(name: str, folder: Path) -> Path:
    """Make a copy of the firmware in `folder` with one rule broken, and return it.

    Raises Bug where the agent no longer has the lines of that rule.
    """
    fault = FAULTS[name]
    firmware = folder / name
    shutil.copytree(
        data_folder("firmware"), firmware, ignore=shutil.ignore_patterns("__pycache__")
    )
    path = firmware / "startline" / fault.file
    source = path.read_text(encoding="utf-8")
    for old, new in fault.changes.items():
        if source.count(old) != 1:
            raise Bug(f"{fault.file} no longer has what {name} breaks: {old!r}")
        source = source.replace(old, new)
    path.write_text(source, encoding="utf-8")
    return firmware


def telling_world(**more: Any) -> Spec:
    """Return the spec of a unit with a READ_WRITE key, and what is special about its world."""
    plain = next(
        spec
        for spec in specs("rufus")
        if (spec["access"], spec["table"], spec["run"]) == ("READ_WRITE", "startline", "absent")
    )
    return {**plain, "name": str(more), **more}


def cut_everywhere(agent: Path | None, spec: Spec, every: int = 1) -> Tally:
    """Run one spec with every n-th single cut; `agent` None is our own."""
    tally = Tally()
    job: Job = {"kind": "singles", "group": spec["access"], "spec": spec, "every": every}
    with (
        tempfile.TemporaryDirectory(prefix="startline-powercuts-") as folder,
        Machine(Path(folder), make_units("rufus"), agent=agent) as machine,
    ):
        for done, result in machine.run_all([job]):
            tally.add(done, result)
    return tally


def catch_all(every: int = 1) -> dict[str, tuple[Tally, Tally]]:
    """Return by broken rule what its agent, and what our own, comes to in its world."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="startline-broken-") as folder:
        for name, fault in FAULTS.items():
            spec = telling_world(**fault.world)
            broken = break_agent(name, Path(folder))
            found[name] = cut_everywhere(broken, spec, every), cut_everywhere(None, spec, every)
    return found
