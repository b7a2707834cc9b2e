"""`startline raceday -p`: a whole day on a board, which is lent for it and given back as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from startline_race.journal import Journal
from startline_race.journal_format import PASSING, SECTOR
from startline_race.passing_format import Passing, pack_passing
from startline_race.progress import Progress

from startline_host.bench.scenarios.base_flash import make_base
from startline_host.cli import main
from startline_host.device.port import open_port
from startline_host.flows.board_loan import neutral_provision
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.loan_safe import read_saved
from startline_host.formats.littlefs_image import read_filesystem
from startline_host.formats.units import Unit
from startline_host.mock_cloud import CertificateAuthority
from startline_host.virtual import VirtualEsp32
from tests.bench.test_bench_command import bound_flash, kept_of
from tests.json_lines import checked

OWN = {"/app.py": b"def main(device):\n    print('mine')\n", "/data.txt": b"hello"}
COUNT = 300
DAY = ("--board", "VIRTUAL_ESP32", "--runners", "20", "--minutes", "0.1", "--outages", "2",
       "--seed", "4")  # fmt: skip
WIFI = ("--ssid", "bench", "--cloud-host", "localhost")

Typed = Callable[..., int]


class BoardFlash:
    """A partition in memory."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.data = bytearray(b"\xff" * size)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes."""
        return bytes(self.data[offset : offset + length])

    def program(self, offset: int, data: bytes) -> None:
        """Clear bits."""
        self.data[offset : offset + len(data)] = data


def journal_of(size: int, sent: int) -> bytes:
    """Return a partition in which another reader has stored passings, the first so many sent."""
    flash = BoardFlash(size)
    journal = Journal(flash, b"owner--1")
    journal.open()
    progress = Progress(journal)
    for number in range(1, COUNT + 1):
        passing = Passing()
        passing.number, passing.session, passing.boot, passing.chip = number, 1, 1, "7F"
        journal.append(PASSING, pack_passing(passing, bytearray(240)))
        journal.number = number + 1
    for before in range(101, sent + 2, 100):
        progress.sent(before, 100, 0)
    return bytes(flash.data)


class OwnersBoard:
    """A board with files and a journal of its owner's; `sent` passings of the journal are sent."""

    def __init__(self, flash: Path, sent: int = COUNT) -> None:
        base = make_base(own=OWN)
        self.flash = flash
        self.row, self._vfs = base.table.get("race"), base.table.get("vfs")
        self.fctry = base.table.get("fctry")
        image = bytearray(base.image)
        image[self.row.offset : self.row.end] = journal_of(self.row.size, sent)
        settings = neutral_provision("MINE-1", "Mine", CertificateAuthority().ca_der).settings
        self.identity = Provision(Unit(serial="MINE-1", model="Mine"), settings).image()
        image[self.fctry.offset : self.fctry.end] = self.identity
        flash.write_bytes(image)
        self.before = self.journal

    @property
    def journal(self) -> bytes:
        """What its journal's partition holds."""
        return self.flash.read_bytes()[self.row.offset : self.row.end]

    def check_as_it_was(self) -> None:
        """See that files and journal are the owner's, and that the record is blank."""
        files = read_filesystem(self.flash.read_bytes()[self._vfs.offset : self._vfs.end])
        own = {path: data for path, data in files.items() if path.lstrip("/") in
               {name.lstrip("/") for name in OWN}}  # fmt: skip
        assert {"/" + path.lstrip("/"): data for path, data in own.items()} == OWN
        assert self.journal == self.before
        assert self.flash.read_bytes()[self.fctry.offset : self.fctry.end] == self.identity
        assert kept_of(self.flash).record().state == "unbound"


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Typed]:
    """Type a race day's command line in a folder of its own; return its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("STARTLINE_WIFI_PASSWORD", "bench-wifi")

    def run(*words: str) -> int:
        with pytest.raises(SystemExit) as left:
            main(["raceday", *words])
        assert isinstance(left.value.code, int)
        return left.value.code

    yield run
    # What was put away is given back, or was never taken.
    assert not list((tmp_path / "data").rglob("*.zip"))


def test_a_day_on_a_board(
    typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over a Wi-Fi nothing is lost or doubled, and the owner's things are as they were."""
    board = OwnersBoard(tmp_path / "board.flash")
    report = tmp_path / "day.json"
    with VirtualEsp32(board.flash) as chip:
        code = typed("-p", chip.url, *WIFI, *DAY, "--power-cuts", "0", "--report", str(report),
                     "--json")  # fmt: skip
        told = checked(capsys.readouterr().out)[-1]
    assert code == 0, json.dumps(told)
    found = json.loads(report.read_text())
    assert (len(found["cuts"]), len(found["outages"])) == (0, 2)
    (reader,) = found["readers"]
    assert reader["promised"] <= reader["stored"] == told["at_cloud"] + told["aside"]
    assert reader["shown"] + len(reader["dark"]) == 20
    assert reader["promised"] == 20
    board.check_as_it_was()


def test_a_journal_with_unsent_passings_is_left_alone(
    typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A board whose journal holds what is at no cloud is refused (60), with what to do; nothing is written."""
    board = OwnersBoard(tmp_path / "board.flash", sent=200)
    before = board.flash.read_bytes()
    with VirtualEsp32(board.flash) as chip:
        assert typed("-p", chip.url, "--link", "usb", *DAY) == 60
    said = " ".join(capsys.readouterr().err.split())
    assert "100 passings that are at no cloud" in said
    assert "race export --interrupt" in said
    assert board.flash.read_bytes() == before


def test_a_bound_board_is_left_alone(
    typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A board that somebody has bound is refused (41), and its record is as it was."""
    flash = tmp_path / "board.flash"
    flash.write_bytes(bound_flash(tmp_path))
    before = kept_of(flash).record()
    with VirtualEsp32(flash) as chip:
        assert typed("-p", chip.url, "--link", "usb", *DAY) == 41
    assert "is bound" in capsys.readouterr().err
    assert kept_of(flash).record() == before


def test_what_a_day_at_a_port_cannot_be(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    """Several readers at one port, a board without a network, a cable of virtual readers: one sentence (60)."""
    for words, said in (
        (["-p", "socket://127.0.0.1:1", "--readers", "2"], "one reader"),
        (["-p", "socket://127.0.0.1:1"], "--ssid"),
        (["--link", "usb"], "--port"),
    ):
        assert typed(*words) == 60
        assert said in capsys.readouterr().err


def ended_in_mid_race(folder: Path, url: str, how: signal.Signals) -> tuple[int, str]:
    """Run a day on a board until it races, and end it by a signal; return the exit code and its words."""
    words = ["raceday", "-p", url, "--link", "usb", "--board", "VIRTUAL_ESP32", "--minutes", "60"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
    }
    with subprocess.Popen(
        [sys.executable, "-c", f"from startline_host.cli import main; main({words!r})"],
        stderr=subprocess.PIPE, text=True, cwd=folder, env=environment,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("race"):
                break
        running.send_signal(how)
        return running.wait(), running.stderr.read()


def test_a_day_that_is_ended_gives_its_board_back(
    typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After Ctrl-C (130) all is as it was; what a kill left is saved, and put back by the next day.

    Also where it was killed as it gave the board back, the journal half the owner's, who its owner
    is half written, the chip held in reset.
    """
    board = OwnersBoard(tmp_path / "board.flash")
    with VirtualEsp32(board.flash) as chip:
        code, said = ended_in_mid_race(tmp_path, chip.url, signal.SIGINT)
        assert code == 130, said
        board.check_as_it_was()
        assert ended_in_mid_race(tmp_path, chip.url, signal.SIGKILL)[0] == -signal.SIGKILL
        code, said = ended_in_mid_race(tmp_path, chip.url, signal.SIGKILL)
        assert code == -signal.SIGKILL
    (path,) = (tmp_path / "data").rglob("*.zip")
    assert path.stat().st_mode & 0o77 == 0
    kept = read_saved(path)
    assert (kept.files, kept.journal, kept.fctry) == (OWN, board.before, board.identity)
    half = bytearray(board.flash.read_bytes())
    half[board.row.offset : board.row.offset + SECTOR] = board.before[:SECTOR]
    begin = board.fctry.offset
    half[begin : board.fctry.end] = b"\xff" * SECTOR + board.identity[SECTOR:]
    board.flash.write_bytes(half)
    with VirtualEsp32(board.flash) as chip:
        with open_port(chip.url) as port:
            port.line.dtr, port.line.rts = False, True
        assert typed("-p", chip.url, "--link", "usb", *DAY, "--power-cuts", "0") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "what its owner had is put back first" in said
    assert path.name in said.replace(" ", "")
    assert "several readers" not in said
    board.check_as_it_was()
