"""Lists of units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from startline_host.errors import BadInput
from startline_host.formats.unit_list import load_units, make_unit, parse_units

if TYPE_CHECKING:
    from pathlib import Path


def test_rows_become_units() -> None:
    """Columns fill a unit's fields, x_ columns its extra keys, defaults the rest."""
    text = "serial,mac,made_at,x_batch,name\nA-1,24-6F-28-00-00-01,2026-11-21,7,gate\nA-2,,,,\n"
    first, second = parse_units(text, defaults={"model": "M", "made_at": 1_800_000_000})
    assert (first.serial, first.model, first.mac) == ("A-1", "M", "24:6f:28:00:00:01")
    assert (first.made_at, first.extra, first.name) == (1_795_219_200, {"x_batch": "7"}, "gate")
    assert (second.mac, second.made_at, second.extra) == ("", 1_800_000_000, {})


def test_spreadsheets_own_habits_are_taken(tmp_path: Path) -> None:
    """A byte-order mark, semicolons, quotes, CRLF and blank lines do no harm."""
    path = tmp_path / "units.csv"
    path.write_bytes('\ufeffserial;model\r\n"A;1";M\r\n;\r\n\r\nA2 ; N\r\n'.encode())
    assert [(u.serial, u.model) for u in load_units(path)] == [("A;1", "M"), ("A2", "N")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("serial,model\n", "names no unit"),
        ("model\nM\n", "no column 'serial'"),
        ("serial,serial\nA,B\n", "column 'serial' twice"),
        ("serial,x_sixteen_letter\nA,B\n", "16 characters, and NVS takes at most 15"),
        ("serail,model\nA,B\n", r"unknown column 'serail' \(meant serial\?\)"),
        ("serial,model\nA\n", "line 2 has 1 cell for 2 columns"),
        ("serial,model\nA,M\n,M\n", "line 3: The serial number is empty"),
        ("serial,model\nA,M\na,M\n", "lines 2 and 3 have the same serial, 'a'"),
        (
            "serial,model,mac\nA,M,246f28000001\nB,M,24:6F:28:00:00:01\n",
            "lines 2 and 3 have the same mac",
        ),
        ("serial,model,made_at\nA,M,soon\n", "line 2: made_at 'soon' is not a date"),
        ('serial,model\n"A,M\n', "is not valid CSV at line"),
    ],
)
def test_a_wrong_list_is_refused_with_the_line(text: str, reason: str) -> None:
    """Nothing is taken of a list with one mistake; the mistake is named with its line."""
    with pytest.raises(BadInput, match=reason):
        parse_units(text)


def test_one_unit_is_made_of_what_a_person_types() -> None:
    """Texts from a command line make a unit; empty ones count as not given."""
    unit = make_unit({"serial": "A", "model": "", "mac": "246F28000001"}, {"model": "M"})
    assert (unit.serial, unit.model, unit.mac) == ("A", "M", "24:6f:28:00:00:01")
