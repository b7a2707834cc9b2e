"""A ledger for trying things out: it begins as the real one stands, and is thrown away."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from startline_host.factory.database import Database, LedgerMissing
from startline_host.factory.ledger import Ledger
from startline_host.factory.schema import batches, units

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from startline_host.secrets import Secret


@contextlib.contextmanager
def rehearsal_ledger(where: str, *, hide: Iterable[Secret] = ()) -> Iterator[Ledger]:
    """Yield a copy of the ledger at `where`, without its history; an empty one where there is none.

    The real one is only read: other stations are not held up, and take note of nothing. Raises as
    opening it does.
    """
    with tempfile.TemporaryDirectory(prefix="startline-ledger-") as folder:
        copy = str(Path(folder) / "ledger.db")
        with contextlib.suppress(LedgerMissing):
            _copy(where, copy)
        with Ledger.open(copy, hide=hide) as ledger:
            yield ledger


def _copy(where: str, copy: str) -> None:
    real = Database(where, create=False)
    try:
        there = Database(copy)
        try:
            with real.reading() as source, there.writing() as target:
                for table in (batches, units):
                    rows = [dict(row) for row in source.execute(select(table)).mappings()]
                    if rows:
                        target.execute(insert(table), rows)
        finally:
            there.close()
    finally:
        real.close()
