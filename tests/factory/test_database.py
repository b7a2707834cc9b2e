"""What the ledger's databases hold by themselves, and every way in which they fail."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from startline_host.errors import BadInput, StorageFailed
from startline_host.factory.database import Database, LedgerAway
from startline_host.factory.entries import LOAD, StationSlot
from startline_host.factory.ledger import Ledger
from startline_host.factory.schema import SCHEMA
from tests.factory.made import mac, make_batch
from tests.factory.postgres import PostgresServer, serving

if TYPE_CHECKING:
    from pathlib import Path


def run(ledger: Ledger, statement: str) -> None:
    """Run a statement on the ledger's database, past the ledger."""
    with ledger._database.writing() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE startline_event SET kind = 'pass'",
        "DELETE FROM startline_event",
        "DELETE FROM startline_unit",
        "UPDATE startline_unit SET state = 'passed'",
        "UPDATE startline_unit SET state = 'nonsense'",
        "UPDATE startline_unit SET mac = NULL",
        "UPDATE startline_unit SET sent = (1 = 1), mac = NULL, state = 'free'",
        "UPDATE startline_unit SET mac = 'same', state = 'work'",
        "UPDATE startline_unit SET token = 'same'",
    ],
)
def test_the_database_itself_holds_the_rules(ledger: Ledger, statement: str) -> None:
    """History cannot be changed, nor can a unit vanish or break a rule, by any program."""
    ledger.add_batch(make_batch(3))
    for chip in range(2):
        ledger.allot("spring", StationSlot("bench"), mac(chip))
    before = (ledger.entries(), ledger.records())
    with pytest.raises(DBAPIError):
        run(ledger, statement)
    assert (ledger.entries(), ledger.records()) == before


def test_postgres_cannot_be_emptied(postgres: object) -> None:
    """TRUNCATE, which asks no row, is refused as well."""
    with Ledger.open(postgres.url()) as ledger, pytest.raises(DBAPIError, match="only ever added"):  # type: ignore[attr-defined]
        run(ledger, "TRUNCATE startline_event")


def test_a_newer_ledger_is_refused(where: str) -> None:
    """A ledger that a newer startline made is left alone, and the error says what to do."""
    with Ledger.open(where) as ledger:
        run(ledger, "UPDATE startline_meta SET value = value || '0'")
    with pytest.raises(BadInput, match=f"is of schema {SCHEMA}0") as caught:
        Ledger.open(where)
    assert "Update startline" in caught.value.hint


def test_reading_makes_no_ledger(where: str, tmp_path: Path) -> None:
    """A mistyped name is refused where a ledger is only read, and nothing is made of it."""
    for name in (where, str(tmp_path / "typo.db")):
        with pytest.raises(BadInput, match="There is no ledger"):
            Ledger.open(name, create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file of another kind is named as such, and stays as it is."""
    path = tmp_path / "units.csv"
    path.write_text("serial,model\n" * 100)
    with pytest.raises(BadInput, match="it is not a database"):
        Ledger.open(str(path))
    assert path.read_text() == "serial,model\n" * 100


def test_a_ledger_that_was_cut_short_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much of a ledger's file is left, that it is damaged is said (60), and it stays so."""
    monkeypatch.setattr("startline_host.factory.database._MAKING", 0.1)
    whole, cut = tmp_path / "whole.db", tmp_path / "cut.db"
    with Ledger.open(str(whole)) as ledger:
        ledger.add_batch(make_batch(300))
    data = whole.read_bytes()
    for size in (0, 1, 16, 99, 100, 4095, 4096, 5000, *range(8192, len(data), 8192)):
        cut.write_bytes(data[:size])
        with pytest.raises(BadInput, match=r"damaged|not a database") as caught:
            Ledger.open(str(cut))
        assert str(cut) in caught.value.message
        assert cut.read_bytes() == data[:size]


def test_a_ledger_that_lost_a_page_is_named(tmp_path: Path) -> None:
    """Whichever page of it is empty by now, of a table or of an index, no serial number is given."""
    whole, path = tmp_path / "whole.db", tmp_path / "spoilt.db"
    with Ledger.open(str(whole)) as ledger:
        ledger.add_batch(make_batch(200))
    data = whole.read_bytes()
    for at in range(4096, len(data), 4096):
        if data[at] not in {10, 13} or data[at + 3 : at + 5] == bytes(2):
            continue  # no leaf of a tree, or one that is empty anyway
        leaf = bytes((data[at], 0, 0, 0, 0, 16, 0, 0)).ljust(4096, b"\0")
        path.write_bytes(data[:at] + leaf + data[at + 4096 :])
        with pytest.raises(BadInput, match=r"is damaged|no schema version"):
            Ledger.open(str(path))


def test_a_ledger_with_a_spoilt_row_or_table_is_named(tmp_path: Path) -> None:
    """A unit that cannot be read, and a table that is missing, are said as damage, too (60)."""
    path = tmp_path / "ledger.db"
    with Ledger.open(str(path)) as ledger:
        ledger.add_batch(make_batch(3))
    for statement in ("UPDATE startline_unit SET unit = '{'", "DROP TABLE startline_unit"):
        with sqlite3.connect(path) as raw:
            raw.execute("PRAGMA writable_schema = ON")
            for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
                raw.execute(f"DROP TRIGGER {name}")
            raw.execute(statement)
        raw.close()
        with Ledger.open(str(path)) as ledger, pytest.raises(BadInput, match="is damaged"):
            ledger.entries()


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("", "name is empty"),
        ("mysql://root@localhost/ledger", "kept in 'mysql'"),
        ("postgresql://user:hunter2@[::1/x", "cannot be read"),
        ("sqlite://", "names no file"),
        ("/nonexistent/folder/ledger.db", "cannot be opened"),
    ],
)
def test_a_place_that_cannot_hold_a_ledger_is_named(where: str, words: str) -> None:
    """A bad URL or folder is refused with the reason, and without its password."""
    with pytest.raises(BadInput, match=words) as caught:
        Ledger.open(where)
    assert "hunter2" not in caught.value.message


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    """A PostgreSQL that does not answer is named, its password is not."""
    with pytest.raises(StorageFailed, match="does not answer") as caught:
        Ledger.open("postgres://user:hunter2@127.0.0.1:1/ledger")
    assert "user:***@127.0.0.1" in caught.value.message
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_without_its_driver_postgres_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing psycopg is a sentence with the command that installs it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BadInput, match="PostgreSQL") as caught:
        Ledger.open("postgresql://localhost/ledger")
    assert "[postgres]" in caught.value.hint


def test_a_server_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    """While PostgreSQL is away every step says so; when it is back the unit goes on."""
    with serving() as server, Ledger.open(server.url()) as ledger:
        ledger.add_batch(make_batch(3))
        place = StationSlot("bench", "1")
        unit = ledger.allot("spring", place, mac(1))
        assert unit is not None
        server.stop()
        with pytest.raises(StorageFailed, match="does not answer"):
            ledger.step(unit, LOAD)
        server.start()
        assert ledger.step(unit, LOAD).step == LOAD


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """A database that cannot grow refuses the whole write; with room again, work goes on."""
    with Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        ledger.add_batch(make_batch(3))
        run(ledger, "PRAGMA max_page_count = 1")  # SQLite takes the present size instead.
        with pytest.raises(StorageFailed, match="is full"):
            ledger.add_batch(make_batch(5000))
        assert sum(ledger.counts().values()) == 3
        run(ledger, "PRAGMA max_page_count = 100000")
        assert ledger.add_batch(make_batch(5000)).new == 4997


def test_a_ledger_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    """A read-only database is named as such."""
    with Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        run(ledger, "PRAGMA query_only = ON")
        with pytest.raises(StorageFailed, match="may not be written"):
            ledger.add_batch(make_batch(1))


def test_a_ledger_that_is_held_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program that holds the write lock is waited for, then named."""
    path = tmp_path / "ledger.db"
    monkeypatch.setattr("startline_host.factory.database._PATIENCE", 0.1)
    with Ledger.open(str(path)) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(StorageFailed, match="Another program has held"):
                ledger.add_batch(make_batch(1))
            assert ledger.entries() == []
        finally:
            other.close()
        assert ledger.add_batch(make_batch(1)).new == 1


def test_sqlite_keeps_what_it_was_told(tmp_path: Path) -> None:
    """The file is in WAL mode and every commit reaches the disk before it counts."""
    database = Database(str(tmp_path / "ledger.db"))
    with database.reading() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    database.close()
    assert found == ["wal", 2, 1]


def test_a_wrong_databases_name_is_told_from_an_absent_server(postgres: PostgresServer) -> None:
    """A server that answers and has no such database is bad input (60); none is waited for (40)."""
    url = postgres.url()
    with pytest.raises(BadInput, match="answers, but has no such database"):
        Ledger.open(url.replace("@/postgres?", "@/no_such_database?"))
    with pytest.raises(LedgerAway, match="does not answer"):
        Ledger.open("postgresql://tester@127.0.0.1:1/ledger")
