"""What a load would take from a reader's owner: which files, how that is said, and how they are saved.

The agent needs its own boot.py and main.py, and a file system of the right place and size; whatever
else stands there is the owner's.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from startline_host.errors import BadInput
from startline_host.flows.backup import save_files
from startline_host.flows.file_update import FileChanges
from startline_host.flows.found_device import Files
from startline_host.flows.notices import Listener, Remark
from startline_host.formats.bytecode import is_library
from startline_host.util import printable

#: The agent's files that an owner may have written as well.
STARTERS = ("/boot.py", "/main.py")
#: What the agent's own main.py is made of, in every version.
_OURS = (
    ("import startline", "startline.main()"),
    (
        "try:\n    from startline_improv import main\nexcept Exception:\n    from startline import main",
        "main()",
    ),
)
_MOST_NAMED = 8


def replaced_at_prompt(starters: Files, changes: FileChanges) -> Files:
    """Return the owner's files that an update of a running device's files would write over."""
    return {
        path: data
        for path, data in starters.items()
        if path in changes.replaces and not _says_nothing(data)
    }


def starts_the_reader(path: str) -> bool:
    """Tell whether a file is one of those that the port starts: the agent needs its own there."""
    return path in STARTERS


def replaced_in_flash(files: Files, *, whole: bool) -> Files:
    """Return which of a file system's files the owner loses: all but the agent's if it goes `whole`.

    Otherwise only boot.py and main.py are written over; those of `files` have their content.
    """
    return {
        path: data
        for path, data in files.items()
        if (whole or starts_the_reader(path))
        and not is_library(path)
        and not (starts_the_reader(path) and _says_nothing(data))
    }


def question(names: Collection[str]) -> str:
    """Return what a person is told of the files that would be replaced, before they answer."""
    return f"These files of the reader's owner will be replaced: {_named(names)}."


def refusal(names: Collection[str]) -> BadInput:
    """Return the error for files that may not be replaced."""
    return BadInput(
        f"The load would replace files of the reader's owner: {_named(names)}. Nothing was written.",
        "To replace them all the same, saved first: startline flash --overwrite. Is main.py your "
        "own program? Rename it to app.py, with a function main(device).",
    )


def save_owned(files: Files, mac: str, listen: Listener) -> None:
    """Save what can be read of the files in a ZIP, and say what is lost. Raises BadInput."""
    readable = {path: data for path, data in files.items() if data is not None}
    lost = files.keys() - readable
    if readable:
        where = save_files(mac.replace(":", "-"), readable)
        listen(Remark(f"Saved {_named(readable)} to {where}."))
    if lost:
        listen(Remark(f"Could not be read, and is lost: {_named(lost)}.", warning=True))


def _named(paths: Collection[str]) -> str:
    named = [printable(path) for path in sorted(paths)]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more


def _says_nothing(data: bytes | None) -> bool:
    """Tell whether a boot.py or main.py is empty but for comments, or an agent's own of any version."""
    if data is None:
        return False
    try:
        # A file that was torn by a cut ends in what was not written of it.
        tree = ast.parse(data.rstrip(b"\x00\xff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    said = [ast.unparse(node) for node in tree.body if not _is_text(node)]
    return not said or tuple(said) in _OURS


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
