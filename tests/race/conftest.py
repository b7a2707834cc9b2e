"""A journal that the real role has written, in the real MicroPython, against a mock cloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from startline_host.mock_cloud import MockCloud
from tests.race_role.racing import RacingReader
from tests.race_role.vm_cases import compile_race

ALIAS = "10 km"
COUNT = 30


@pytest.fixture(scope="session")
def race_cloud() -> Iterator[MockCloud]:
    """Run the cloud that has what was raced."""
    with MockCloud() as cloud:
        yield cloud


@pytest.fixture(scope="session")
def racer(race_cloud: MockCloud, tmp_path_factory: pytest.TempPathFactory) -> RacingReader:
    """Return a reader whose race of 30 passings is at the cloud, and closed there."""
    lib = compile_race(tmp_path_factory.mktemp("race"))
    reader = RacingReader(tmp_path_factory.mktemp("reader"), lib, race_cloud)
    reader.life([ALIAS], COUNT)
    return reader


@pytest.fixture
def dump(racer: RacingReader, tmp_path: Path) -> Path:
    """Return a file with the reader's partition alone."""
    path = tmp_path / "race.bin"
    path.write_bytes((racer.folder / "race").read_bytes())
    return path
