"""A list of units: one row a device, the columns named after a unit's fields.

A column `x_batch` puts a key `x_batch` of the owner's own into the factory partition.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from startline_host.errors import BadInput
from startline_host.formats.nvs_image import check_key
from startline_host.formats.serial_number import (
    REMEDY,
    check_serial,
    same_to_people,
    serial_trace,
    spreadsheet_trace,
)
from startline_host.formats.unit_table import Table, read_table, split_rows
from startline_host.formats.units import Unit, check_made_at, normal_mac, seconds

if TYPE_CHECKING:
    from pathlib import Path

    from startline_host.secrets import Warn

_LOG = logging.getLogger(__name__)

#: The columns that a list may have, and what stands in each: the one list, for code and book.
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "serial": "serial number; the only column that a list must have",
        "model": "model, where neither [unit] in the settings nor --model says it",
        "type": "device type",
        "alias": "name for people",
        "hw_rev": "revision of the hardware",
        "mac": "MAC of the one chip that the unit is for",
        "made_at": "day of making, such as 2026-11-21, or Unix seconds",
        "name": "device name, at clouds that want one",
    }
)
#: Columns of the owner's own begin so; each becomes a key in the factory partition.
OWN_PREFIX = "x_"

#: Bad rows beyond this many are counted, no longer shown.
_SHOWN = 40


def load_units(
    path: Path,
    defaults: Mapping[str, Any] | None = None,
    encoding: str = "",
    *,
    as_written: bool = False,
    warn: Warn = _LOG.warning,
) -> list[Unit]:
    """Read and check a whole list of units; `defaults` fill what the columns do not give.

    What a spreadsheet made of a number is refused unless it is to be taken `as_written`. Raises
    BadInput naming every bad row and its reason: nothing is returned of a list with one.
    """
    table = read_table(path, COLUMNS, encoding, as_written=as_written)
    return _units(table, str(path), defaults, as_written=as_written, warn=warn)


def parse_units(
    text: str,
    what: str = "the list of units",
    defaults: Mapping[str, Any] | None = None,
    *,
    as_written: bool = False,
    warn: Warn = _LOG.warning,
) -> list[Unit]:
    """Read the text of a CSV as `load_units` reads a file. Raises BadInput."""
    table = split_rows(text, what, COLUMNS)
    return _units(table, what, defaults, as_written=as_written, warn=warn)


def _units(
    table: Table, what: str, defaults: Mapping[str, Any] | None, *, as_written: bool, warn: Warn
) -> list[Unit]:
    columns = _columns(table, what, warn)
    units: dict[int, Unit] = {}
    problems = list(table.problems)
    for number, cells in table.rows[1:]:
        where = f"{what}, {table.unit} {number}"
        try:
            units[number] = _unit(columns, cells, where, defaults or {}, as_written=as_written)
        except BadInput as error:
            problems.append((number, error))
    problems += _doubles(units, f"{what}: {table.unit}s")
    if problems:
        raise rows_error([error for _, error in sorted(problems, key=lambda one: one[0])])
    if not units:
        raise BadInput(f"{what} names no unit.")
    return list(units.values())


def rows_error(problems: list[BadInput]) -> BadInput:
    """Return one error for all the rows that are wrong, each with its own sentence."""
    if len(problems) == 1:
        return problems[0]
    lines = [f"  {problem.message}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  and {len(problems) - _SHOWN} more.")
    hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
    return BadInput(
        "\n".join([f"{len(problems)} rows cannot be used:", *lines]),
        " ".join(["Nothing was imported; fix them all, then run the command again.", *hints]),
    )


def _columns(table: Table, what: str, warn: Warn) -> list[str]:
    """Return the columns' names; "" for one without a name, which then has to be empty."""
    columns = table.rows[0][1]
    known = [column for column in columns if column in COLUMNS or column.startswith(OWN_PREFIX)]
    if not known and not all(_like(column) for column in filter(None, columns)):
        first = ", ".join(columns)
        raise BadInput(
            f"{what}: the first {table.unit} ({first[:60]}) does not name the columns.",
            "Put a row with their names above it, such as: serial,model",
        )
    for column in filter(None, columns):
        if column not in known:
            close = _like(column)
            raise BadInput(
                f"{what} has an unknown column {column!r}{f' (meant {close}?)' if close else ''}.",
                f"Known are {', '.join(COLUMNS)}, and any that begin with {OWN_PREFIX}.",
            )
        if columns.count(column) > 1:
            raise BadInput(f"{what} has the column {column!r} twice.")
        try:
            check_key(column, "column")
        except BadInput as error:
            raise BadInput(
                f"{what}: {error.message}", "Give it a shorter or plainer name."
            ) from None
    if "serial" not in columns:
        raise BadInput(f"{what} has no column 'serial'.")
    _check_nameless(table, what, warn)
    return columns


def _like(column: str) -> str:
    close = difflib.get_close_matches(column.lower(), COLUMNS, n=1)
    return close[0] if close else ""


def _check_nameless(table: Table, what: str, warn: Warn) -> None:
    """Say of columns without a name that they are left out; raise BadInput where one holds text."""
    nameless = [n for n, column in enumerate(table.rows[0][1]) if not column]
    if not nameless:
        return
    for number, cells in table.rows[1:]:
        for n in nameless:
            if n < len(cells) and cells[n]:
                raise BadInput(
                    f"{what}, {table.unit} {number}: {cells[n]!r} stands in column {n + 1}, which "
                    "has no name.",
                    "Name the column in the first row, or empty it.",
                )
    which = ", ".join(str(n + 1) for n in nameless)
    words = (
        f"Column {which} has neither a name nor any content and is"
        if len(nameless) == 1
        else f"Columns {which} have neither names nor any content and are"
    )
    warn(f"{what}: {words[:1].lower()}{words[1:]} left out.")


def _unit(
    columns: list[str],
    cells: list[str],
    where: str,
    defaults: Mapping[str, Any],
    *,
    as_written: bool,
) -> Unit:
    # Cells that a spreadsheet added behind the last column are as good as none.
    while len(cells) > len(columns) and not cells[-1]:
        cells = cells[:-1]
    if len(cells) != len(columns):
        some = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
        hint = "A list has no comments: every row is a unit." if cells[0].startswith("#") else ""
        raise BadInput(f"{where} has {some} for {len(columns)} columns.", hint)
    given = {column: cell for column, cell in zip(columns, cells, strict=True) if column}
    for column, cell in given.items():
        try:
            check_cell(column, cell, as_written=as_written)
        except BadInput as error:
            raise BadInput(f"{where}, column {column}: {error.message}", error.hint) from None
    try:
        return make_unit(given, defaults, as_written=as_written)
    except BadInput as error:
        raise BadInput(f"{where}: {error.message}", error.hint) from None


def check_cell(column: str, text: str, *, as_written: bool = False) -> None:
    """Raise BadInput for a text that is not what was meant to stand there."""
    if not text or column in {"mac", "made_at"}:
        return
    what = "serial number" if column == "serial" else column
    if column == "serial":
        check_serial(text)
    trace, remedy = serial_trace(text) if column == "serial" else (spreadsheet_trace(text), REMEDY)
    if trace and not as_written:
        raise BadInput(f"The {what} {text!r} {trace}.", remedy)
    if text.startswith("# ") and not as_written:
        raise BadInput(
            f"The {what} {text!r} looks like a comment, and a list has none.",
            "Take it out, or take it as it is with --as-written.",
        )


def make_unit(
    given: Mapping[str, str],
    defaults: Mapping[str, Any] | None = None,
    *,
    as_written: bool = False,
) -> Unit:
    """Return a unit from texts as people give them: any MAC spelling, dates for `made_at`.

    Empty texts count as not given; `defaults` stand for them. Raises BadInput, also for what a
    spreadsheet made of a text, unless it is meant `as_written`.
    """
    texts = {key: text for key, text in given.items() if text}
    for key, text in texts.items():
        check_cell(key, text, as_written=as_written)
    extra = {key: texts.pop(key) for key in list(texts) if key.startswith(OWN_PREFIX)}
    fields: dict[str, Any] = {"serial": "", "model": "", **(defaults or {}), **texts}
    if "made_at" in texts:
        fields["made_at"] = seconds(texts["made_at"], "made_at")
        check_made_at(fields["made_at"])
    fields["mac"] = normal_mac(fields.get("mac", ""))
    return Unit(**fields, extra=extra)


def _doubles(units: Mapping[int, Unit], what: str) -> list[tuple[int, BadInput]]:
    seen: dict[tuple[str, str], int] = {}
    problems: list[tuple[int, BadInput]] = []
    for number, unit in units.items():
        # Clouds compare serial numbers without case, so they must differ in more than that.
        for field, value in (("serial", same_to_people(unit.serial)), ("mac", unit.mac)):
            before = seen.setdefault((field, value), number) if value else number
            if before != number:
                words = (
                    f"{what} {before} and {number} have the same {field}, {getattr(unit, field)!r}"
                )
                first = getattr(units[before], field)
                if first != getattr(unit, field):
                    words += f": a cloud takes {first!r} for the same"
                problems.append((number, BadInput(f"{words}.")))
    return problems
