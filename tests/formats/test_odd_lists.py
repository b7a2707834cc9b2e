"""Lists to which something happened: cut, padded, doubled, of odd encodings, and workbooks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from startline_host.formats.unit_list import load_units
from tests.formats.test_unit_cases import refusal, workbook

HEAD = "serial,model\n"
ODD_LISTS = {
    "UTF-16 cut in a character": ("\ufeff" + HEAD + "A,M\n", "utf-16-le", -1, "marked as UTF-16"),
    "zero bytes behind it": (HEAD + "A,M\n" + "\0" * 4096, "utf-8", None, "ends in 4096 zero bytes"),
    "a cell without an end": (HEAD + "A" * 200_000 + ",M\n", "utf-8", None, "line 2: a cell has more"),
    "a cell over two lines": (HEAD + '"A\n1",M\n', "utf-8", None, "line 2, column serial"),
    "twins by case": (HEAD + "ab-1,M\nAB-1,M\n", "utf-8", None, "a cloud takes 'ab-1' for the same"),
    "a name that NVS cannot hold": ("serial,x_" + "y" * 20 + "\nA,1\n", "utf-8", None, ".csv: The column 'x_y"),
    "dates": (HEAD + "2026/11/27,M\n27 Nov 2026,M\n2026-11-27T00:00:00,M\n12:30:00,M\n", "utf-8", None, "4 rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_LISTS)
def test_a_list_that_something_happened_to_is_named_as_what_it_is(
    tmp_path: Path, name: str
) -> None:
    """Cut, padded, endless, doubled: one sentence says which, with the line where there is one."""
    text, encoding, end, words = ODD_LISTS[name]
    path = tmp_path / "units.csv"
    path.write_bytes(text.encode(encoding)[:end])
    assert words in refusal(path).message


@pytest.mark.parametrize("encoding", ["undefined", "punycode", "no-such", "\udcff"])
def test_an_encoding_that_is_none_is_the_users_slip(tmp_path: Path, encoding: str) -> None:
    """Whatever Python has under such a name, and however it fails: the name is what is wrong."""
    path = tmp_path / "units.csv"
    path.write_text("serial;model\nA;M\n")
    assert "no encoding" in refusal(path, encoding=encoding).message


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_any_line_end_will_do(tmp_path: Path, end: str) -> None:
    """Old Macs' line ends are read, below a line that names the delimiter too."""
    path = tmp_path / "units.csv"
    path.write_bytes(end.join(["sep=;", "serial;model", "A;M", "B;M", ""]).encode())
    assert [unit.serial for unit in load_units(path, warn=pytest.fail)] == ["A", "B"]


def test_a_workbook_is_checked_as_a_whole(tmp_path: Path) -> None:
    """All rows with cells that cannot be trusted are named, formulas without a value among them."""
    rows: list[list[Any]] = [
        ["serial", "model"],
        [True, "M"],
        ["=A1", "M"],
        [dt.time(12), "M"],
        ["A", None],
        ["B", "M"],
    ]
    error = refusal(workbook(tmp_path / "units.xlsx", rows), defaults={"model": "M"})
    assert "3 rows cannot be used" in error.message
    for row in (2, 3, 4):
        assert f"row {row}: the cell A{row} holds" in error.message
    assert "holds a formula, and the file has no value for it" in error.message


def test_a_workbook_is_as_large_as_what_it_holds(tmp_path: Path) -> None:
    """A format in the last cell of the last row is no row, and costs no time."""
    path = workbook(tmp_path / "units.xlsx", [["serial", "model"], ["A", None]])
    book = openpyxl.load_workbook(path)
    book.active["XFD1048576"].number_format = "0"
    book.active["XFD1048576"] = " "
    book.save(path)
    assert [unit.serial for unit in load_units(path, {"model": "M"}, warn=pytest.fail)] == ["A"]
