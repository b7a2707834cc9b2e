"""The ledger's database: opened by path or URL, and every way in which it fails put into words."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, create_engine, event, func, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from startline_host.errors import BadInput, StartlineError, StorageFailed
from startline_host.extras import not_installed
from startline_host.factory.schema import METADATA, SCHEMA, meta
from startline_host.file_access import check_file
from startline_host.util import Deadline

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


class LedgerAway(StorageFailed):
    """The ledger cannot be written now; what is on the boards is not touched by that."""


class LedgerMissing(BadInput):
    """There is no ledger of that name."""


#: How long a writer waits for another one, in seconds.
_PATIENCE = 30
#: Names the lock under which stations make the tables or add a batch, in PostgreSQL.
_LOCK = 0x57A127
_WRITES = "startline_writes"
#: Bytes of SQLite's header, without which a file is none of its; seconds to make a new one.
_LEAST, _MAKING = 16, 2.0


class Database:
    """Transactions on a ledger's tables, which are made when they are missing.

    `where` is a file or a URL, `postgresql://…` among them. Without `create` they must be there.
    Raises BadInput for what is no ledger, a damaged one, or one of a newer schema; LedgerAway for
    one that cannot be reached or written.
    """

    def __init__(self, where: str, *, create: bool = True) -> None:
        self._url = _url(where)
        #: How to name it to people: no password in it.
        self.name = _name(self._url)
        _check_file(self._url)
        if not create and _is_missing_file(self._url):
            raise _no_ledger(self.name)
        if _stays_empty(self._url):
            raise _damaged(self.name)
        self._engine = _engine(self._url)
        try:
            with self.writing() as connection:
                self.lock(connection)
                _prepare(connection, self.name, create=create)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a transaction that may write: all of it is kept, or nothing.

        In SQLite it holds the write lock from its beginning.
        """
        with (
            self._worded(),
            self._engine.connect().execution_options(**{_WRITES: True}) as connection,
            connection.begin(),
        ):
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a transaction that only reads, and sees one moment."""
        with self._worded(), self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def lock(self, connection: Connection) -> None:
        """Hold other stations off from what must not happen twice, to the transaction's end."""
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))

    @contextlib.contextmanager
    def _worded(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            raise failure(error, self.name) from None
        except msgspec.DecodeError:
            raise _damaged(self.name) from None


#: What databases say of one that was cut short, lost a table, or has a page of something else.
_DAMAGE = ("malformed", "no such table", "no such column", "decode to UTF-8", "unsupported file")

#: What databases say, what it means, and what to do; {0} is the ledger's name.
_FAILURES: tuple[tuple[tuple[str, ...], type[StartlineError], str, str], ...] = (
    (
        ("not a database",),
        BadInput,
        "{0} is not a ledger: it is not a database.",
        "Name another file.",
    ),
    (
        ("unable to open",),
        BadInput,
        "The ledger {0} cannot be opened.",
        "Does its folder exist, and is it yours?",
    ),
    (
        ("does not exist", "authentication failed", "permission denied for"),
        BadInput,
        "The server of the ledger {0} answers, but has no such database, role or password.",
        "Is the name right? createdb makes a database; the rest of the URL is the server's.",
    ),
    (
        ("disk is full", "No space left"),
        LedgerAway,
        "The disk that holds the ledger {0} is full.",
        "Make room; every unit goes on at its last proven step.",
    ),
    (
        ("readonly", "read-only"),
        LedgerAway,
        "The ledger {0} may not be written.",
        "Is the file yours?",
    ),
    (
        ("database is locked",),
        LedgerAway,
        f"Another program has held the ledger {{0}} for {_PATIENCE} seconds.",
        "Close it; every unit goes on at its last proven step.",
    ),
)


def failure(error: DBAPIError | PoolTimeout, name: str) -> Exception:
    """Return what a database's error means for whoever runs the line."""
    if isinstance(error, IntegrityError):
        return error
    cause = error.orig if isinstance(error, DBAPIError) else error
    words = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
    if any(needle in words for needle in _DAMAGE):
        return _damaged(name)
    for needles, kind, message, hint in _FAILURES:
        if any(needle in words for needle in needles):
            return kind(message.format(name), hint)
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or isinstance(error, OperationalError | PoolTimeout):
        return LedgerAway(
            f"The ledger {name} does not answer ({words}).",
            "When it is back, every unit goes on at its last proven step.",
        )
    return error


def _url(where: str) -> URL:
    if not where:
        raise BadInput("The ledger's name is empty.", "Name a file, or postgresql://host/name.")
    if "://" not in where:
        return URL.create("sqlite", database=where)
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        # Its own words would show the URL, and the password in it.
        raise BadInput(
            "The ledger's URL cannot be read.", "Such as postgresql://host/name"
        ) from None
    backend = {"postgres": "postgresql"}.get(url.get_backend_name(), url.get_backend_name())
    if backend not in {"sqlite", "postgresql"}:
        raise BadInput(f"A ledger cannot be kept in {backend!r}.", "SQLite and PostgreSQL can.")
    if backend == "sqlite" and not url.database:
        raise BadInput("The ledger's URL names no file.", "Such as sqlite:///ledger.db")
    return url.set(drivername="sqlite" if backend == "sqlite" else "postgresql+psycopg")


def _name(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def _engine(url: URL) -> Any:
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url, connect_args={"timeout": _PATIENCE}, pool_size=32)
            event.listen(engine, "connect", _sqlite_connected)
            event.listen(engine, "begin", _sqlite_begun)
            return engine
        # A connection that died with the server's restart is replaced before it is used.
        return create_engine(
            url,
            pool_size=32,
            pool_pre_ping=True,
            connect_args={"connect_timeout": _PATIENCE, "application_name": "startline"},
        )
    except (ImportError, NoSuchModuleError):
        raise not_installed("postgres") from None


def _sqlite_connected(connection: sqlite3.Connection, record: object) -> None:
    del record
    # Transactions are begun here and nowhere else.
    connection.isolation_level = None
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # A power cut must not take back a serial number that a board has already.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise


def _sqlite_begun(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_file(url: URL) -> None:
    """Raise BadInput where a pipe or a device stands in the place of a ledger's file."""
    if url.get_backend_name() != "sqlite":
        return
    try:
        check_file(Path(str(url.database)))
    except OSError as error:
        raise BadInput(f"The ledger {url.database} cannot be opened: {error.strerror}.") from None


def _is_missing_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file()


def _stays_empty(url: URL) -> bool:
    """Tell whether the file is there with nothing in it: SQLite would make a new ledger of it.

    A file that another station is making at this moment is empty no longer than a moment.
    """
    if url.get_backend_name() != "sqlite":
        return False
    path, end = Path(str(url.database)), Deadline(_MAKING)
    while path.is_file() and path.stat().st_size < _LEAST:
        if end.expired:
            return True
        time.sleep(0.05)
    return False


def _damaged(name: str) -> BadInput:
    return BadInput(
        f"The ledger {name} is damaged, or was cut short.",
        "It was left as it is. Restore it from a backup: which chip has which serial number is "
        "recorded nowhere else.",
    )


def _no_ledger(name: str) -> LedgerMissing:
    return LedgerMissing(
        f"There is no ledger {name}.", "Name it with --ledger; `startline line` makes a new one."
    )


def _prepare(connection: Connection, name: str, *, create: bool) -> None:
    """Make the tables where there are none.

    Raises BadInput for tables of a newer schema, and for a file of which a part is damaged or that
    contradicts itself: a board whose row or index is gone would get a second serial number.
    """
    there = connection.dialect.has_table(connection, meta.name)
    if there and connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if found != "ok":
            raise _damaged(name)
    if not there and connection.dialect.name == "sqlite" and inspect(connection).get_table_names():
        raise BadInput(
            f"{name} is a database, but not a ledger: it holds tables of something else.",
            "It was left as it is. Name another file with --ledger.",
        )
    if not there and not create:
        raise _no_ledger(name)
    if not there:
        METADATA.create_all(connection)
        connection.execute(meta.insert().values(key="schema", value=str(SCHEMA)))
        return
    found = connection.execute(select(meta.c.value).where(meta.c.key == "schema")).scalar()
    if found is None or not str(found).isdecimal():
        raise BadInput(f"{name} holds tables of a ledger, but no schema version.", "Restore it.")
    if int(found) > SCHEMA:
        raise BadInput(
            f"The ledger {name} is of schema {found}, and this startline knows up to {SCHEMA}.",
            "It was left as it is. Update startline on this computer.",
        )
