"""The state of the mock cloud: one SQLite database, in memory or in a file."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from startline_host.errors import BadInput
from startline_host.file_access import check_file
from startline_host.mock_cloud.keys import ACCESS, EXAMPLE_KEY, MAX_KEYS, ApiKey, new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Marks a database file as ours ("SLmc"), and says in which form its tables are.
_APPLICATION_ID = 0x534C6D63
_SCHEMA_VERSION = 2

_SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE companies (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE keys (
    text TEXT PRIMARY KEY, access TEXT NOT NULL, alias TEXT NOT NULL,
    company INTEGER NOT NULL REFERENCES companies(id));
CREATE TABLE devices (
    id INTEGER PRIMARY KEY, company INTEGER NOT NULL REFERENCES companies(id),
    deviceid TEXT NOT NULL UNIQUE, type TEXT NOT NULL, model TEXT NOT NULL, alias TEXT NOT NULL,
    firmware TEXT, serial_number TEXT NOT NULL, created REAL NOT NULL, last_seen REAL);
CREATE INDEX devices_by_company ON devices(company, id);
CREATE INDEX devices_by_serial ON devices(company, serial_number);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
    token TEXT NOT NULL UNIQUE, alias TEXT NOT NULL, created REAL NOT NULL, closed REAL);
CREATE INDEX sessions_by_device ON sessions(device, id);
CREATE TABLE passings (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
    bib TEXT NOT NULL, num_passing INTEGER NOT NULL, timestamp TEXT NOT NULL, latitude,
    longitude, status TEXT, participant_id TEXT, chip TEXT, timezone TEXT, gender TEXT,
    received REAL NOT NULL);
CREATE INDEX passings_by_number ON passings(session, num_passing);
CREATE INDEX passings_by_time ON passings(session, timestamp);
CREATE TABLE vms_devices (
    id INTEGER PRIMARY KEY, serial_number TEXT, mac TEXT, type TEXT NOT NULL,
    name TEXT, login TEXT, created REAL NOT NULL, reserved INTEGER NOT NULL DEFAULT 0);
"""

#: Tables that `forget` empties; keys, companies and settings stay.
_FORGOTTEN = ("passings", "sessions", "devices", "vms_devices")


class CloudStore:
    """A database connection that several threads may share.

    `path` is a file to keep the state in, or None for memory. Raises `BadInput` if the file is
    not a mock cloud's database.
    """

    def __init__(self, path: Path | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._lock = threading.RLock()
        self._database = _open(path)

    def close(self) -> None:
        """Close the database; nothing can be asked of the store afterwards."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a block whole or not at all, with no other thread in between."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Ask for rows, each as a dict of column names and values."""
        with self._lock:
            return [dict(row) for row in self._database.execute(sql, values)]

    def row(self, sql: str, *values: object) -> dict[str, Any] | None:
        """Ask for one row, or None."""
        found = self.rows(sql, *values)
        return found[0] if found else None

    def forget(self) -> None:
        """Forget all devices, sessions and passings; companies and keys stay."""
        with self.transaction() as database:
            for table in _FORGOTTEN:
                database.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own

    def close_session(self, token: str) -> bool:
        """Close a session, whoever's it is; tell whether it was active."""
        with self.transaction() as database:
            closing = database.execute(
                "UPDATE sessions SET closed = ? WHERE token = ? AND closed IS NULL",
                (self.now(), token),
            )
            return closing.rowcount > 0

    def setting(self, name: str) -> bytes | None:
        """Read a stored setting, or None."""
        row = self.row("SELECT value FROM settings WHERE name = ?", name)
        return None if row is None else bytes(row["value"])

    def set_setting(self, name: str, value: bytes) -> None:
        """Store a setting under a name."""
        with self.transaction() as database:
            database.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def company(self, name: str) -> int:
        """Give the number of a company, making it if it is new."""
        with self.transaction() as database:
            database.execute("INSERT OR IGNORE INTO companies (name) VALUES (?)", (name,))
            row = database.execute("SELECT id FROM companies WHERE name = ?", (name,)).fetchone()
            return int(row["id"])

    def companies(self) -> dict[int, str]:
        """List all companies, number to name."""
        return {row["id"]: row["name"] for row in self.rows("SELECT * FROM companies ORDER BY id")}

    def keys(self) -> list[ApiKey]:
        """List all keys of all companies."""
        return [
            ApiKey(row["text"], row["access"], row["company"], row["alias"])
            for row in self.rows("SELECT * FROM keys ORDER BY company, rowid")
        ]

    def key(self, text: str) -> ApiKey | None:
        """Find a key by its text, or None."""
        row = self.row("SELECT * FROM keys WHERE text = ?", text)
        return (
            None
            if row is None
            else ApiKey(row["text"], row["access"], row["company"], row["alias"])
        )

    def add_key(
        self, company: int, access: str, alias: str = "", text: str | None = None
    ) -> ApiKey:
        """Make a key; raise `BadInput` for an unknown access type or one key too many."""
        if access not in ACCESS:
            raise BadInput(
                f"There is no access type {access!r}.", f"Known are: {', '.join(ACCESS)}."
            )
        key = ApiKey(text or new_key(), access, company, alias)
        with self.transaction() as database:
            (count,) = database.execute(
                "SELECT COUNT(*) FROM keys WHERE company = ?", (company,)
            ).fetchone()
            if count >= MAX_KEYS:
                raise BadInput(
                    f"The company has {MAX_KEYS} keys already, which is the most it may have.",
                    "Remove one first.",
                )
            database.execute(
                "INSERT INTO keys (text, access, alias, company) VALUES (?, ?, ?, ?)",
                (key.text, access, alias, company),
            )
        return key

    def remove_key(self, text: str) -> None:
        """Remove a key; raise `BadInput` if there is none such."""
        with self.transaction() as database:
            if not database.execute("DELETE FROM keys WHERE text = ?", (text,)).rowcount:
                raise BadInput("There is no such key.", "`startline cloud keys` lists them.")


def default_keys(store: CloudStore, company: int, *, example: bool = False) -> dict[str, str]:
    """Give a new company one key of each access type, and return its keys by type.

    With `example`, its WRITE key is the one of the vendor's pages. A company that has keys
    already keeps those as they are.
    """
    have = {key.access: key.text for key in reversed(store.keys()) if key.company == company}
    if have:
        return {access: have[access] for access in ACCESS if access in have}
    for access in ACCESS:
        text = EXAMPLE_KEY if example and access == "WRITE" else None
        have[access] = store.add_key(company, access, alias=access, text=text).text
    return have


def iso(moment: float | None) -> str | None:
    """Write seconds since 1970 as the vendor writes dates: `2023-02-02T12:10:13.000Z`."""
    if moment is None:
        return None
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None and not path.exists():
        _create_private(path)
    try:
        if path is not None:
            check_file(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be opened as a database: {error.strerror}.") from None
    try:
        database = sqlite3.connect(
            ":memory:" if path is None else path, check_same_thread=False, isolation_level=None
        )
    except sqlite3.Error as error:
        raise BadInput(f"{path} cannot be opened as a database: {error}.") from error
    try:
        database.row_factory = sqlite3.Row
        _prepare(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _create_private(path: Path) -> None:
    """Make the file with mode 0600 before SQLite does: it will hold keys."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BadInput(
            f"{path} cannot be made: {error.strerror}.", "Name a file in a folder that exists."
        ) from error


def _prepare(database: sqlite3.Connection, path: Path | None) -> None:
    """Make the tables in a new database, or see that an old one is ours."""
    try:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA busy_timeout = 5000")
        application = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
        empty = not database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        if empty:
            database.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {_APPLICATION_ID};"
                f"PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;"
            )
        elif (application, version) != (_APPLICATION_ID, _SCHEMA_VERSION):
            raise BadInput(
                f"{path} is a database, but not one of this version's mock cloud.",
                "Name another file with --db.",
            )
    except sqlite3.Error as error:
        raise BadInput(
            f"{path} cannot be used as the cloud's database: {error}.",
            "Name another file with --db.",
        ) from error
