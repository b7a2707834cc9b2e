"""Finds the MicroPython that plays the chip's CPU."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

from startline_host.errors import BadInput
from startline_host.extras import install_command

VARIABLE = "MICROPYTHON"
_BUILD = f"build MicroPython's unix port and name it: {VARIABLE}=/path/to/micropython."
#: The library of the package that has MicroPython ready made, and what its program begins it with.
_LIBRARY = "micropython_run"
_LAUNCHES_LIBRARY = b"from micropython_unix import main"
_LAUNCHER_SIZE = 1024
_START = Path(__file__).with_name("start_micropython.py")


def _hint() -> str:
    ready = (sys.platform, platform.machine()) in {("linux", "x86_64"), ("darwin", "arm64")}
    return f"Get it: {install_command('virtual')}\n  Or {_BUILD}" if ready else f"B{_BUILD[1:]}"


def find_micropython() -> str:
    """Return the path of a MicroPython program for this machine (the unix port).

    `MICROPYTHON` names one; otherwise the one of this Python's environment is taken, then the
    one on PATH. Raises BadInput when there is none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise BadInput(
                f"{VARIABLE} names {named}, which is no program that can be run.", _hint()
            )
        return named
    beside = Path(sys.executable).with_name("micropython")
    if os.access(beside, os.X_OK):
        return str(beside)
    found = shutil.which("micropython")
    if found is None:
        raise BadInput("There is no MicroPython program to run the virtual chip.", _hint())
    return found


def micropython_command() -> list[str]:
    """Return the words that start the program that `find_micropython` finds; its own come behind.

    Where the program is this environment's Python with MicroPython as a library, it is started
    without what Python loads of the environment: in half the time. Raises BadInput as above.
    """
    program = find_micropython()
    library = importlib.util.find_spec(_LIBRARY)
    if library and library.origin and _launches_library(Path(program)):
        folder = str(Path(library.origin).parent)
        return [sys.executable, "-I", "-S", str(_START), folder]
    return [program]


def _launches_library(program: Path) -> bool:
    if program.parent != Path(sys.executable).parent:
        return False
    with program.open("rb") as file:
        return _LAUNCHES_LIBRARY in file.read(_LAUNCHER_SIZE)
