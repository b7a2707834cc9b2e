"""A journal that the real role has written, in the real MicroPython, against a mock cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from startline_host.bench.station import BenchDevice
from startline_host.cli import main
from startline_host.mock_cloud import MockCloud
from startline_host.virtual.time_server import TimeServer
from tests.json_lines import checked
from tests.race_role.racing import RacingReader
from tests.race_role.vm_cases import compile_race

Run = Callable[..., tuple[int, str, str]]
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


@pytest.fixture
def reader(startline_device: BenchDevice) -> Iterator[BenchDevice]:
    """Give a reader that is bound and at its app."""
    with TimeServer() as clock:
        startline_device.provision(race_servers=(clock.server,))
        startline_device.boot()
        yield startline_device


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `startline race`; return exit code, results and all else that it says."""
    for name in ("STARTLINE_PORT", "ESPPORT", "STARTLINE_READ_KEY"):
        monkeypatch.delenv(name, raising=False)

    def running(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["race", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return running


def result(done: tuple[int, str, str], code: int = 0) -> dict[str, Any]:
    """Return the last line of a run with --json, held against the schema."""
    assert done[0] == code, done
    return checked(done[1])[-1]
