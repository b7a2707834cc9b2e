"""What the factory's tests share: ledgers in real databases, and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from startline_host.boards import load_board
from startline_host.factory.entries import StationSlot
from startline_host.factory.ledger import Ledger
from startline_host.flows.firmware_bundle import FirmwareBundle, make_bundle
from startline_host.flows.firmware_store import FirmwareStore
from startline_host.mock_cloud import MockCloud
from tests.factory.bench import LineBench
from tests.factory.made import make_batch
from tests.factory.postgres import PostgresServer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from startline_host.factory.batch import UnitBatch


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
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


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> FirmwareBundle:
    """Compile the agent for the virtual board, once."""
    board = load_board("VIRTUAL_ESP32")
    store = FirmwareStore(tmp_path_factory.mktemp("firmware"))
    return make_bundle(board, store.obtain(board))


@pytest.fixture
def bench(tmp_path: Path, bundle: FirmwareBundle) -> Iterator[LineBench]:
    """Set up a slot with its cloud, and a ledger with ten units in it."""
    where = str(tmp_path / "ledger.db")
    with MockCloud() as cloud, Ledger.open(where) as ledger:
        ledger.add_batch(make_batch(10))
        made = LineBench(tmp_path, cloud, ledger, bundle)
        yield made
        made.unplug()


@pytest.fixture
def batch() -> UnitBatch:
    """Make a batch of ten units."""
    return make_batch(10)


@pytest.fixture
def place() -> StationSlot:
    """Name a slot."""
    return StationSlot("bench", "1")
