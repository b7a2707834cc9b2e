"""A list of units as CSV: one row a device, the columns named after a unit's fields.

A column `x_batch` puts a key `x_batch` of the owner's own into the factory partition.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
from typing import TYPE_CHECKING, Any

from startline_host.errors import BadInput
from startline_host.formats.nvs_image import check_key
from startline_host.formats.settings_file import seconds
from startline_host.formats.units import FIELDS, Unit, normal_mac

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_COLUMNS = (*FIELDS, "name")
OWN_PREFIX = "x_"


#: Bad rows beyond this many are counted, no longer shown.
_SHOWN = 40


def load_units(
    path: Path, defaults: Mapping[str, Any] | None = None, encoding: str = ""
) -> list[Unit]:
    """Read and check a whole CSV of units; `defaults` fill what the columns do not give.

    Raises BadInput naming every bad row and its reason: nothing is returned of a list with one.
    """
    return parse_units(read_list(path, encoding), str(path), defaults)


def read_list(path: Path, encoding: str = "") -> str:
    """Return a list's text: UTF-8, UTF-16 with its mark, or in the `encoding` named.

    Raises BadInput for any other: Windows code pages cannot be told apart without being told.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"The list {path} cannot be read: {error.strerror}.") from None
    if not encoding and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = data.decode(encoding or "utf-8-sig")
    except LookupError:
        raise BadInput(
            f"There is no encoding {encoding!r}.", "Usual ones: windows-1252, windows-1254."
        ) from None
    except UnicodeDecodeError as error:
        raise _other_encoding(path, data, error, encoding) from None
    if "\0" in text:
        raise BadInput(
            f"{path} looks like UTF-16 without its mark.", "Name it: --encoding utf-16-le"
        )
    return text.removeprefix("\ufeff")


def _other_encoding(path: Path, data: bytes, error: UnicodeDecodeError, named: str) -> BadInput:
    number = data.count(b"\n", 0, error.start) + 1
    line = data.splitlines()[number - 1].decode("windows-1252", errors="replace")
    return BadInput(
        f"{path} is not {named or 'UTF-8'} (byte {data[error.start]:#04x} in line {number}, which "
        f"in windows-1252 would read {line[:80]!r}).",
        "Export it again as CSV UTF-8, or name what it is, such as --encoding windows-1252 "
        "(Western) or windows-1254 (Turkish).",
    )


def parse_units(
    text: str, what: str = "the list of units", defaults: Mapping[str, Any] | None = None
) -> list[Unit]:
    """Read the text of such a CSV; commas, semicolons or tabs part the columns. Raises BadInput."""
    rows = _rows(text, what)
    columns = rows[0][1]
    _check_columns(columns, what)
    units: dict[int, Unit] = {}
    problems: list[tuple[int, BadInput]] = []
    for line, cells in rows[1:]:
        try:
            units[line] = _unit(columns, cells, f"{what}, line {line}", defaults or {})
        except BadInput as error:
            problems.append((line, error))
    problems += _doubles(units, what)
    if problems:
        raise bad_rows([error for _, error in sorted(problems, key=lambda one: one[0])])
    if not units:
        raise BadInput(f"{what} names no unit.")
    return list(units.values())


def bad_rows(problems: list[BadInput]) -> BadInput:
    """Return one error for all the rows that are wrong, each with its own sentence."""
    if len(problems) == 1:
        return problems[0]
    lines = [f"  {problem.message}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  and {len(problems) - _SHOWN} more.")
    return BadInput(
        "\n".join([f"{len(problems)} rows cannot be used:", *lines]),
        "Nothing was taken over; mend them all, then run the command again.",
    )


def _rows(text: str, what: str) -> list[tuple[int, list[str]]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [
            (reader.line_num, [cell.strip() for cell in row])
            for row in reader
            if any(cell.strip() for cell in row) and not row[0].startswith("#")
        ]
    except csv.Error as error:
        raise BadInput(f"{what} is no CSV at line {reader.line_num}: {error}.") from None
    if not rows:
        raise BadInput(f"{what} is empty.", "Its first line names the columns, serial among them.")
    return rows


def _check_columns(columns: list[str], what: str) -> None:
    for column in columns:
        check_key(column, f"{what}: column")
        if columns.count(column) > 1:
            raise BadInput(f"{what} has the column {column!r} twice.")
        if column not in _COLUMNS and not column.startswith(OWN_PREFIX):
            close = difflib.get_close_matches(column, _COLUMNS, n=1)
            raise BadInput(
                f"{what} has an unknown column {column!r}{f' (meant {close[0]}?)' if close else ''}.",
                f"Known are {', '.join(_COLUMNS)}, and any that begin with {OWN_PREFIX}.",
            )
    if "serial" not in columns:
        raise BadInput(f"{what} has no column 'serial'.")


def _unit(columns: list[str], cells: list[str], where: str, defaults: Mapping[str, Any]) -> Unit:
    if len(cells) != len(columns):
        raise BadInput(f"{where} has {len(cells)} cells for {len(columns)} columns.")
    try:
        return make_unit(dict(zip(columns, cells, strict=True)), defaults)
    except BadInput as error:
        raise BadInput(f"{where}: {error.message}", error.hint) from None


def make_unit(given: Mapping[str, str], defaults: Mapping[str, Any] | None = None) -> Unit:
    """Return a unit from texts as people give them: any MAC spelling, dates for `made_at`.

    Empty texts count as not given; `defaults` stand for them. Raises BadInput.
    """
    texts = {key: text for key, text in given.items() if text}
    extra = {key: texts.pop(key) for key in list(texts) if key.startswith(OWN_PREFIX)}
    fields: dict[str, Any] = {"serial": "", "model": "", **(defaults or {}), **texts}
    if "made_at" in texts:
        fields["made_at"] = seconds(texts["made_at"], "made_at")
    fields["mac"] = normal_mac(fields.get("mac", ""))
    return Unit(**fields, extra=extra)


def _doubles(units: Mapping[int, Unit], what: str) -> list[tuple[int, BadInput]]:
    seen: dict[tuple[str, str], int] = {}
    problems: list[tuple[int, BadInput]] = []
    for line, unit in units.items():
        # Clouds compare serial numbers without case, so they must differ in more than that.
        for field, value in (("serial", unit.serial.casefold()), ("mac", unit.mac)):
            before = seen.setdefault((field, value), line) if value else line
            if before != line:
                words = f"{what}: lines {before} and {line} have the same {field}, "
                problems.append((line, BadInput(f"{words}{getattr(unit, field)!r}.")))
    return problems
