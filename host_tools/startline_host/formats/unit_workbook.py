"""The rows of an Excel workbook (.xlsx): the cells' values, as far as a list can trust them."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from startline_host.errors import BadInput
from startline_host.formats.serial_number import REMEDY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Above this, Excel shows a number in the form 2.02E+11, and from 16 digits on it loses some.
_SHOWN_WHOLE = 10**11
#: Formats that show a whole number as its digits and nothing else.
_PLAIN = frozenset({"General", "0", "@"})

Rows = list[tuple[int, list[str]]]


def read_workbook(path: Path, data: bytes, *, as_written: bool = False) -> Rows:
    """Return the rows of the workbook's one sheet that has a column `serial`, or of its first.

    Needs openpyxl. Raises BadInput for a file that is no workbook, for several such sheets, and,
    unless they are taken `as_written`, for cells that hold another value than they show.
    """
    _check_kind(path, data)
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError):
        raise BadInput(
            f"{path} is a damaged workbook, or one with a password.", "Export it as CSV UTF-8."
        ) from None
    sheets = {
        sheet.title: list(_rows(sheet, path, as_written=as_written))
        for sheet in _listing(book, path)
    }
    return next(iter(sheets.values()))


def _check_kind(path: Path, data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        names = set()
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
    raise BadInput(f"{path} is {kind}, no list.", "Export it as CSV UTF-8 or .xlsx.")


def _listing(book: Any, path: Path) -> list[Any]:
    """Return the sheet that lists units; raises BadInput for more than one of them."""
    sheets = [sheet for sheet in book.worksheets if sheet.max_row and not _is_blank(sheet)]
    if not sheets:
        raise BadInput(f"{path} is empty.", "Its first row names the columns, serial among them.")
    listing = [sheet for sheet in sheets if "serial" in _heads(sheet)]
    if len(listing) > 1:
        names = ", ".join(repr(sheet.title) for sheet in listing)
        raise BadInput(f"{path} has several sheets with units: {names}.", "Keep one of them.")
    return listing or sheets[:1]


def _is_blank(sheet: Any) -> bool:
    return all(cell is None for row in sheet.iter_rows(values_only=True) for cell in row)


def _heads(sheet: Any) -> list[str]:
    """Return the cells of the first row that holds anything."""
    for row in sheet.iter_rows(values_only=True):
        if any(cell is not None for cell in row):
            return [str(cell).strip() for cell in row]
    return []


def _rows(sheet: Any, path: Path, *, as_written: bool) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [_text(cell, path, as_written=as_written).strip(" \t") for cell in row]
        if any(cells):
            yield number, cells


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
        f"{path}, row {cell.row}: the cell {cell.coordinate} holds the number {value}, and shows "
        f"it in the format {cell.number_format!r}.",
        REMEDY,
    )
