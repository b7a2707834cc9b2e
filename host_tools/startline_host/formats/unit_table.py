"""The rows of a list of units, out of a CSV of any usual make or an Excel workbook."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from startline_host.errors import BadInput
from startline_host.file_access import read_file
from startline_host.text_file import decode_text, marked_as, nul_trace

if TYPE_CHECKING:
    from pathlib import Path

#: What parts the cells of a line; the first line decides.
_DELIMITERS = ",;\t|"

_ZIP = b"PK\x03\x04"
#: First bytes of files that people take for a list, and what each is.
_OTHER_FILES = (
    (b"\xd0\xcf\x11\xe0", "a workbook of Excel 97 to 2003 (.xls), or one with a password"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{\\rtf", "a document in RTF"),
)


class Table(msgspec.Struct, frozen=True):
    """Rows of trimmed cells, each with its number; `unit` is what that counts: line or row.

    `problems` are what is wrong with rows that could not be read, by their numbers.
    """

    rows: list[tuple[int, list[str]]]
    unit: str = "line"
    problems: list[tuple[int, BadInput]] = []


def read_table(
    path: Path, columns: Collection[str], encoding: str = "", *, as_written: bool = False
) -> Table:
    """Read a file of units, not looking at what the cells say; `columns` are the known names.

    Text is UTF-8, UTF-16 with its mark, or in the `encoding` named; `as_written` takes numbers of
    a workbook that may have lost digits. Raises BadInput naming what the file is instead.
    """
    try:
        data = read_file(path)
    except OSError as error:
        raise BadInput(f"The list {path} cannot be read: {error.strerror}.") from None
    if data.startswith(_ZIP):
        from startline_host.formats.unit_workbook import read_workbook

        read = read_workbook(path, data, as_written=as_written)
        if read.problems and (not read.rows or read.problems[0][0] < read.rows[0][0]):
            raise read.problems[0][1]  # nothing else can be said without the columns' names
        return Table(read.rows, "row", read.problems)
    for start, kind in _OTHER_FILES:
        if data.startswith(start):
            raise BadInput(f"{path} is {kind}, not a list.", "Export it as CSV UTF-8 or .xlsx.")
    return split_rows(decode(path, data, encoding), str(path), columns)


def decode(path: Path, data: bytes, encoding: str = "") -> str:
    """Return a list's text.

    Raises BadInput for bytes that are not what was named: Windows code pages cannot be told apart
    without being told.
    """
    try:
        text = data.decode(encoding) if encoding else decode_text(data)
    except LookupError:
        raise _no_encoding(encoding) from None
    except UnicodeDecodeError as error:
        raise _other_encoding(path, data, error, encoding) from None
    except UnicodeError:  # Python knows some that are none for files, such as "undefined"
        raise _no_encoding(encoding) from None
    if words := nul_trace(text):
        raise BadInput(f"{path} {words[0]}.", words[1])
    return text.removeprefix("\ufeff")


def _no_encoding(name: str) -> BadInput:
    return BadInput(
        f"There is no encoding {name!r} for lists.", "Usual ones: windows-1252, windows-1254."
    )


def _other_encoding(path: Path, data: bytes, error: UnicodeDecodeError, named: str) -> BadInput:
    if not named and (marked := marked_as(data)):
        return BadInput(
            f"{path} is marked as {marked.upper()}, and is none from byte {error.start} on.",
            "It was cut short, or joined with another file: export it again.",
        )
    number = data.count(b"\n", 0, error.start) + 1
    line = data.splitlines()[number - 1].decode("windows-1252", errors="replace")
    return BadInput(
        f"{path} is not {named or 'UTF-8'} (byte {data[error.start]:#04x} in line {number}, which "
        f"in windows-1252 would read {line[:80]!r}).",
        "Export it again as CSV UTF-8, or name what it is, such as --encoding windows-1252 "
        "(Western) or windows-1254 (Turkish).",
    )


def split_rows(text: str, what: str, columns: Collection[str]) -> Table:
    """Return the rows of a CSV's text that hold anything; a line `sep=;` names the delimiter.

    Raises BadInput for text that is no CSV, or holds no row.
    """
    first, second = [*re.split(r"\r\n?|\n", text, maxsplit=2), ""][:2]
    told = re.fullmatch(r'"?sep=(.?)"?', first, re.IGNORECASE)
    delimiter = (told and told[1]) or _delimiter(second if told else first, columns)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    line = 1
    try:
        for row in reader:
            cells = [cell.strip(" \t") for cell in row]
            if any(cells) and not (told and line == 1):
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise _no_csv(what, text, reader.line_num, error) from None
    if not rows:
        raise BadInput(f"{what} is empty.", "Its first line names the columns, serial among them.")
    return Table(rows)


def _no_csv(what: str, text: str, line: int, error: csv.Error) -> BadInput:
    """Return the error for text whose quotes do not close, or stand where they mean nothing."""
    if "field limit" in str(error):
        return BadInput(
            f"{what}, line {line}: a cell has more than {csv.field_size_limit():,} characters.",
            "No unit needs so many. Is it the right file?",
        )
    if "unexpected end" not in str(error):
        return BadInput(
            f"{what} is not valid CSV at line {line}: {error}.",
            "A cell with a quote in it is quoted as a whole, and the quote is doubled.",
        )
    opened = next((n for n, one in enumerate(text.splitlines(), 1) if one.count('"') % 2), line)
    return BadInput(
        f"{what} is not valid CSV at line {opened}: a quote is opened there, and never closed.",
        "Take it out, or double it where it is meant.",
    )


def _delimiter(first: str, columns: Collection[str]) -> str:
    """Return what parts the first line into the most names of columns, else into the most cells."""

    def known(delimiter: str) -> tuple[int, int]:
        cells = [cell.strip(' \t"') for cell in first.split(delimiter)]
        return sum(cell in columns for cell in cells), len(cells)

    return max(_DELIMITERS, key=known)
