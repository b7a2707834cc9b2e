"""A batch: the units to be made, from a list or from a pattern for their serial numbers."""

from __future__ import annotations

import logging
import string
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from startline_host.errors import BadInput
from startline_host.formats.unit_list import load_units
from startline_host.formats.units import Unit, check_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from startline_host.secrets import Warn

_LOG = logging.getLogger(__name__)

#: More than this in one batch is taken for a slip of the finger.
MAX_COUNT = 100_000
_MAX_WIDTH = 18


class UnitBatch(msgspec.Struct, frozen=True):
    """Units under one name, in the order in which their serial numbers are handed out."""

    name: str
    units: tuple[Unit, ...]


def load_batch(
    path: Path,
    *,
    name: str = "",
    defaults: Mapping[str, Any] | None = None,
    encoding: str = "",
    as_written: bool = False,
    warn: Warn = _LOG.warning,
) -> UnitBatch:
    """Read and check a list of units whole; its name is the file's unless `name` gives another.

    The columns are `startline_host.formats.unit_list`'s: serial, model, alias, type and more, and any
    of one's own that begin with `x_`. Raises BadInput naming every bad row at once.
    """
    units = load_units(path, defaults, encoding, as_written=as_written, warn=warn)
    return _batch(name or path.stem, units)


def pattern_batch(
    pattern: str,
    count: int,
    *,
    start: int = 1,
    name: str = "",
    defaults: Mapping[str, Any] | None = None,
) -> UnitBatch:
    """Make a batch from a pattern: "RR-{n:06d}" and 3 give RR-000001 to RR-000003.

    `defaults` are the other fields of every unit, model among them. Raises BadInput.
    """
    if not 1 <= count <= MAX_COUNT:
        raise BadInput(f"A batch of {count} units: give a count from 1 to {MAX_COUNT}.")
    if start < 0:
        raise BadInput(f"Serial numbers cannot start at {start}.")
    before, width, after = _parts(pattern)
    fields = {"model": "", **(defaults or {})}
    serials = (f"{before}{n:0{width}d}{after}" for n in range(start, start + count))
    return _batch(name or pattern, [Unit(serial=serial, **fields) for serial in serials])


def _parts(pattern: str) -> tuple[str, int, str]:
    """Return what stands before the number, its digits, and what stands after it."""
    try:
        pieces = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise _bad_pattern(pattern, str(error)) from None
    fields = [(name, spec, mode) for _, name, spec, mode in pieces if name is not None]
    if len(fields) != 1 or fields[0][0] != "n":
        raise _bad_pattern(pattern, "it needs {n} exactly once, and no other field")
    _, spec, mode = fields[0]
    width = (spec or "").removesuffix("d").removeprefix("0") or "0"
    if mode or not width.isdecimal() or not width.isascii() or int(width) > _MAX_WIDTH:
        raise _bad_pattern(pattern, f"{{n:{spec}}} is not a number of digits")
    # An escaped brace ends a piece, so the number's own piece need not be the first.
    place = next(n for n, piece in enumerate(pieces, 1) if piece[1] is not None)
    texts = [text for text, _, _, _ in pieces]
    return "".join(texts[:place]), int(width), "".join(texts[place:])


def _bad_pattern(pattern: str, reason: str) -> BadInput:
    return BadInput(f"The pattern {pattern!r} cannot be used: {reason}.", "Such as RR-{n:06d}.")


def _batch(name: str, units: list[Unit]) -> UnitBatch:
    check_text(name, "batch's name", required=True)
    return UnitBatch(name, tuple(units))


def is_pattern(text: str) -> bool:
    """Tell whether the word for a batch is a pattern, and not the name of a file."""
    return "{" in text and not Path(text).exists()
