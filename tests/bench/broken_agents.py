"""Agents that are broken on purpose, one rule each: what the power cuts have to catch."""

from __future__ import annotations

import shutil
from pathlib import Path

FIRMWARE = Path(__file__).parents[2] / "firmware"

#: Name of the broken rule: its file, and what is put in the place of what stands there.
PATCHES: dict[str, tuple[str, dict[str, str]]] = {
    "unknown_after_the_request": (
        "guard.py",
        {
            "            self.before()\n": "",
            "            status = 100\n": "            self.before()\n            status = 100\n",
        },
    ),
    "one_copy": (
        "written.py",
        {"    for put in (_set_blob, _append):\n": "    good = 1\n    for put in (_set_blob,):\n"},
    ),
    "retry_on_timeout": (
        "binding.py",
        {
            "            if not self.sent:\n": (
                "            if not self.sent or reason == 'timeout':\n"
            )
        },
    ),
    "a_single_look": (
        "look.py",
        {"    if record.looks and began >= ": "    if True or began >= "},
    ),
    "adopt_by_serial": (
        "look.py",
        {"if self.mark in mark:\n": "if serial.strip().lower() == self.serial:\n"},
    ),
}


def break_agent(name: str, folder: Path) -> Path:
    """Make a copy of the firmware in `folder` with one rule broken, and return it."""
    firmware = folder / name
    shutil.copytree(FIRMWARE, firmware, ignore=shutil.ignore_patterns("__pycache__"))
    file, changes = PATCHES[name]
    path = firmware / "startline" / file
    source = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert source.count(old) == 1, f"{file} no longer has what {name} breaks: {old!r}"
        source = source.replace(old, new)
    path.write_text(source, encoding="utf-8")
    return firmware
