"""The environment that other projects' suites and clients run in: their packages, and none of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_STAMP = "installed.txt"


def make_environment(folder: Path) -> Path:
    """Return the Python of an environment with the requirements, made or brought up to date."""
    python = folder / "bin" / "python"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    stamp = folder / _STAMP
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"Installing the clients into {folder} ...", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def clean_environ(python: Path, **more: str) -> dict[str, str]:
    """Return environment variables for a suite: its own Python first, nobody's settings."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_NOT_THEIRS)}
    return kept | {"PATH": f"{python.parent}:{os.environ['PATH']}", "NO_COLOR": "1", **more}


_NOT_THEIRS = ("PYTHON", "PYTEST", "STARTLINE", "ESPTOOL", "ESPPORT", "ESPBAUD", "MPREMOTE")
