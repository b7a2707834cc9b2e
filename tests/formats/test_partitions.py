"""Partition tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from startline_host.errors import BadInput
from startline_host.formats.partitions import (
    TABLE_SIZE,
    PartitionRow,
    PartitionTable,
    make_table,
    parse_table,
    startline_table,
)
from startline_host.formats.synthetic_firmware import stock_table

MIB = 1 << 20


def test_the_patched_table_has_the_layout_of_the_design() -> None:
    """On 4 MiB the rows are nvs, phy_init, factory, vfs, bind, fctry, with the last three at the end."""
    table = startline_table(stock_table(), 4 * MIB)
    assert [(row.name, row.offset, row.size) for row in table] == [
        ("nvs", 0x9000, 0x6000),
        ("phy_init", 0xF000, 0x1000),
        ("factory", 0x10000, 0x1F0000),
        ("vfs", 0x200000, 0x1FA000),
        ("bind", 0x3FA000, 0x2000),
        ("fctry", 0x3FC000, 0x4000),
    ]
    types = [(row.kind, row.subtype) for row in table]
    assert types == [(1, 2), (1, 1), (0, 0), (1, 0x81), (1, 0x40), (1, 2)]


@pytest.mark.parametrize("mib", [4, 8, 16, 32])
def test_larger_flash_grows_vfs_only(mib: int) -> None:
    """The rows bind and fctry stay the last 24 KiB of any flash; vfs takes the rest."""
    table = startline_table(stock_table(), mib * MIB)
    assert table.end == mib * MIB
    assert [table.get(name).size for name in ("bind", "fctry")] == [0x2000, 0x4000]
    assert table.get("vfs").end == table.get("bind").offset


def test_the_journal_stands_between_files_and_record() -> None:
    """With a size for it there is a row `race` before `bind`; patching again changes nothing."""
    table = startline_table(stock_table(), 4 * MIB, MIB)
    rows = [(row.name, row.offset, row.size) for row in table]
    assert rows[3:5] == [("vfs", 0x200000, 0xFA000), ("race", 0x2FA000, MIB)]
    assert (table.get("race").kind, table.get("race").subtype) == (1, 0x41)
    assert startline_table(table, 4 * MIB, MIB) == table
    assert startline_table(startline_table(stock_table(), 4 * MIB), 4 * MIB, MIB) == table


def test_no_journal_where_files_would_have_no_room() -> None:
    """Files come first: on a flash that holds too little beside the journal there is none."""
    table = startline_table(stock_table(), 4 * MIB, 0x1A0000)
    assert table == startline_table(stock_table(), 4 * MIB)


def test_a_vfs_row_of_the_stock_table_is_replaced() -> None:
    """The explicit vfs row of firmware up to 1.25 gives way to the shortened one."""
    old = PartitionTable((*stock_table().rows, PartitionRow("vfs", 1, 0x81, 0x200000, 0x200000)))
    assert startline_table(old, 4 * MIB) == startline_table(stock_table(), 4 * MIB)


def test_patching_twice_changes_nothing() -> None:
    """A table that has our rows already comes out the same."""
    once = startline_table(stock_table(), 8 * MIB)
    assert startline_table(once, 8 * MIB) == once


def test_flash_that_is_too_small_is_refused() -> None:
    """2 MiB of flash cannot hold the application and what comes after it."""
    with pytest.raises(BadInput, match="2048 KiB is too small"):
        startline_table(stock_table(), 2 * MIB)


def test_a_table_reads_back() -> None:
    """The made bytes have the boot loader's length and parse to the same rows."""
    table = startline_table(stock_table(), 4 * MIB)
    data = make_table(table)
    assert len(data) == TABLE_SIZE
    assert parse_table(data) == table


@given(at=st.integers(0, 7 * 32 - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(at: int, bit: int) -> None:
    """A table with one wrong bit in its rows or its MD5 is refused."""
    data = bytearray(make_table(startline_table(stock_table(), 4 * MIB)))
    data[at] ^= 1 << bit
    with pytest.raises(BadInput):
        parse_table(bytes(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff" * TABLE_SIZE, "is blank"),
        (b"", "is blank"),
        (b"\x00" * TABLE_SIZE, "no partition row at byte 0"),
        (make_table(stock_table())[:96].ljust(TABLE_SIZE, b"\xff"), "does not end with an MD5"),
        (make_table(stock_table())[:70], "does not end with an MD5"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    """Blank, foreign and cut-short bytes are told apart."""
    with pytest.raises(BadInput, match=reason):
        parse_table(data)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (
            [PartitionRow("a", 1, 2, 0x9000, 0x3000), PartitionRow("b", 1, 2, 0xB000, 0x1000)],
            "overlap",
        ),
        (
            [PartitionRow("a", 1, 2, 0x9000, 0x1000), PartitionRow("a", 1, 2, 0xB000, 0x1000)],
            "same name",
        ),
        ([PartitionRow("a", 1, 2, 0x9000, 0x1800)], "whole sectors"),
        ([PartitionRow("a", 1, 2, 0x8000, 0x1000)], "before the table ends"),
        ([PartitionRow("x" * 17, 1, 2, 0x9000, 0x1000)], "1 to 16 bytes"),
        ([], "no rows"),
    ],
)
def test_an_unsound_table_is_not_made(rows: list[PartitionRow], reason: str) -> None:
    """Overlaps, double names and crooked sizes are refused before there are any bytes."""
    with pytest.raises(BadInput, match=reason):
        make_table(PartitionTable(tuple(rows)))
