"""The ledger as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from startline_host.factory.batch import UnitBatch
from startline_host.factory.entries import LedgerUnit, StationSlot
from startline_host.factory.export import record_rows, to_csv, to_json, unit_rows
from startline_host.formats.csv_cells import escape_formula
from startline_host.formats.units import Unit
from tests.factory.made import mac

if TYPE_CHECKING:
    from startline_host.factory.ledger import Ledger

STARTERS = "=+-@\uff1d\uff0b\uff0d\uff20"
CELLS = st.text(st.sampled_from("=+-@\uff1da1 ,;|\t\r\n\"'"), max_size=12)


@given(st.lists(CELLS, min_size=1, max_size=3), st.sampled_from(",;\t|"))
def test_no_cell_begins_a_formula(cells: list[str], delimiter: str) -> None:
    """Whatever delimiter a spreadsheet believes in, no cell that it sees begins a formula."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([escape_formula(cell) for cell in cells])
    for row in csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=delimiter):
        for cell in row:
            assert not cell.strip().startswith(tuple(STARTERS))
            assert not cell.strip().strip('"').strip().startswith(tuple(STARTERS))


@pytest.mark.parametrize("text", ["RR-000001", "24:6f:28:00:00:01", "Çiğdem Ñandú 起点", "a-b=c"])
def test_usual_cells_stay_as_they_are(text: str) -> None:
    """Nothing is added to what could never begin a formula."""
    assert escape_formula(text) == text


def test_units_are_exported_with_their_own_columns(ledger: Ledger) -> None:
    """Each unit is a row, columns of the owner's own follow, and JSON is the exact data."""
    evil = "=HYPERLINK(1)"
    units = (
        Unit(serial="RR-1", model="X1", alias=evil, extra={"x_order": "4711"}),
        Unit(serial="RR-2", model="X1"),
    )
    ledger.add_batch(UnitBatch("spring", units))
    assert ledger.allot("spring", StationSlot("bench", "1"), mac(1)) is not None
    rows = unit_rows(ledger.entries())
    read = list(csv.DictReader(io.StringIO(to_csv(rows), newline="")))
    assert [row["serial"] for row in read] == ["RR-1", "RR-2"]
    assert [row["x_order"] for row in read] == ["4711", ""]
    assert read[0]["alias"] == f"'{evil}"
    assert read[0]["mac"] == mac(1)
    assert json.loads(to_json(rows))[0]["alias"] == evil


def test_history_is_exported(ledger: Ledger) -> None:
    """Each line of history is a row, in its order, with its time in UTC."""
    ledger.note(StationSlot("bench", "1"), "fail", mac=mac(1), reason="silent", words="-4354")
    rows = record_rows(ledger.records())
    read = list(csv.DictReader(io.StringIO(to_csv(rows), newline="")))
    assert [(row["kind"], row["words"]) for row in read] == [("fail", "'-4354")]
    assert json.loads(to_json(rows))[0]["at"].endswith("Z")


def test_an_empty_ledger_exports_its_columns() -> None:
    """Nothing to export is a file with its heading, and valid JSON."""
    none: list[LedgerUnit] = []
    assert to_csv(unit_rows(none)).startswith('"batch","serial"')
    assert json.loads(to_json(unit_rows(none))) == []
