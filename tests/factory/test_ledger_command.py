"""`startline ledger` and `startline label` as they are typed."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest

from startline_host import cli
from startline_host.errors import BadInput
from startline_host.factory.batch import UnitBatch
from startline_host.factory.entries import StationSlot
from startline_host.factory.label import make_label
from startline_host.factory.ledger import Ledger
from startline_host.formats.units import Unit
from startline_host.mock_cloud import MockCloud
from tests.factory.made import mac, make_batch, token

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder with a ledger of two passed units, one failed and one free."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STARTLINE_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.delenv("STARTLINE_READ_KEY", raising=False)
    with Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        ledger.add_batch(make_batch(4))
        for chip in (1, 2, 3):
            unit = ledger.allot("spring", StationSlot("bench", str(chip)), mac(chip))
            assert unit is not None
            if chip == 3:
                ledger.fail(unit, "network", "No \x1b[31mWi-Fi.")
            else:
                ledger.pass_(ledger.bound(unit, token(chip)))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Type a command; return its exit code and what it printed."""
    with pytest.raises(SystemExit) as left:
        cli.main(list(words))
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out, err


def result(out: str) -> dict[str, object]:
    """Return what --json printed last."""
    told = json.loads(out.splitlines()[-1])
    assert isinstance(told, dict)
    return told


def test_list_shows_units_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Units come one a line on stdout, with a shortened deviceid; their numbers on stderr."""
    code, out, err = run(capsys, "ledger", "list")
    assert code == 0
    head, *rows = out.splitlines()
    assert head.split() == [
        "serial",
        "state",
        "step",
        "mac",
        "deviceid",
        "station",
        "slot",
        "reason",
    ]
    assert {
        row.index(state)
        for row, state in zip(rows, ("passed", "passed", "failed", "free"), strict=True)
    } == {head.index("state")}
    assert rows[3].split()[2:] == ["-"] * 6
    assert [line.split()[:2] for line in rows] == [
        ["RR-000001", "passed"], ["RR-000002", "passed"],
        ["RR-000003", "failed"], ["RR-000004", "free"],
    ]  # fmt: skip
    assert token(1) not in out
    assert err == "1 free, 0 in work, 0 deferred, 2 passed, 1 failed\n"


def test_list_can_be_narrowed(capsys: pytest.CaptureFixture[str]) -> None:
    """A state narrows the list, --json has the whole deviceid, an unknown batch is named."""
    _, out, _ = run(capsys, "ledger", "list", "--state", "passed", "--batch", "spring", "--json")
    units = result(out)["units"]
    assert [unit["deviceid"] for unit in units] == [token(1), token(2)]  # type: ignore[attr-defined]
    _, out, err = run(capsys, "ledger", "list", "--state", "failed")
    assert (len(out.splitlines()), err) == (2, "1 failed\n")
    code, _, err = run(capsys, "ledger", "list", "--batch", "winter")
    assert code == 60
    assert "There are: spring." in err


def test_show_and_history_tell_of_one_unit(capsys: pytest.CaptureFixture[str]) -> None:
    """A unit is found by serial number or MAC; what devices said cannot steer the terminal."""
    code, out, _ = run(capsys, "ledger", "show", mac(1))
    assert (code, "RR-000001" in out, token(1) in out) == (0, True, True)
    code, out, _ = run(capsys, "ledger", "history", "rr-000003")
    assert code == 0
    assert [line.split()[2] for line in out.splitlines()] == ["allot", "fail"]
    assert "\x1b" not in out
    assert "\\x1b[31mWi-Fi" in out
    _, out, _ = run(capsys, "ledger", "history", "rr-000003", "--json")
    assert len(result(out)["history"]) == 2  # type: ignore[arg-type]


def test_a_missing_ledger_is_named_and_not_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Reading a ledger that is not there is an error (60) and leaves no file."""
    for words in (["ledger", "list"], ["ledger", "export"], ["label", "--batch", "spring"]):
        code, _, err = run(capsys, *words, "--ledger", "typo.db")
        assert (code, "There is no ledger typo.db" in err) == (60, True)
    assert not (tmp_path / "typo.db").exists()


def test_a_database_of_something_else_is_named_as_such(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A browser's SQLite file is no ledger, and nothing is added to it."""
    other = tmp_path / "places.sqlite"
    with contextlib.closing(sqlite3.connect(other)) as made:
        made.execute("CREATE TABLE bookmarks (url TEXT)")
        made.commit()
    with pytest.raises(BadInput, match="not a ledger: it holds tables of something else"):
        Ledger.open(str(other))
    code, _, err = run(capsys, "ledger", "list", "--ledger", str(other))
    assert (code, "holds tables of something else" in err) == (60, True)
    with contextlib.closing(sqlite3.connect(other)) as left:
        assert left.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_what_cannot_be_released_is_said_before_anybody_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A unit that passed, and one that is free, are refused without a question."""
    for unit, code in (("RR-000001", 41), ("RR-000004", 60)):
        ended, _, err = run(capsys, "ledger", "release", unit)
        assert (ended, "Go on only if" in err) == (code, False)


def test_a_password_is_not_taken_from_the_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A ledger's URL with a password in it is refused as an argument, and not repeated."""
    url = "postgresql://user:hunter2@127.0.0.1/ledger"
    code, out, err = run(capsys, "ledger", "list", "--ledger", url)
    assert (code, "PGPASSWORD" in err, "hunter2" in out + err) == (2, True, False)


def test_export_writes_files_and_pipes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """CSV goes to stdout or, marked as UTF-8, to a file; JSON and history as well."""
    _, out, _ = run(capsys, "ledger", "export")
    assert out.count("\n") == 5
    run(capsys, "ledger", "export", "--out", "units.csv")
    assert (tmp_path / "units.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    _, out, _ = run(capsys, "ledger", "export", "--history", "--format", "json")
    assert {row["kind"] for row in json.loads(out)} == {"allot", "step", "pass", "fail"}
    code, _, err = run(capsys, "ledger", "export", "--out", "/proc/units.csv")
    assert (code, "cannot be written" in err) == (60, True)


def test_report_writes_a_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The report is a file whose numbers --json tells."""
    code, out, _ = run(capsys, "ledger", "report", "--batch", "spring", "--json")
    told = result(out)
    assert code == 0
    assert (told["counts"]["passed"], told["counts"]["failed"]) == (2, 1)  # type: ignore[index]
    assert told["passed_share"] == 2 / 3
    assert "<!doctype html>" in (tmp_path / "startline-report.html").read_text()


def test_labels_are_made_and_read_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch's labels are files, printing them is history, and scanning finds the wrong one."""
    code, out, err = run(capsys, "label", "--batch", "spring")
    assert (code, out.split(), err) == (
        0, ["labels/RR-000001.svg", "labels/RR-000002.svg"], "2 labels.\n",
    )  # fmt: skip
    for form, name in (("png", "labels-1.png"), ("pdf", "labels.pdf")):
        run(capsys, "label", "RR-000001", "--format", form, "--size", "60x30")
        assert (tmp_path / "labels" / name).stat().st_size > 1000
    with Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        unit = ledger.find("RR-000001")
        assert [line.kind for line in ledger.history(unit)].count("label") == 3
        right = make_label(unit).code
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{right}\n\nhello\n"))
    code, out, _ = run(capsys, "label", "--scan")
    assert code == 60
    assert [line[:4] for line in out.splitlines()] == ["ok  ", "NO  "]
    monkeypatch.setattr("sys.stdin", io.StringIO(right))
    assert run(capsys, "label", "--scan", "--json")[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "Name units"),
        (["RR-000003"], 60, "RR-000003 gets no label: it is failed"),
        (["RR-000001", "--size", "big"], 2, "WIDTHxHEIGHT"),
        (["RR-000001", "--size", "5x5"], 60, "cannot be read"),
        (["RR-000001", "--format", "pdf", "--size", "400x400"], 60, "does not fit a page"),
        (["RR-9"], 60, "no unit 'RR-9'"),
    ],
)
def test_a_label_that_cannot_be_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    """No unit, one that has not passed, or an impossible size: a sentence, and no file."""
    ended, _, err = run(capsys, "label", *words)
    assert (ended, said in err) == (code, True)
    assert not (tmp_path / "labels").exists()


def test_a_destroyed_boards_serial_is_released(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Typed out, the serial number of a dead board goes back; one that may be bound never does."""
    assert run(capsys, "ledger", "release", "RR-000003")[0] == 60
    assert run(capsys, "ledger", "release", "RR-000003", "--confirm", "RR-000004")[0] == 60
    code, out, err = run(capsys, "ledger", "release", "RR-000003", "--confirm", "RR-000003")
    assert (code, out) == (0, "RR-000003 is free.\n")
    assert "Go on only if it is destroyed" in err
    assert run(capsys, "ledger", "release", "RR-000001", "--confirm", "RR-000001")[0] == 41
    assert run(capsys, "ledger", "release", "RR-000004", "--confirm", "RR-000004")[0] == 60
    with Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        assert ledger.look_up(mac(3)) is None
        assert ledger.history(ledger.find("RR-000003"))[-1].words == "released by hand"


def test_verify_asks_the_cloud(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cloud's list is read with a READ key; a difference ends with 32 and is kept.

    A batch of another cloud is left out with --batch; a cloud without a list is told.
    """
    code, _, err = run(capsys, "ledger", "verify", "--base-url", "https://localhost")
    assert (code, "READ key" in err) == (60, True), err
    with MockCloud() as cloud:
        (tmp_path / "ca.pem").write_bytes(cloud.ca_pem)
        (tmp_path / "key").touch(mode=0o600)
        (tmp_path / "key").write_text(cloud.keys["READ"])
        words = ["ledger", "verify", "--base-url", cloud.base_url, "--ca", "ca.pem"]
        code, out, err = run(capsys, *words, "--read-key-file", "key")
        assert (code, out.count("missing")) == (32, 3)
        bind(cloud)
        monkeypatch.setenv("STARTLINE_READ_KEY", cloud.keys["READ"])
        adjust(tmp_path, cloud)
        code, out, _ = run(capsys, *words, "--json")
        assert (code, result(out)["agrees"], result(out)["alike"]) == (0, True, 2)
        made_elsewhere(tmp_path)
        assert run(capsys, *words)[0] == 32
        code, out, _ = run(capsys, *words, "--batch", "spring", "--json")
        assert (code, result(out)["findings"]) == (0, [])
    (tmp_path / "vms.toml").write_text(
        '[claim]\ncloud = "vms"\nbase_url = "https://localhost:1"\n'
    )
    code, _, err = run(capsys, "ledger", "verify", "--settings", "vms.toml")
    assert (code, "has no list" in err) == (60, True)
    assert cloud.keys["READ"].encode() not in (tmp_path / "ledger.db").read_bytes()


def made_elsewhere(folder: Path) -> None:
    """Add a batch whose unit is bound at a cloud of its own."""
    with Ledger.open(str(folder / "ledger.db")) as ledger:
        ledger.add_batch(UnitBatch("theirs", (Unit(serial="THEIRS-1", model="X1"),)))
        unit = ledger.allot("theirs", StationSlot("bench", "9"), mac(9))
        assert unit is not None
        ledger.pass_(ledger.bound(unit, "25"))


def bind(cloud: MockCloud) -> None:
    """Bind the two units as readers would."""
    for serial in ("RR-000001", "RR-000002"):
        httpx.post(
            f"{cloud.base_url}/devices",
            headers={"api_key": cloud.keys["WRITE"]},
            json={"model": "Model X1", "serial_number": serial},
            verify=cloud_trust(cloud),
            trust_env=False,
        ).raise_for_status()


def cloud_trust(cloud: MockCloud) -> ssl.SSLContext:
    """Trust the mock's CA."""
    return ssl.create_default_context(cadata=cloud.ca_pem.decode())


def adjust(folder: Path, cloud: MockCloud) -> None:
    """Make a new ledger in which the two units hold what the cloud gave them."""
    for old in folder.glob("ledger.db*"):
        old.unlink()
    with Ledger.open(str(folder / "ledger.db")) as ledger:
        ledger.add_batch(make_batch(4))
        for chip, device in enumerate(cloud.devices(), 1):
            unit = ledger.allot("spring", StationSlot("bench", str(chip)), mac(chip))
            assert unit is not None
            ledger.pass_(ledger.bound(unit, device["deviceid"]))
