"""`startline raceday`: a small whole day, and that its judge sees what is wrong."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from startline_host.cli import main
from startline_host.errors import BadInput
from startline_host.race.day_reader import Shown
from startline_host.race.day_report import day_page, verdict
from startline_host.race.day_result import DayPassing, DayResult, ReaderDay, must_have
from startline_host.race.day_script import DayOptions, write_script
from tests.json_lines import checked

_SMALL = ("--readers", "2", "--runners", "24", "--minutes", "0.15", "--outages", "2",
          "--power-cuts", "1", "--seed", "4")  # fmt: skip


def test_a_small_day_loses_and_doubles_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through outages, a power cut and a session closed elsewhere all that was read is at the cloud."""
    page, report = tmp_path / "day.html", tmp_path / "day.json"
    words = ["raceday", *_SMALL, "--html", str(page), "--report", str(report), "--json"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = checked(capsys.readouterr().out)[-1]
    assert ended.value.code == 0, told
    assert set(told["bad"].values()) == {0}
    assert told["stored"] == told["at_cloud"] + told["aside"] >= 24
    found = json.loads(report.read_text())
    assert (len(found["cuts"]), len(found["outages"])) == (1, 2)
    assert all(one["promised"] <= one["stored"] for one in found["readers"])
    crossed = sum(one["shown"] + len(one["dark"]) for one in found["readers"])
    assert crossed == 48
    text = page.read_text()
    assert text.count("<svg") == 6
    assert not re.search(r"https?://|<script", text)
    with pytest.raises(SystemExit) as ended:
        main(["raceday", "--html", str(page)])  # said before a minute is spent
    assert ended.value.code == 60
    assert "--overwrite" in capsys.readouterr().err


def test_a_day_is_ended_by_ctrl_c() -> None:
    """Ctrl-C in the middle of a long day ends it at once (130), and nothing of it goes on."""
    words = [
        sys.executable,
        "-m",
        "startline_host",
        "raceday",
        "--readers",
        "1",
        "--minutes",
        "60",
    ]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("race"):
                break
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
    assert running.returncode == 130, said
    assert "Interrupted." in said


def test_the_same_seed_is_the_same_day() -> None:
    """A script is its seed's: all runners cross every line once, within the day."""
    options = DayOptions(readers=4, runners=50, seed=9)
    script = write_script(options)
    assert script == write_script(options)
    assert script != write_script(msgspec.structs.replace(options, seed=10))
    assert len({(one.reader, one.chip) for one in script.sightings}) == 4 * 50
    assert {one.antenna for one in script.sightings} == {1, 2}
    assert all(0 <= one.at <= script.seconds for one in script.sightings)
    assert len(script.outages) == options.outages
    assert all(one.begin < one.end for one in script.outages)
    assert all(one.begin < one.end for one in script.cuts)


def test_a_day_is_what_a_line_can_carry() -> None:
    """More tags at once than 115200 baud take are refused, and not called lost."""
    write_script(DayOptions(runners=1000))
    with pytest.raises(BadInput, match="are more tags at once"):
        write_script(DayOptions(runners=2000, minutes=0.1))


def test_what_a_reader_must_have_read() -> None:
    """A UART keeps its order: all before what came through, and all where the power stayed.

    A repeat of what was stored before, and the other antenna, prove nothing.
    """
    shown = [Shown(0.0, life, antenna, chip) for life, antenna, chip in
             ((0, 1, "A"), (0, 1, "B"), (0, 1, "C"), (-1, 1, "D"), (1, 1, "E"), (0, 1, "B"),
              (0, 2, "F"), (0, 2, "A"))]  # fmt: skip
    assert must_have(shown, {("B", 1)}, {0}) == {"A", "E"}
    assert must_have(shown, {("A", 1), ("B", 1)}, {0}) == {"A", "E"}
    assert must_have(shown, {("C", 2)}, {0}) == {"E"}
    assert must_have(shown, set(), {0}) == {"E"}
    assert must_have(shown, set(), set()) == {"A", "B", "C", "E", "F"}


def test_a_bad_day_says_so() -> None:
    """Lost, doubled and invented passings stand on the page, with their chips."""
    reader = ReaderDay(
        name="DAY-1 <b>", ppm=12.0, power_cuts=0, shown=2, dark=[], dark_at=[], in_flight=[],
        promised=2, stored=2, at_cloud=2, aside=[], lost=["AA"], doubled=["BB"], repeated=[], invented=[], back=0,
        missing=0, findings=[], sessions=["Race day"],
        passings=[DayPassing(1, "BB", 1000.0, 1000.1, 1001.0)],
    )  # fmt: skip
    day = DayResult(
        options=DayOptions(), began="2026-11-21 10:00:00", gun=990.0, race_seconds=60.0,
        seconds=70.0, outages=[], cuts=[], closings=[], readers=[reader],
    )  # fmt: skip
    assert not day.good
    assert verdict(day) == "1 lost, 1 doubled"
    text = day_page(day).decode()
    assert "DAY-1 &lt;b&gt;, lost:</span> AA" in text
    assert "DAY-1 <b>" not in text
