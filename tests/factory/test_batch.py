"""Batches: from a list, from a pattern, and every way in which a list can be bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from startline_host.errors import BadInput
from startline_host.factory.batch import MAX_COUNT, is_pattern, load_batch, pattern_batch

if TYPE_CHECKING:
    from pathlib import Path

ROWS = "serial,model,alias,x_order\nRR-1,Model X1,Çiğdem,4711\nRR-2,Model X1,Ñandú,4712\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a list of units and return its path."""
    path = folder / "units.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_list_is_read_as_spreadsheets_write_it(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    """Marks at the beginning, UTF-16 and other delimiters change nothing of what is read."""
    batch = load_batch(write(tmp_path, ROWS.replace(",", delimiter), encoding))
    assert batch.name == "units"
    assert [(unit.serial, unit.alias, unit.extra) for unit in batch.units] == [
        ("RR-1", "Çiğdem", {"x_order": "4711"}),
        ("RR-2", "Ñandú", {"x_order": "4712"}),
    ]


def test_windows_encodings_are_named_and_then_read(tmp_path: Path) -> None:
    """A code page cannot be told from its bytes: the error says how to name it, and that works."""
    path = write(tmp_path, "serial,model,alias\nRR-1,X1,Çiğdem\n", "windows-1254")
    with pytest.raises(BadInput) as caught:
        load_batch(path)
    assert "0xc7 in line 2" in caught.value.message
    assert "--encoding windows-1252" in caught.value.hint
    assert load_batch(path, encoding="windows-1254").units[0].alias == "Çiğdem"


@pytest.mark.parametrize(
    ("data", "encoding", "words"),
    [
        (b"serial,model\nRR-1,X1\n", "klingon", "no encoding 'klingon'"),
        ("serial,model\nRR-1,X1\n".encode("utf-16-le"), "", "UTF-16 without a byte order mark"),
        (b"serial,model\nRR-\xe9,X1\n", "ascii", "is not ascii"),
        (b"", "", "is empty"),
        (b"serial,model\n", "", "names no unit"),
        (b"model\nX1\n", "", "no column 'serial'"),
        (b"serial,model,alais\nRR-1,X1,a\n", "", "meant alias?"),
        (b'serial,model\n"RR-1,X1\n', "", "not valid CSV"),
    ],
)
def test_a_list_that_is_none_is_refused(
    tmp_path: Path, data: bytes, encoding: str, words: str
) -> None:
    """What cannot be read as a list of units is refused with the reason."""
    path = tmp_path / "units.csv"
    path.write_bytes(data)
    with pytest.raises(BadInput) as caught:
        load_batch(path, encoding=encoding)
    assert words in caught.value.message


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    """A file that is not there is named in the error."""
    with pytest.raises(BadInput, match=r"nowhere\.csv cannot be read: No such file"):
        load_batch(tmp_path / "nowhere.csv")


def test_every_bad_row_is_listed_at_once(tmp_path: Path) -> None:
    """Empty, long, forbidden, double and misshapen rows all stand in one error, by their lines."""
    rows = [
        "serial,model,mac",
        "RR-1,Model X1,24:6f:28:00:00:01",
        "rr-1,Model X1,",
        ",Model X1,",
        f"RR-3,{'x' * 65},",
        "RR-4,Model X1,24:6f",
        "RR-5,Model\x07X1,",
        "RR-6",
        "RR-7,Model X1,24-6F-28-00-00-01",
        "RR-8,Model X1,",
    ]
    with pytest.raises(BadInput) as caught:
        load_batch(write(tmp_path, "\n".join(rows)))
    message = caught.value.message
    first, *listed = message.splitlines()
    assert first == "7 rows cannot be used:"
    assert [number for number in range(1, 11) if f"line {number}:" in message] == [4, 5, 6, 7]
    assert "line 8 has 1 cell for 3 columns" in message
    assert "lines 2 and 3 have the same serial" in message
    assert "lines 2 and 9 have the same mac" in message
    assert len(listed) == 7


def test_a_long_list_of_bad_rows_is_cut(tmp_path: Path) -> None:
    """A list that is wrong throughout does not flood the screen."""
    path = write(tmp_path, "serial,model\n" + ",X1\n" * 500)
    with pytest.raises(BadInput) as caught:
        load_batch(path)
    assert caught.value.message.splitlines()[-1] == "  and 460 more."


@given(
    st.text("ABC-/_ {}", max_size=6),
    st.integers(1, 9),
    st.integers(0, 10**6),
    st.integers(1, 50),
)
def test_a_pattern_counts_as_format_does(text: str, width: int, start: int, count: int) -> None:
    """The serial numbers of a pattern are what Python's own formatting makes of it."""
    escaped = f"R{text}".replace("{", "{{").replace("}", "}}")
    pattern = f"{escaped}{{n:0{width}d}}X"
    batch = pattern_batch(pattern, count, start=start, defaults={"model": "X1"})
    expected = [pattern.format(n=n) for n in range(start, start + count)]
    assert [unit.serial for unit in batch.units] == expected


@pytest.mark.parametrize(
    ("pattern", "count", "words"),
    [
        ("RR", 1, "exactly once"),
        ("{n}{n}", 1, "exactly once"),
        ("{n.real}", 1, "exactly once"),
        ("{n!r}", 1, "not a number of digits"),
        ("{n:>9}", 1, "not a number of digits"),
        ("{n", 1, "cannot be used"),
        ("{n}", 0, "from 1 to"),
        ("{n}", MAX_COUNT + 1, "from 1 to"),
        ("x" * 64 + "{n}", 1, "65 bytes"),
    ],
)
def test_a_bad_pattern_is_refused(pattern: str, count: int, words: str) -> None:
    """A pattern that does not count, or counts too far, is refused with the reason."""
    with pytest.raises(BadInput, match=words):
        pattern_batch(pattern, count, name="batch", defaults={"model": "X1"})


def test_a_pattern_needs_a_model() -> None:
    """A pattern gives serial numbers only: without a model there is no unit."""
    with pytest.raises(BadInput, match="model is empty"):
        pattern_batch("RR-{n}", 1)


def test_patterns_and_files_are_told_apart(tmp_path: Path) -> None:
    """A word with a brace is a pattern, unless a file has that name."""
    path = tmp_path / "{n}.csv"
    assert is_pattern(str(path))
    path.touch()
    assert not is_pattern(str(path))
