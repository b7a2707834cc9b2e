"""What verbs print where the terminal, or the file, has only a small code page."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from startline_host.cli import main
from startline_host.factory.batch import UnitBatch
from startline_host.factory.entries import StationSlot
from startline_host.factory.ledger import Ledger
from startline_host.formats.units import Unit
from tests.factory.made import mac, token

ALIAS = "Çıkış – Ñandú 起点 🏁"
CODE_PAGES = ["ascii", "cp1252", "cp932", "utf-8"]


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a ledger of one unit, whose name no small code page has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STARTLINE_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STARTLINE_TRACEBACK", raising=False)
    with Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        ledger.add_batch(UnitBatch("spring", (Unit(serial="Ü-起点", model="X", alias=ALIAS),)))
        unit = ledger.allot("spring", StationSlot("bench", "1"), mac(1))
        assert unit is not None
        ledger.pass_(ledger.bound(unit, token(1)))


def typed(
    monkeypatch: pytest.MonkeyPatch, code_page: str, *words: str
) -> tuple[object, bytes, bytes]:
    """Run a command with both streams in a code page; return its exit code and the bytes."""
    out, err = io.BytesIO(), io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(out, code_page, newline="\n"))
        patch.setattr(sys, "stderr", io.TextIOWrapper(err, code_page, newline="\n"))
        with pytest.raises(SystemExit) as left:
            main(list(words))
        sys.stdout.flush()
        sys.stderr.flush()
        return left.value.code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("code_page", CODE_PAGES)
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("label --help", 0),
        ("boards", 0),
        ("bench --list", 0),
        ("cloud faults", 0),
        ("ledger list", 0),
        ("ledger show Ü-起点", 0),
        ("ledger show 起点", 60),
        ("ledger history Ü-起点 --json", 0),
        ("label Ü-起点", 0),
        ("line --virtual 1 --count 1 --folder 起点", 0),
        ("nonsense-起点", 2),
    ],
)
def test_every_code_page_can_be_printed_to(
    monkeypatch: pytest.MonkeyPatch, code_page: str, words: str, code: int
) -> None:
    """No character is a fault of ours: what a code page lacks is shown in ASCII."""
    ended, out, err = typed(monkeypatch, code_page, *words.split())
    assert ended == code, err
    assert out or code, "nothing is lost on the way"
    assert (out + err).decode(code_page)


@pytest.mark.parametrize("code_page", CODE_PAGES)
def test_exports_are_utf8_whatever_the_terminal_has(
    monkeypatch: pytest.MonkeyPatch, code_page: str
) -> None:
    """`ledger export` writes UTF-8 to the standard output, too."""
    ended, out, _ = typed(monkeypatch, code_page, "ledger", "export")
    assert ended == 0
    (row,) = csv.DictReader(out.decode("utf-8").splitlines())
    assert (row["serial"], row["alias"]) == ("Ü-起点", ALIAS)


def test_lines_and_dots_have_a_form_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables and punctuation stay legible: only letters are shown by their number."""
    _, out, _ = typed(monkeypatch, "ascii", "ledger", "show", "Ü-起点")
    assert b"\\xdc-\\u8d77\\u70b9" in out
    _, out, _ = typed(monkeypatch, "ascii", "--help")
    assert b"\\x" not in out
    assert b"\\u" not in out


@pytest.mark.parametrize("words", ["--help", "bench --list", "boards", "doctor --seconds 0.1"])
def test_a_pipe_whose_reader_leaves_is_no_failure(words: str) -> None:
    """As in `startline … | head -1`: it ends without a word, and not as a failed scenario (1)."""
    with subprocess.Popen(
        [sys.executable, "-m", "startline_host", *words.split()],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
