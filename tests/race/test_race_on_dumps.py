"""`startline race` on dumps: what the real role has stored is told as it is, damage included."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture
from startline_race.journal import Journal
from startline_race.journal_format import PASSING, SECTOR
from startline_race.passing_format import Passing, pack_passing

from startline_host.race import running_reader
from tests.race.conftest import ALIAS, COUNT, Run, result
from tests.race_role.racing import RacingReader

OWNER = hashlib.sha256(b"DEVICE-123").digest()[:8]


def make_journal(path: Path, count: int, *, utc: Sequence[int] = (), **known: str | int) -> None:
    """Write a partition with passings of a boot that never had the time; a module's own has `utc` in ms."""
    flash = _MemoryFlash()
    journal = Journal(flash, OWNER)
    journal.open()
    journal.boot = 1
    for number in range(1, count + 1):
        passing = Passing()
        passing.number, passing.session, passing.boot, passing.chip = number, 1, 1, "7F"
        values: dict[str, object] = {**known, "utc_ms": utc[number - 1]} if utc else {**known}
        for name, value in values.items():
            setattr(passing, name, value)
        journal.append(PASSING, pack_passing(passing, bytearray(240)))
        journal.number = number + 1
    path.write_bytes(flash.data)


class _MemoryFlash:
    """A partition in memory."""

    def __init__(self) -> None:
        self.size = 0x100000
        self.data = bytearray(b"\xff" * self.size)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes."""
        return bytes(self.data[offset : offset + length])

    def program(self, offset: int, data: bytes) -> None:
        """Clear bits."""
        self.data[offset : offset + len(data)] = data


def test_status_tells_what_the_role_knew(run: Run, dump: Path, racer: RacingReader) -> None:
    """Counts, sessions and numbers are those that the reader itself told last."""
    told = result(run("status", "--dump", dump, "--json"))
    state = racer.state
    assert [told[name] for name in ("stored", "sent", "waiting", "unsure", "aside", "full")] == [
        state[name] for name in ("stored", "sent", "waiting", "unsure", "aside", "full")
    ]
    (session,) = told["sessions"]
    assert (session["alias"], session["state"]) == (ALIAS, "closed")
    assert session["passings"] == COUNT
    assert session["token_session"] == racer.sessions()[0]["token_session"]
    assert told["damage"] == []
    assert "stored    30" in run("status", "--dump", dump)[1]


def test_what_is_listed_is_what_the_cloud_has(run: Run, dump: Path, racer: RacingReader) -> None:
    """Number, chip, bib and time of every passing are to the millisecond those at the cloud."""
    told = result(run("list", "--dump", dump, "--json"))["passings"]
    there = racer.passings(racer.sessions()[0])
    assert [(one["num_passing"], one["chip"], one["utc"]) for one in told] == [
        (one["num_passing"], one["chip"], one["timestamp"]) for one in there
    ]
    assert len(told) == COUNT
    clocks = {(one["state"], one["frozen"], one["clock"], one["error_ms"] < 10) for one in told}
    assert clocks == {("sent", True, "module", True)}
    shown = run("list", "--dump", dump, "--from", 7, "--to", 9)[1].splitlines()
    assert [line.split()[0] for line in shown] == ["number", "7", "8", "9"]


def test_race_manager_gets_local_times(run: Run, dump: Path, tmp_path: Path) -> None:
    """CSV and TXT have the five columns, in the named zone, which the last words name too."""
    told = result(run("list", "--dump", dump, "--json"))["passings"]
    for name, delimiter in (("out.csv", ","), ("out.txt", "\t")):
        code, _, err = run("export", "--dump", dump, "--zone", "Europe/Berlin",
                           "--out", tmp_path / name)  # fmt: skip
        assert code == 0
        assert "Europe/Berlin" in err
        head, *rows = csv.reader(io.StringIO((tmp_path / name).read_text()), delimiter=delimiter)
        assert head == ["Chip", "BIB", "Date", "Time", "[Date][Time]"]
        assert len(rows) == COUNT
        for row, one in zip(rows, told, strict=True):
            assert row[0] == one["chip"]
            assert row[4] == f"{row[2]} {row[3]}"
            # Berlin is an hour ahead in November.
            ahead = datetime.fromisoformat(row[4] + "Z") - datetime.fromisoformat(one["utc"])
            assert ahead.total_seconds() == 3600


def test_other_forms(run: Run, dump: Path) -> None:
    """RACE RESULT's order has number, transponder, date and time first; JSON lines have it all."""
    told = result(run("list", "--dump", dump, "--json"))["passings"]
    code, out, _ = run("export", "--dump", dump, "--format", "raceresult", "--session", ALIAS)
    rows = list(csv.reader(io.StringIO(out), delimiter=";"))
    assert code == 0
    assert [row[1] for row in rows] == [one["chip"] for one in told]
    assert {len(row) for row in rows} == {11}
    code, out, _ = run("export", "--dump", dump, "--format", "jsonl", "--zone", "Asia/Kolkata")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [one["utc"] for one in lines] == [one["utc"] for one in told]
    assert lines[0]["local"].endswith("+05:30")
    assert lines[0]["zone"] == "Asia/Kolkata"


def test_times_choose_passings(run: Run, dump: Path) -> None:
    """--from and --to take times of the zone; a period without a passing is told (60)."""
    told = result(run("list", "--dump", dump, "--json"))["passings"]
    moment = told[10]["utc"]
    chosen = result(run("list", "--dump", dump, "--json", "--from", moment, "--to", moment))
    numbers = [one["number"] for one in chosen["passings"]]
    assert told[10]["number"] in numbers
    assert {told[number - 1]["utc"] for number in numbers} == {moment}
    code, _, err = run("list", "--dump", dump, "--from", "2030-01-01")
    assert code == 60
    assert "passings 1 to 30" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", "31"], "no passing 31"),
        (["--to", "0"], "no passing 0"),
        (["--from", "noon"], "neither a passing's number nor a time"),
        (["--session", "5 km"], "no session '5 km'"),
        (["--zone", "Mars/Base"], "no time zone 'Mars/Base'"),
        (["--zone", "../etc"], "no time zone"),
        (["--zone", "Europe/Berlin", "--to", "2026-10-25T02:30"], "2026-10-25T02:30:00+01:00"),
        (["--zone", "Europe/Berlin", "--from", "2026-03-29T02:30"], "never was"),
    ],
)
def test_what_is_not_there_is_named(run: Run, dump: Path, options: list[str], words: str) -> None:
    """A number, time, session or zone that is none is one sentence and 60."""
    code, out, err = run("export", "--dump", dump, *options)
    assert (code, out) == (60, "")
    assert words in err


@pytest.mark.parametrize("option", ["--from", "--to", "--session", "--serial", "--zone"])
@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_text_is_not_all(run: Run, dump: Path, option: str, text: str) -> None:
    """What a script's variable left empty is refused (60): it meant every passing, or any reader."""
    for verb in ("list", "export"):
        code, out, err = run(verb, "--dump", dump, option, text)
        assert (code, out) == (60, ""), err
    assert run("resend", "-p", "socket://127.0.0.1:1", "--boot-began", text)[0] == 60


def test_a_race_while_the_clocks_are_put_back(run: Run, tmp_path: Path) -> None:
    """Local times that come twice are warned of, not in UTC, and an offset tells which one is meant."""
    path = tmp_path / "night.bin"
    night = [round(datetime.fromisoformat(f"2026-10-25T0{at}Z").timestamp() * 1000)
             for at in ("0:30:00.5", "1:30:00.5", "2:30:00.5")]  # fmt: skip
    make_journal(path, 3, utc=night)
    _, out, err = run("export", "--dump", path, "--zone", "Europe/Berlin")
    assert [line.split(" ")[-1] for line in out.splitlines()[1:]] == [
        "02:30:00.500", "02:30:00.500", "03:30:00.500",
    ]  # fmt: skip
    assert "were put forward or back" in err
    for options in ((), ("--zone", "Europe/Berlin", "--from", "2026-10-25T02:30:00+01:00")):
        code, out, err = run("export", "--dump", path, *options)
        assert (code, "put" in err) == (0, False)
    assert len(out.splitlines()) == 3


def test_a_time_that_no_calendar_has_is_none(run: Run, tmp_path: Path) -> None:
    """A dump that somebody made up may hold it: its passing is exported without a time."""
    path = tmp_path / "far.bin"
    make_journal(path, 1, utc=[(1 << 48) - 1])
    for form in ("race-manager", "raceresult", "jsonl"):
        code, out, _ = run("export", "--dump", path, "--format", form)
        assert code == 0
        assert "7F" in out
    assert run("list", "--dump", path)[0] == 0


def test_names_of_every_kind_are_exported_whole(run: Run, tmp_path: Path) -> None:
    """Commas, quotes, formulas, right-to-left letters, emoji and line ends make one row, and come back."""
    path = tmp_path / "odd.bin"
    for bib in ('A,"7";b', "=1+1", "+49", "שלום 7", "🏃‍♀️12", "two\nlines", "\t=x", "-1"):
        make_journal(path, 1, bib=bib)
        for form, delimiter, place in (("race-manager", ",", 1), ("raceresult", ";", 1)):
            code, out, _ = run("export", "--dump", path, "--format", form)
            rows = list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter))[-1:]
            assert code == 0
            assert [row[place].replace("'", "") for row in rows] == [bib], form
            assert rows[0][place].lstrip()[:1] not in tuple("=+-@")
        code, out, _ = run("export", "--dump", path, "--format", "jsonl")
        assert json.loads(out)["bib"] == bib


def test_a_damaged_sector_is_named(run: Run, tmp_path: Path) -> None:
    """What a sector has lost is named by its numbers (40), and everything else is exported."""
    path = tmp_path / "race.bin"
    make_journal(path, 600)
    whole = result(run("list", "--dump", path, "--json"))["passings"]
    data = bytearray(path.read_bytes())
    data[SECTOR : 2 * SECTOR] = os.urandom(SECTOR)
    path.write_bytes(data)
    code, _, err = run("export", "--dump", path, "--format", "jsonl", "--out", tmp_path / "out")
    assert code == 40
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    lost = sorted({one["number"] for one in whole} - {one["number"] for one in lines})
    assert len(lost) > 100
    assert lost == list(range(lost[0], lost[-1] + 1))
    assert f"lost the passings {lost[0]} to {lost[-1]} (sector 1)" in err
    assert "600 passings have no time" not in err
    told = result(run("status", "--dump", path, "--json"), 40)["result"]
    assert told["damage"] == [{"first": lost[0], "last": lost[-1], "sectors": [1]}]


def test_one_lost_passing_is_named(run: Run, tmp_path: Path) -> None:
    """One bit that is off loses one passing, which is named; the last one of all as well."""
    path = tmp_path / "race.bin"
    make_journal(path, 20)
    data = bytearray(path.read_bytes())
    data[32 + 10 * 24 + 5] ^= 1
    path.write_bytes(data)
    code, _, err = run("list", "--dump", path)
    assert code == 40
    assert "(sector 0)" in err


def test_a_spreadsheet_runs_nothing(run: Run, tmp_path: Path) -> None:
    """A bib that begins like a formula gets an apostrophe in tables, and none in JSON lines."""
    path = tmp_path / "race.bin"
    make_journal(path, 1, bib="=1+2", chip="@A")
    for form in ("race-manager", "raceresult"):
        out = run("export", "--dump", path, "--format", form)[1]
        assert "'=1" in out
    assert '"bib":"=1+2"' in run("export", "--dump", path, "--format", "jsonl")[1]


def test_what_nobody_measured_is_left_empty(run: Run, tmp_path: Path) -> None:
    """Beside an antenna the journal has 0 for RSSI and hits that no module told: they are no values."""
    path = tmp_path / "race.bin"
    told_by_a_module: dict[str, Any] = {"rssi": -61, "hits": 3}
    for given, shown in (({}, ["", ""]), (told_by_a_module, ["3", "-61"])):
        make_journal(path, 1, antenna=2, **given)
        out = run("export", "--dump", path, "--format", "raceresult")[1]
        (row,) = csv.reader(io.StringIO(out), delimiter=";")
        assert [row[5], row[6], row[9]] == [*shown, "2"]
        (line,) = run("export", "--dump", path, "--format", "jsonl")[1].splitlines()
        told = json.loads(line)
        assert [told[name] for name in ("antenna", "rssi", "hits")] == [
            2, given.get("rssi"), given.get("hits"),
        ]  # fmt: skip


def test_files_are_kept(run: Run, dump: Path, tmp_path: Path, mocker: MockerFixture) -> None:
    """A file that is there stays without --overwrite (60), and on a full disk (40)."""
    out = tmp_path / "out.csv"
    out.write_text("before")
    code, _, err = run("export", "--dump", dump, "--out", out)
    assert code == 60
    assert "--overwrite" in err
    full = mocker.patch("os.fsync", side_effect=OSError(errno.ENOSPC, "No space left on device"))
    code, _, err = run("export", "--dump", dump, "--out", out, "--overwrite")
    assert code == 40
    assert f"{out} cannot be written: No space left on device" in err
    assert out.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "race.bin"]
    mocker.stop(full)
    assert run("export", "--dump", dump, "--out", out, "--overwrite")[0] == 0
    assert len(out.read_text().splitlines()) == COUNT + 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_full_disk_is_told(dump: Path) -> None:
    """What does not fit, into a file or the standard output, is one sentence (40), as text and JSON."""
    words = [sys.executable, "-m", "startline_host", "race"]
    with Path("/dev/full").open("wb", buffering=0) as full:
        for given in (
            ["export", "--out", "/dev/full", "--overwrite"],
            ["export"],
            ["list", "--json"],
        ):
            done = subprocess.run(
                [*words, *given, "--dump", str(dump)],
                check=False, stdout=full, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert done.returncode == 40, done.stderr
            assert "No space left on device" in done.stderr
            assert "Traceback" not in done.stderr


def test_a_reader_is_not_disturbed(run: Run, mocker: MockerFixture) -> None:
    """What does not answer beside its program is sent no more than requests (12); erase needs a word."""
    mocker.patch.multiple(running_reader, _ASK_AGAIN=0.01, _TRIES=2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = f"socket://127.0.0.1:{silent.getsockname()[1]}"
        for verb in ("status", "list", "export", "resend"):
            code, _, err = run(verb, "-p", port)
            assert code == 12
            assert "--interrupt" in err
            with silent.accept()[0] as asked:
                assert re.fullmatch(rb"(~[0-9a-f]{2}Qinfo\*[0-9a-f]{8}!){2}", asked.recv(1000))
        code, _, err = run("erase", "-p", port)
        assert (code, "--interrupt" in err) == (60, True)
        assert "--dump" not in err  # erase has none
