"""What the factory's tests share: ledgers in real databases, and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from host_tools.factory.entries import Place
from host_tools.factory.ledger import Ledger
from tests.factory.made import make_batch
from tests.factory.postgres import Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from host_tools.factory.batch import Batch


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Serve PostgreSQL for the whole run."""
    with serving() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a place for an empty ledger, in each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    server = request.getfixturevalue("postgres")
    return str(server.url())


@pytest.fixture
def ledger(where: str) -> Iterator[Ledger]:
    """Open an empty ledger."""
    with Ledger.open(where) as opened:
        yield opened


@pytest.fixture
def batch() -> Batch:
    """Make a batch of ten units."""
    return make_batch(10)


@pytest.fixture
def place() -> Place:
    """Name a slot."""
    return Place("bench", "1")
