"""A folder of files that is written whole or not at all, and replaces only what it wrote before."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TypeVar

from startline_host.errors import BadInput

Result = TypeVar("Result")


def write_folder(
    out: Path,
    write: Callable[[Path], Result],
    *,
    index: str,
    listed: Callable[[Path], AbstractSet[str]],
    mode: int = 0o700,
) -> Result:
    """Have `write` fill a folder, make its files those of `out`, and return what it returned.

    Everything is made in a folder beside `out` first. `index` is the file that lists the others,
    and `listed` reads it: only files that an earlier index names are replaced. A folder that is
    made gets `mode`. Raises BadInput, and then `out` is as it was.
    """
    earlier = _earlier_files(out, index, listed)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise BadInput(f"Nothing can be written to {out}: {error.strerror}.") from None
    try:
        result = write(work)
        _move(work, out, earlier, index, mode)
    except OSError as error:
        raise BadInput(f"The build cannot be written to {out}: {error.strerror}.") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return result


def files_below(folder: Path) -> set[str]:
    """Return the path of every file below a folder, relative to it, with `/` in it."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def _earlier_files(out: Path, index: str, listed: Callable[[Path], AbstractSet[str]]) -> set[str]:
    """Name the files that an earlier run left in `out`; raise BadInput if others are there."""
    if not out.exists():
        return set()
    if not out.is_dir():
        raise BadInput(f"{out} is there already and is no folder.")
    ours = {index, *listed(out / index)}
    # The names at the top first: what is no earlier run's may hold a million files.
    present = {path.name for path in out.iterdir()}
    strangers = present - {name.partition("/")[0] for name in ours}
    if not strangers:
        present = files_below(out)
        strangers = present - ours
    if strangers:
        raise BadInput(
            f"{out} holds files of another kind, {min(strangers)} for one.",
            "Name an empty or a new folder.",
        )
    return present


def _move(work: Path, out: Path, earlier: set[str], index: str, mode: int) -> None:
    out.mkdir(mode=mode, exist_ok=True)
    # Without its index a half replaced folder is none that somebody takes for whole.
    (out / index).unlink(missing_ok=True)
    for name in earlier - {index}:
        (out / name).unlink(missing_ok=True)
    for folder in {(out / name).parent for name in earlier} - {out}:
        with contextlib.suppress(OSError):  # what still holds something stays
            folder.rmdir()
    for name in sorted(files_below(work), key=lambda name: name == index):
        (out / name).parent.mkdir(exist_ok=True, parents=True)
        (work / name).replace(out / name)
