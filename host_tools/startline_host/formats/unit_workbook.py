"""The rows of an Excel workbook (.xlsx): the cells' values, as far as a list can trust them."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from startline_host.errors import BadInput
from startline_host.formats.serial_number import REMEDY

if TYPE_CHECKING:
    from pathlib import Path

#: Above this, Excel shows a number in the form 2.02E+11, and from 16 digits on it loses some.
_SHOWN_WHOLE = 10**11
#: Formats that show a whole number as its digits and nothing else.
_PLAIN = frozenset({"General", "0", "@"})

#: Excel's numbers for cells that hold a formula.
_FORMULA = "f"
#: A row of a sheet: its number, and its cells as openpyxl has them.
_SheetRow = tuple[int, tuple[Any, ...]]


class WorkbookRows(msgspec.Struct, frozen=True):
    """The rows of a sheet as trimmed texts, each with its number; `problems` are of those left out."""

    rows: list[tuple[int, list[str]]]
    problems: list[tuple[int, BadInput]]


def read_workbook(path: Path, data: bytes, *, as_written: bool = False) -> WorkbookRows:
    """Return the rows of the workbook's one sheet that has a column `serial`, or of its first.

    Needs openpyxl. Raises BadInput for a file that is no workbook, and for several such sheets; a
    row with a cell that holds another value than it shows is a problem, unless it is to be taken
    `as_written`.
    """
    _check_kind(path, data)
    title, rows = _listing(_sheets(path, data, formulas=False), path)
    formulas = dict(_sheets(path, data, formulas=True)[title])
    read = WorkbookRows([], [])
    width = len(rows[0][1])
    for number, cells in rows:
        try:
            texts = _texts(cells, formulas.get(number, ()), path, as_written=as_written)
        except BadInput as error:
            read.problems.append((number, error))
            continue
        if any(texts):
            read.rows.append((number, texts + [""] * (width - len(texts))))
    return read


def _check_kind(path: Path, data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        raise BadInput(
            f"{path} is a workbook or another ZIP archive, and damaged or cut short.",
            "Export it as CSV UTF-8 or .xlsx.",
        ) from None
    if "xl/workbook.xml" in names:
        return
    if b"opendocument.spreadsheet" in data[:200]:
        kind = "a spreadsheet of LibreOffice (.ods)"
    elif "Index/Document.iwa" in names:
        kind = "a spreadsheet of Numbers"
    elif "xl/workbook.bin" in names:
        kind = "a binary workbook of Excel (.xlsb)"
    else:
        kind = "a ZIP archive"
    raise BadInput(f"{path} is {kind}, not a list.", "Export it as CSV UTF-8 or .xlsx.")


def _sheets(path: Path, data: bytes, *, formulas: bool) -> dict[str, list[_SheetRow]]:
    """Return the rows of each sheet that hold anything: the cells' values, or their `formulas`."""
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=not formulas)
        return {sheet.title: _filled(sheet) for sheet in book.worksheets}
    except Exception:  # noqa: BLE001 - openpyxl raises whatever its parsers and zlib happen to
        raise BadInput(
            f"{path} is a damaged workbook, or one that this program cannot read.",
            "Export it as CSV UTF-8.",
        ) from None


def _filled(sheet: Any) -> list[_SheetRow]:
    # The size that a sheet claims is that of what was ever formatted: up to a million rows.
    sheet.reset_dimensions()
    return [
        (number, row)
        for number, row in enumerate(sheet.iter_rows(), 1)
        if any(cell.value is not None for cell in row)
    ]


def _listing(sheets: dict[str, list[_SheetRow]], path: Path) -> tuple[str, list[_SheetRow]]:
    """Return the sheet that lists units; raises BadInput for more than one of them."""
    filled = {title: rows for title, rows in sheets.items() if rows}
    if not filled:
        raise BadInput(f"{path} is empty.", "Its first row names the columns, serial among them.")
    listing = [title for title, rows in filled.items() if "serial" in _heads(rows[0])]
    if len(listing) > 1:
        names = ", ".join(map(repr, listing))
        raise BadInput(f"{path} has several sheets with units: {names}.", "Keep one of them.")
    title = next(iter(listing or filled))
    return title, filled[title]


def _heads(row: _SheetRow) -> list[str]:
    return [str(cell.value).strip() for cell in row[1]]


def _texts(
    cells: tuple[Any, ...], formulas: tuple[Any, ...], path: Path, *, as_written: bool
) -> list[str]:
    """Return a row's cells as the texts that were meant. Raises BadInput where one is not known."""
    for value, formula in zip(cells, formulas, strict=False):
        if value.value is None and formula.value is not None and formula.data_type == _FORMULA:
            raise BadInput(
                f"{path}, row {formula.row}: the cell {formula.coordinate} holds a formula, and the "
                "file has no value for it.",
                "Open it in the spreadsheet and save it, or export it as CSV UTF-8.",
            )
    return [_text(cell, path, as_written=as_written).strip(" \t") for cell in cells]


def _text(cell: Any, path: Path, *, as_written: bool) -> str:
    """Return a cell as the text that was meant. Raises BadInput where that is not known."""
    value = cell.value
    if value is None or isinstance(value, str):
        # A formula, and an error in place of its value, come as texts too; a text is judged later.
        return value or ""
    if isinstance(value, datetime):
        return (value.date() if value.time() == datetime.min.time() else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if whole and not isinstance(value, bool):
        if as_written or (abs(value) < _SHOWN_WHOLE and cell.number_format in _PLAIN):
            return str(int(value))
    elif as_written:
        return str(value)
    raise BadInput(
        f"{path}, row {cell.row}: the cell {cell.coordinate} holds the value {value}, and shows "
        f"it in the format {cell.number_format!r}.",
        REMEDY,
    )
