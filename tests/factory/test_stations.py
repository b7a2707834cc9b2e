"""Several stations on one ledger, as real processes; and one that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from startline_host.factory.entries import StationSlot
from startline_host.factory.ledger import Ledger
from startline_host.factory.schema import PASSED, WORK
from tests.factory.made import mac, make_batch

if TYPE_CHECKING:
    from tests.factory.postgres import PostgresServer

COUNT = 200


def station(url: str, number: int) -> subprocess.Popen[bytes]:
    """Start a station; its chips are its own."""
    script = Path(__file__).with_name("station.py")
    command = [sys.executable, str(script), url, f"station-{number}"]
    return subprocess.Popen(
        [*command, str(number * 1000), str(number)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def check(ledger: Ledger, stations: int) -> None:
    """Every serial number of the batch went to one chip, has one token, and passed."""
    units = ledger.entries()
    assert ledger.counts()[PASSED] == COUNT
    assert len({unit.mac for unit in units}) == len({unit.token for unit in units}) == COUNT
    assert [unit.serial for unit in units] == [f"RR-{n:06d}" for n in range(1, COUNT + 1)]
    assert len({unit.station for unit in units}) == stations
    given = [line.serial for line in ledger.records() if line.kind == "allot"]
    back = [line.serial for line in ledger.records() if line.kind == "return"]
    assert len(given) - len(back) == COUNT
    assert back, "some chips were meant to give their serial back"


def run(where: str, stations: int) -> None:
    """Have that many stations make the batch, all at once."""
    with Ledger.open(where) as ledger:
        ledger.add_batch(make_batch(COUNT))
        processes = [station(where, number) for number in range(1, stations + 1)]
        try:
            # They give up by themselves; this is for one that hangs.
            assert [process.wait(600) for process in processes] == [0] * stations
        finally:
            for process in processes:
                process.kill()
                process.wait()
        check(ledger, stations)


def test_four_stations_share_a_batch(postgres: PostgresServer) -> None:
    """Four stations on one PostgreSQL make a batch of 200 without a double or a hole."""
    run(postgres.url(), 4)


def test_one_station_makes_a_batch(tmp_path: Path) -> None:
    """One station on SQLite makes a batch of 200 without a double or a hole."""
    run(str(tmp_path / "ledger.db"), 1)


def test_stations_open_a_new_ledger_at_once(where: str) -> None:
    """Stations that find no ledger and bring one batch, all at once, make one of each."""
    code = (
        "import sys; from startline_host.factory.ledger import Ledger;"
        "from tests.factory.made import make_batch;"
        "added = Ledger.open(sys.argv[1]).add_batch(make_batch(50)); print(added.new)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, where],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    told = sorted(int(process.communicate(timeout=60)[0]) for process in processes)
    assert told == [0, 0, 50]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_killed_station_leaves_no_doubt(where: str) -> None:
    """After kill -9 every unit is where it last proved to be, and its chip finds it again."""
    with Ledger.open(where) as ledger:
        ledger.add_batch(make_batch(COUNT))
        process = station(where, 1)
        try:
            deadline = time.monotonic() + 60
            while ledger.counts()[PASSED] < 5:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        left = ledger.resume("station-1")
        assert len(left) <= 1
        for unit in ledger.entries(states=[WORK, PASSED]):
            told = [line.step for line in ledger.history(unit) if line.kind in {"allot", "step"}]
            assert told[-1] == unit.step
        for unit in left:
            again = ledger.allot("spring", StationSlot("station-2", "1"), unit.mac)
            assert again is not None
            assert (again.serial, again.step) == (unit.serial, unit.step)
        assert ledger.allot("spring", StationSlot("station-2", "1"), mac(9999)) is not None
