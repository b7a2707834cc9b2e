"""The one rule for every file that a verb writes: it is none of those that the verb was given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rich_click as click

from startline_host.errors import BadInput


class _Written(click.Path):
    """The path of a file that is written; any other value that names a file is one that is read."""


#: The type of an option that names a file to write. Whatever writes it says what is wrong with it.
WRITTEN = _Written(path_type=Path, readable=False)


def check_written(context: click.Context) -> None:
    """See that a verb writes over nothing that it reads, and no file twice. Raises BadInput.

    Two paths are one file however they are spelled or linked; devices and pipes hold nothing that
    would be lost.
    """
    given = list(_given(context))
    for turn, (option, path) in enumerate(given):
        if not isinstance(option.type, _Written):
            continue
        for other, theirs in given:
            if not isinstance(other.type, _Written) and _holds(Path(theirs), path):
                raise BadInput(
                    f"{_name(option)} {path} would write over what {_name(other)} reads: {theirs}",
                    "Nothing was done. Name another file.",
                )
        for other, theirs in given[:turn]:
            if isinstance(other.type, _Written) and _is_one(theirs, path):
                raise BadInput(
                    f"{_name(other)} and {_name(option)} would write the same file: {path}",
                    "Nothing was done. Name another file.",
                )


def _given(context: click.Context) -> Iterator[tuple[click.Parameter, Any]]:
    """Yield every value that may be a path, with its option or argument."""
    for option in context.command.params:
        value = context.params.get(str(option.name))
        for one in value if isinstance(value, tuple | list) else (value,):
            # A ledger, or a list of units, is a text: it may name a file, or something else.
            if one and isinstance(one, str | Path):
                yield option, one


def _holds(read: Path, written: Path) -> bool:
    """Tell whether what is read is the file that is written, or a folder that has it already."""
    try:
        if read.is_dir():
            return written.is_file() and written.resolve().is_relative_to(read.resolve())
    except OSError:
        return False
    return _is_one(read, written)


def _is_one(one: Path, other: Path) -> bool:
    """Tell whether two paths name one file, which need not be there yet."""
    try:
        if one.exists() and other.exists():
            return one.is_file() and one.samefile(other)
        return one.resolve() == other.resolve()
    except OSError:
        return False  # whoever uses it says what is wrong


def _name(option: click.Parameter) -> str:
    return option.opts[-1] if isinstance(option, click.Option) else str(option.name).upper()
