"""`startline bench` as it is typed: exit codes, reports, and a board that is not virtual to it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from startline_host.bench.scenarios.base_flash import make_base
from startline_host.bench.scenarios.case_clouds import CaseClouds
from startline_host.bench.scenarios.catalog import load_scenarios, make_cases
from startline_host.bench.scenarios.provisioning import Provisioner
from startline_host.bench.scenarios.runner import Bench
from startline_host.bench.scenarios.transcript import Transcript
from startline_host.bench.scenarios.virtual_rig import VirtualRig
from startline_host.cli import main
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.mock_link import CloudLink
from startline_host.virtual import VirtualEsp32

MINE = """
group = "mine"
[[scenario]]
name = "binds"
says = "It binds."
expect = { state = "bound", posts = 1, records = 1 }
[[scenario]]
name = "is-wrong"
says = "Nobody says <b>this</b> & means it."
expect = { state = "refused" }
"""

LASTS = """
[[scenario]]
name = "lasts"
says = "It lasts."
[[scenario.act]]
do = "boot"
[[scenario.act]]
do = "go_on"
until = "says nothing of the kind"
"""

Typed = Callable[..., int]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Type a command line in a folder of its own; return its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("STARTLINE_WIFI_PASSWORD", "bench-wifi")
    (tmp_path / "mine.toml").write_text(MINE, encoding="utf-8")

    def run(*words: str) -> int:
        with pytest.raises(SystemExit) as left:
            main(["bench", "--scenarios", "mine.toml", *words])
        assert isinstance(left.value.code, int)
        return left.value.code

    return run


def test_a_good_run_ends_with_0(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    """What passes is counted on stdout, and the exit code is 0."""
    assert typed("-k", "binds") == 0
    assert capsys.readouterr().out.startswith("1 case: 1 passed")


def test_the_line_of_a_failed_case_names_its_log(
    typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside what failed stands the file with all that reader, cloud and bench did."""
    assert typed("-k", "is-wrong") == 1
    said = capsys.readouterr().err
    (log,) = (tmp_path / "cache").rglob("*.log")
    assert f"log: {log}" in said
    text = log.read_text(encoding="utf-8")
    assert "ready: bound" in text
    assert "POST /v0/devices" in text


def test_an_unknown_state_is_refused_when_a_scenario_is_read(typed: Typed, tmp_path: Path) -> None:
    """A state that no reader can be in is a mistake in the file (60), not a failed case."""
    (tmp_path / "mine.toml").write_text(MINE.replace('"refused"', '"refusd"'), encoding="utf-8")
    assert typed("--list") == 60


def test_every_report_tells_what_failed(typed: Typed, tmp_path: Path) -> None:
    """A failed case gives 1, and stands with reason and log in all three reports."""
    assert typed("--junit", "j.xml", "--jsonl", "l.jsonl", "--html", "r.html") == 1
    suite = ET.parse(tmp_path / "j.xml").getroot()  # noqa: S314 - our own
    assert suite.attrib["tests"] == "2"
    assert suite.attrib["failures"] == "1"
    failed = suite.find("testsuite/testcase[@name='is-wrong [WRITE/bare]']")
    assert failed is not None
    assert "Startline" in (failed.findtext("system-out") or "")
    lines = [json.loads(line) for line in (tmp_path / "l.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["run", "result", "result"]
    assert lines[2]["findings"][0]["expected"] == "refused"
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;this&lt;/b&gt; &amp; means it" in page
    assert "state: expected refused, found bound" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("https://localhost", "")


def test_reports_hold_no_keys(typed: Typed, tmp_path: Path) -> None:
    """Neither keys nor the Wi-Fi's password stand in any report."""
    typed("--junit", "j.xml", "--jsonl", "l.jsonl", "--html", "r.html")
    for name in ("j.xml", "l.jsonl", "r.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "ror-" not in text
        assert "bench-wifi" not in text


@pytest.mark.parametrize(("sent", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_interrupted_run_writes_what_there_is(tmp_path: Path, sent: str, code: int) -> None:
    """After Ctrl-C all reports are there, with what was run, and say that it was not all."""
    (tmp_path / "mine.toml").write_text(MINE + LASTS, encoding="utf-8")
    words = ["bench", "--scenarios", "mine.toml", "-j", "2", "--json"]
    words += ["--junit", "j.xml", "--jsonl", "l.jsonl", "--html", "r.html"]
    run = [sys.executable, "-c", f"from startline_host.cli import main; main({words!r})"]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as going:
        too_long = threading.Timer(100, going.kill)
        too_long.start()
        assert going.stdout is not None
        lines = [going.stdout.readline(), going.stdout.readline()]
        going.send_signal(getattr(signal, sent))
        lines += going.stdout.readlines()
        too_long.cancel()
    assert going.returncode == code
    assert [json.loads(line)["kind"] for line in lines] == ["event", "event", "error"]
    word = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM"}[sent]
    head, *results = map(json.loads, (tmp_path / "l.jsonl").read_text("utf-8").splitlines())
    assert (head["interrupted"], head["passed"]) == (word, False)
    assert [one["verdict"] for one in results] == ["passed", "failed", "skipped"]
    suite = ET.parse(tmp_path / "j.xml").getroot()  # noqa: S314 - our own
    assert suite.find(f"testsuite/properties/property[@value='{word}']") is not None
    assert suite.attrib["skipped"] == "1"
    assert f"interrupted by {word}, 2 of 3 cases ran" in (tmp_path / "r.html").read_text("utf-8")


@pytest.mark.parametrize("option", ["--junit", "--jsonl", "--html"])
def test_an_impossible_report_is_told_before_anything_is_run(
    typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """A report path that cannot be written ends the command at once, and leaves nothing behind."""
    before = set(tmp_path.iterdir())
    assert typed(option, "nowhere/report") == 60
    assert "nowhere/report cannot be written" in capsys.readouterr().err
    assert set(tmp_path.iterdir()) == before


def test_a_wrong_file_and_an_empty_choice(
    typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown field is bad input (60), a choice that leaves nothing is wrong usage (2)."""
    assert typed("-k", "nothing-like-it") == 2
    (tmp_path / "mine.toml").write_text(MINE + "colour = 1\n", encoding="utf-8")
    assert typed() == 60
    assert "there is no field colour" in capsys.readouterr().err


def test_without_micropython_no_case_is_started(
    typed: Typed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What plays the readers is missing once, and not in each case."""
    monkeypatch.setenv("MICROPYTHON", "/does/not/exist")
    assert typed() == 60
    told = capsys.readouterr()
    assert told.err.count("is no program that can be run") == 1
    assert "is-wrong" not in told.out + told.err


def test_the_list_runs_nothing(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    """--list names every case with what it is about."""
    assert typed("--list") == 0
    assert "mine/binds [WRITE/bare]\n    It binds." in capsys.readouterr().out


def kept_of(flash: Path) -> DeviceSnapshot:
    """Read what the reader keeps from a flash file."""
    table, data = make_base().table, flash.read_bytes()
    parts = {
        name: data[table.get(name).offset : table.get(name).end]
        for name in ("nvs", "bind", "fctry")
    }
    return DeviceSnapshot(mac="24:6f:28:00:00:01", **parts)


BOARD = ("--board", "VIRTUAL_ESP32", "--ssid", "bench", "--cloud-host", "localhost")


def test_a_board_is_left_with_a_blank_record(typed: Typed, tmp_path: Path) -> None:
    """A board at a port goes through the same scenarios, and nothing of a binding stays on it."""
    flash = tmp_path / "board.flash"
    flash.write_bytes(make_base(own={}).image)
    with VirtualEsp32(flash) as chip:
        assert typed("-p", chip.url, *BOARD, "-k", "binds") == 0
    record = kept_of(flash).record()
    assert (record.state, record.nvs.found, record.bind.found) == ("unbound", "blank", "blank")
    assert kept_of(flash).stored().get("factory", "serial") == ""


def test_a_board_that_is_bound_is_refused(
    typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A board that somebody has bound is not touched: exit 41, and its record is as it was."""
    flash = tmp_path / "board.flash"
    flash.write_bytes(bound_flash(tmp_path))
    before = kept_of(flash).record()
    assert before.state == "bound"
    with VirtualEsp32(flash) as chip:
        assert typed("-p", chip.url, *BOARD, "-k", "binds") == 41
    assert "is bound" in capsys.readouterr().err
    assert kept_of(flash).record() == before


def bound_flash(folder: Path) -> bytes:
    """Return the flash of a reader that is bound, and not by the bench."""
    case = make_cases(load_scenarios(), words=["good-answer"])[0]
    place = folder / "factory"
    place.mkdir()
    with CaseClouds(case) as clouds, VirtualRig(make_base(), place, Transcript()) as rig:
        reader = rig.reader()
        maker = Provisioner(clouds.cloud, "WRITE", "rufus", CloudLink())
        provision = maker.provision(case.scenario.given)
        unit = msgspec.structs.replace(provision.unit, extra={})  # no unit of the bench's own
        rig.tell("first", Provision(unit, provision.settings).image())
        reader.power_on()
        reader.follow(lambda one: one.cycle.count("ready") > 0, 30, "ready")
        reader.power_off()
        return (place / "first.flash").read_bytes()


def test_a_scenario_that_needs_more_than_a_board_is_skipped() -> None:
    """Without hands on the world a scenario about the Wi-Fi is skipped, and says why."""
    case = make_cases(load_scenarios(), words=["wrong-wifi-password"])[0]
    result = Bench(base=make_base(), can=frozenset({"app"})).run(case)
    assert result.verdict == "skipped"
    assert "a Wi-Fi" in result.reason
