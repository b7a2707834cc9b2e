"""Lists as people and spreadsheets make them: each is read, or refused as what it is."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from startline_host.errors import BadInput
from startline_host.formats.serial_number import check_serial, same_to_people, spreadsheet_trace
from startline_host.formats.unit_list import COLUMNS, load_units, make_unit, parse_units
from startline_host.formats.units import Unit

CASES = Path(__file__).parent / "cases" / "units"
ROOT = Path(__file__).parents[2]


def refusal(path: Path, **how: Any) -> BadInput:
    """Return what a list is refused with."""
    with pytest.raises(BadInput) as caught:
        load_units(path, warn=pytest.fail, **how)
    return caught.value


def test_a_row_that_begins_with_a_hash_is_a_unit() -> None:
    """No row vanishes: a serial number may begin with #."""
    assert [unit.serial for unit in load_units(CASES / "hash.csv")] == ["#12", "#13", "A1"]


@pytest.mark.parametrize("row", ["# later", "# M,M", "#,", "#;A"])
def test_a_comment_is_refused_with_its_line(row: str) -> None:
    """A list has no comments; what looks like one is not taken for a unit either."""
    try:
        units = parse_units(f"serial,model\nA,M\n{row}\n", defaults={"model": "M"})
    except BadInput as error:
        assert "line 3" in error.message  # noqa: PT017 - both outcomes are right for "#,"
        return
    assert len(units) == 2


def test_invisible_characters_are_named_by_line_column_and_code_point() -> None:
    """A mark in the middle of a file and a zero-width space are no part of a serial number."""
    error = refusal(CASES / "zero-width.csv")
    assert "line 3, column serial" in error.message
    assert "U+FEFF" in error.message
    assert "line 4, column serial" in error.message
    assert "U+200B (ZERO WIDTH SPACE), at character 6" in error.message


def test_two_normal_forms_are_not_two_serial_numbers() -> None:
    """A decomposed letter is refused, by its code point, where its composed twin is taken."""
    error = refusal(CASES / "normal-forms.csv")
    assert "line 3, column serial" in error.message
    assert "U+0308" in error.message
    assert "NFC" in error.message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("R\u00adR1", "U+00AD"),
        ("R\u202eR1", "U+202E"),
        ("RR1\u200f", "U+200F"),
        ("RR1\u2060", "U+2060"),
        ("RR\u00a01", "U+00A0"),
        ("\u3000RR1", "U+3000"),
        ("RR1\ufe0f", "U+FE0F"),
        ("RR\u31641", "U+3164"),
        ("RR\u28001", "U+2800"),
        ("RR1\U000e0041", "U+E0041"),
        ("RR\ue0001", "U+E000"),
        ("RR\u2028", "U+2028"),
        ("\u0301A", "U+0301"),
        ("A\u030a1", "U+030A"),
        ("\u212b1", "U+212B"),
        ("A\x7f", "U+007F"),
    ],
)
def test_what_cannot_be_seen_or_has_a_twin_is_refused(text: str, named: str) -> None:
    """Soft hyphens, bidi marks, odd blanks, fillers, tags, compatibility twins: all by code point."""
    for make in (check_serial, lambda one: Unit(serial=one, model="M"),
                 lambda one: make_unit({"serial": one}, {"model": "M"}),
                 lambda one: parse_units(f"serial,model\n{one},M\n")):  # fmt: skip
        with pytest.raises(BadInput) as caught:
            make(text)
        assert named in caught.value.message


@pytest.mark.parametrize("text", [" RR-1", "RR-1 "])
def test_a_serial_number_has_no_blank_at_either_end(text: str) -> None:
    """It is refused wherever one is named, as on a command line, and not only in a unit."""
    for make in (check_serial, lambda one: Unit(serial=one, model="M")):
        with pytest.raises(BadInput, match="begins or ends with a space"):
            make(text)


@pytest.mark.parametrize(
    "text", ["RR-001", "ZÜRICH 1", "北京-7", "#1", "a/b.c", "2E05", "1e5", "00417"]
)
def test_ordinary_serial_numbers_are_taken_as_they_are(text: str) -> None:
    """Letters of any script, digits, marks and single spaces are nobody's business."""
    (unit,) = parse_units(f"serial,model\n{text},M\n")
    assert unit.serial == text


def test_what_looks_alike_is_listed_once() -> None:
    """Full-width letters and other case are the same serial number to a cloud."""
    assert same_to_people("ＲＲ-1") == same_to_people("rr-1")
    with pytest.raises(BadInput, match="lines 2 and 3 have the same serial"):
        parse_units("serial,model\nRR-1,M\nＲＲ-1,M\n", as_written=True)


def test_what_a_spreadsheet_made_of_a_number_is_refused_with_the_remedy() -> None:
    """All four rows are named; whoever means them insists, and gets them as they stand."""
    error = refusal(CASES / "excel.csv")
    assert [f"line {n}, column serial" in error.message for n in (2, 3, 4, 5)] == [True] * 4
    assert "as text" in error.hint
    assert "--as-written" in error.hint
    insisted = load_units(CASES / "excel.csv", as_written=True)
    assert [u.serial for u in insisted] == ["2.02411E+11", '="00417"', "'00418", "2E+05"]


@pytest.mark.parametrize(
    "text",
    ["1,5E+3", "9.99E-05", "1E+100", "=A1+B2", "'007", "’007", "'=1", "#####", "#N/A", "#NAME?",
     "#DIV/0!", "12-Mar", "Jan-26", "2.0e+11"],
)  # fmt: skip
def test_more_of_what_spreadsheets_leave_behind(text: str) -> None:
    """Shortened numbers of any locale, formulas, quotes, errors, narrow columns and dates."""
    assert spreadsheet_trace(text)
    for field in ("serial", "model", "alias"):
        with pytest.raises(BadInput, match=r"as-written|spreadsheet"):
            make_unit({"serial": "A", field: text}, {"model": "M"})
    assert make_unit({"serial": text}, {"model": "M"}, as_written=True).serial == text


@pytest.mark.parametrize(
    "text", ["12-MAR", "MAR-12", "#12", "E+5", "1E5", "'t Zand", "12-34", "A=1"]
)
def test_what_only_resembles_a_spreadsheet_is_taken(text: str) -> None:
    """Names that no spreadsheet writes so are no business of this check."""
    assert not spreadsheet_trace(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("417.0", "a number as a program writes it"),
        ("202,411", "a spreadsheet's separators"),
        ("1’000’417", "a spreadsheet's separators"),
        ("2024-02-01", "a date"),
        ("2024-02-01 00:00:00", "a date"),
        ("01/02/2024", "a date"),
        ("1.2.24", "a date"),
        ("01. Feb", "a date"),
        ("Mai 24", "a date"),
        ("3-juil.", "a date"),
        ("TRUE", "yes or no"),
        ("WAHR", "yes or no"),
        ("#WERT!", "word for an error"),
        ("#NV", "word for an error"),
        ("RR–1", "U+2013 (EN DASH) at character 3, which a word processor"),
        ("RR−1", "U+2212 (MINUS SIGN) at character 3"),
        ("ＲＲ-1", "people take for 'R'"),
        ("RR-¹", "people take for '1'"),
        ("RR-А1", "U+0410 (CYRILLIC CAPITAL LETTER A) at character 4, between Latin letters"),
    ],
)
def test_what_became_of_a_serial_number_on_its_way_is_refused(text: str, words: str) -> None:
    """Spreadsheets of any language and word processors are named, and a switch insists."""
    with pytest.raises(BadInput) as caught:
        make_unit({"serial": text}, {"model": "M"})
    assert words in caught.value.message
    assert "--as-written" in caught.value.hint
    assert make_unit({"serial": text}, {"model": "M"}, as_written=True).serial == text
    if "error" not in words:
        assert make_unit({"serial": "A", "x_made": text}, {"model": "M"}).extra == {"x_made": text}


@pytest.mark.parametrize(
    "text",
    ["А-417", "ΑΒ-1", "1.2.3", "12.5", "2024-02", "FALSETTO", "RR.0", "Mai-Tor", "10-4", "1,2"],
)
def test_what_only_resembles_that_is_taken(text: str) -> None:
    """Other scripts by themselves, versions and fractions are names like any other."""
    assert make_unit({"serial": text}, {"model": "M"}).serial == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_list_is_read_by_its_mark(tmp_path: Path, encoding: str) -> None:
    """Whatever Unicode an editor saves, its mark is enough; without one its name is what to give."""
    path = tmp_path / "units.csv"
    text = "serial,model\nZürich-1,M\n"
    path.write_bytes(text.encode(encoding))
    assert [unit.serial for unit in load_units(path)] == ["Zürich-1"]
    for bare in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        path.write_bytes("serial,model\nRR-1,M\n".encode(bare))
        assert f"--encoding {bare}" in refusal(path).hint
        assert load_units(path, encoding=bare)[0].serial == "RR-1"
    path.write_bytes(b"serial,model\nRR\x00-1,M\n")
    assert "U+0000" in refusal(path).message


def test_a_quote_that_is_never_closed_is_found_where_it_opens() -> None:
    """The line is the one to look at, not the file's last."""
    with pytest.raises(BadInput, match="line 3: a quote is opened there, and never closed"):
        parse_units('serial,model\nRR-1,M\n"RR-2,M\nRR-3,M\n')


def test_a_quoted_line_that_names_the_delimiter_is_no_row() -> None:
    """Some programs quote that line as well."""
    (unit,) = parse_units('"sep=;"\nserial;model\nRR-1;M\n')
    assert unit.serial == "RR-1"


def test_a_missing_header_is_said_to_be_missing() -> None:
    """A list that begins with a unit is told that its first line has to name the columns."""
    error = refusal(CASES / "no-header.csv")
    assert "the first line (A-1, Model X1) does not name the columns" in error.message
    assert "serial,model" in error.hint
    for text in ("RR-1;X;24:6f:28:00:00:01\n", "417\n418\n", "Seriennummer;Farbe\nA;B\n"):
        with pytest.raises(BadInput, match="does not name the columns"):
            parse_units(text)


def test_the_line_that_names_the_delimiter_is_no_row() -> None:
    """`sep=;` is skipped and gone by; columns without name and content are named and left out."""
    said: list[str] = []
    units = load_units(CASES / "sep-line.csv", warn=said.append)
    assert [(unit.serial, unit.model) for unit in units] == [("A-1", "Model X1")]
    (warning,) = said
    assert "columns 3, 4 have neither names nor any content" in warning
    assert parse_units("SEP=|\nserial|model\nA|M\n")[0].model == "M"
    assert parse_units('sep=\t\r\nserial\tmodel\r\nA\tM, "x"\r\n')[0].model == 'M, "x"'


def test_content_in_a_column_without_a_name_is_refused() -> None:
    """What stands under no name could be anything."""
    with pytest.raises(BadInput, match=r"line 3: 'secret' stands in column 3, which has no name"):
        parse_units("serial,model,\nA,M,\nB,M,secret\n")


def test_a_decimal_comma_does_not_decide_the_delimiter() -> None:
    """The delimiter is the one that finds the columns' names, however many commas there are."""
    (unit,) = parse_units("serial;model;x_a,b\nA;M, N, O;1,2,3\n".replace("x_a,b", "x_ab"))
    assert unit.extra == {"x_ab": "1,2,3"}


@pytest.mark.parametrize(
    "mac",
    ["ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "01:00:5e:00:00:01", "33:33:00:00:00:01",
     "FF-FF-FF-FF-FF-FF", "000000000001", "25:6f:28:00:00:01"],
)  # fmt: skip
def test_no_chip_has_a_groups_address(mac: str) -> None:
    """Broadcast, group and empty addresses are no chip's."""
    with pytest.raises(BadInput, match=r"MAC .* (is the address|is a group's|is what an empty)"):
        make_unit({"serial": "A", "model": "M", "mac": mac})


def workbook(path: Path, rows: list[list[Any]], *more: list[list[Any]]) -> Path:
    """Write a workbook with a sheet for each list of rows."""
    book = openpyxl.Workbook()
    for sheet, cells in zip([book.active, *(book.create_sheet() for _ in more)], [rows, *more],
                            strict=True):  # fmt: skip
        for row in cells:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_is_read(tmp_path: Path) -> None:
    """Texts, whole numbers and dates of a sheet arrive as a CSV would give them."""
    day = dt.date(2026, 11, 21)
    rows: list[list[Any]] = [
        ["serial", "model", "made_at", "x_batch"],
        ["00417", "M", day, 7],
        [418, "M", None, 8.0],
    ]
    # The file's name decides nothing; what is in it does.
    for name in ("units.xlsx", "units.csv"):
        one, two = load_units(workbook(tmp_path / name, rows))
        assert (one.serial, one.made_at, one.extra) == ("00417", 1_795_219_200, {"x_batch": "7"})
        assert (two.serial, two.extra) == ("418", {"x_batch": "8"})


@pytest.mark.parametrize(
    ("value", "shown"),
    [(417, "00000"), (202_411_000_417, "General"), (1.5, "General"), (True, "General")],
)
def test_a_cell_that_shows_another_value_is_refused(
    tmp_path: Path, value: object, shown: str
) -> None:
    """A number that looks otherwise on the screen was meant otherwise: row and cell are named."""
    path = workbook(tmp_path / "u.xlsx", [["serial", "model"], ["A", "M"], [value, "M"]])
    book = openpyxl.load_workbook(path)
    book.active["A3"].number_format = shown
    book.save(path)
    error = refusal(path)
    assert "row 3: the cell A3" in error.message
    assert "as text" in error.hint
    assert load_units(path, as_written=True)[1].serial == str(value)


def test_texts_of_a_workbook_are_held_to_the_same_form(tmp_path: Path) -> None:
    """Invisible characters and bad rows are named by row."""
    path = workbook(tmp_path / "u.xlsx", [["serial", "model"], ["A\u200b", "M"], ["B", ""]])
    error = refusal(path)
    assert "row 2, column serial" in error.message
    assert "row 3" in error.message


def test_the_sheet_with_the_units_is_the_one_that_is_read(tmp_path: Path) -> None:
    """Notes on another sheet do no harm; two lists in one file are one too many."""
    units = [["serial", "model"], ["A", "M"]]
    path = workbook(tmp_path / "u.xlsx", [["notes"], ["buy cable"]], units)
    assert load_units(path)[0].serial == "A"
    error = refusal(workbook(tmp_path / "two.xlsx", units, units))
    assert "several sheets with units" in error.message
    assert "empty" in refusal(workbook(tmp_path / "none.xlsx", [])).message


def _zip(*names: str, first: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        if first:
            archive.writestr("mimetype", first)
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Excel 97 to 2003"),
        (_zip("a", first=b"application/vnd.oasis.opendocument.spreadsheet"), "LibreOffice"),
        (_zip("Index/Document.iwa"), "Numbers"),
        (_zip("xl/workbook.bin"), "xlsb"),
        (_zip("readme.txt"), "ZIP archive"),
        (_zip("xl/workbook.xml"), "damaged workbook"),
        (b"PK\x03\x04 cut short", "ZIP archive"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\x1f\x8b\x08\x00", "gzip"),
    ],
)
def test_other_files_are_named_as_what_they_are(tmp_path: Path, data: bytes, words: str) -> None:
    """A file that is no list is refused by its kind, with what to export in its place."""
    path = tmp_path / "units.csv"
    path.write_bytes(data)
    error = refusal(path)
    assert words in error.message
    assert "Export it as CSV UTF-8" in error.hint


def test_the_columns_that_are_known_are_those_that_are_documented() -> None:
    """README, book and help name every column that a list may have."""
    from click.testing import CliRunner

    from startline_host.cli.line import command

    said = CliRunner(env={"COLUMNS": "200"}).invoke(command, ["--help"]).output
    for text in (said, (ROOT / "docs/guides/factory.md").read_text(encoding="utf-8")):
        assert [column for column in COLUMNS if column not in text] == []
    fields = {*Unit.__struct_fields__} - {"extra"}
    assert {*COLUMNS} == fields
