"""The line: many slots at once, stopped, killed, and troubled."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from startline_host import cli
from startline_host.factory.job import LinePlan
from startline_host.factory.ledger import Ledger
from startline_host.factory.line import FactoryLine
from startline_host.factory.line_views import PlainView
from startline_host.factory.virtual_plant import VirtualPlant
from startline_host.formats.flash_plan import merged_image
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.virtual import VirtualEsp32
from tests.factory import made
from tests.factory.made import mac, make_batch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from startline_host.flows.firmware_bundle import FirmwareBundle

LIMIT = 120.0


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, far from the user's own settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("STARTLINE_LEDGER", "STARTLINE_READ_KEY", "STARTLINE_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def command(folder: Path, slots: int, count: int, *more: str) -> list[str]:
    """Return the words that start a virtual line."""
    words = ["line", "--virtual", str(slots), "--count", str(count), "--folder", str(folder)]
    return [*words, "--json", *more]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Run the command; return its exit code, the objects that it printed, and its other words."""
    with pytest.raises(SystemExit) as left:
        cli.main(list(words))
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, [json.loads(line) for line in out.splitlines()], err


def start(words: list[str]) -> subprocess.Popen[str]:
    """Start the command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "startline_host", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def loaded(folder: Path, bundle: FirmwareBundle, count: int) -> None:
    """Fill the box with boards that have the agent on them, which saves the loading."""
    folder.mkdir()
    image = merged_image(bundle.plan(vfs=True, fctry=None))
    for number in range(1, count + 1):
        (folder / f"board-{number:04d}.flash").write_bytes(image)


def wait_until(what: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for something to be so while the process runs."""
    deadline = time.monotonic() + LIMIT
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def events(folder: Path, *kinds: str) -> int:
    """Count the events of these kinds in the line's ledger."""
    if not (folder / "ledger.db").exists():
        return 0
    with Ledger.open(str(folder / "ledger.db")) as ledger:
        return sum(line.kind in kinds for line in ledger.records())


def kill_at(folder: Path, kind: str) -> None:
    """Start a line of four boards in two slots, and kill it once there is such an event."""
    process = start(command(folder, 2, 4))
    wait_until(lambda: events(folder, kind), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def check(folder: Path, count: int) -> None:
    """Every unit passed, and cloud and ledger have the same serials and tokens, each once."""
    with Ledger.open(str(folder / "ledger.db"), create=False) as ledger:
        units = ledger.entries()
        assert {unit.state for unit in units} == {"passed"}
        assert len({unit.mac for unit in units}) == len({unit.token for unit in units}) == count
        held = {unit.serial: unit.token for unit in units}
        sent = [line.serial for line in ledger.records() if line.kind == "sent"]
    assert len(held) == len(sent) == len(set(sent)) == count
    with MockCloud(MockOptions(db=folder / "cloud.db")) as cloud:
        listed = [(device["serial_number"], device["deviceid"]) for device in cloud.devices()]
        keys = [key.encode() for key in cloud.keys.values()]
    assert sorted(listed) == sorted(held.items())
    for path in folder.glob("ledger.db*"):
        assert not any(key in path.read_bytes() for key in keys)


def test_blank_boards_become_units(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blank virtual readers in three slots pass, each with its label, and the cloud agrees.

    The ledger of the real units, which a factory has set, is not touched.
    """
    monkeypatch.setenv("STARTLINE_LEDGER", str(tmp_path / "real.db"))
    folder = tmp_path / "plant"
    code, told, err = run(capsys, *command(folder, 3, 3, "--labels", "labels"))
    assert code == 0, err
    assert [one["fields"]["end"] for one in told[:-1]] == ["passed"] * 3
    assert (told[-1]["ends"], told[-1]["agrees"]) == ({"passed": 3}, True)
    assert len(list((tmp_path / "labels").glob("VR-*.svg"))) == 3
    check(folder, 3)
    again, told, _ = run(capsys, *command(folder, 3, 3))
    assert (again, told[-1]["ends"], told[-1]["batch"]["passed"]) == (0, {}, 3)
    assert not (tmp_path / "real.db").exists()


def test_a_killed_line_goes_on(
    tmp_path: Path, bundle: FirmwareBundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed at three steps and started again, a line binds no unit twice, and all pass.

    So it is after a second Ctrl-C, which leaves the boards in hand as they are.
    """
    folder = tmp_path / "plant"
    loaded(folder, bundle, 4)
    kill_at(folder, "allot")
    kill_at(folder, "sent")
    begun = events(folder, "resume", "allot")
    process = start(command(folder, 2, 4))
    wait_until(lambda: events(folder, "resume", "allot") > begun, process)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert any("Ctrl-C again" in row for row in process.stdout)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130, err
    stopped = json.loads(out.splitlines()[-1])["result"]["batch"]
    assert (stopped["work"] > 0, stopped["failed"]) == (True, 0), out
    kill_at(folder, "pass")
    code, told, err = run(capsys, *command(folder, 2, 4))
    assert code == 0, err
    assert told[-1]["batch"]["passed"] == 4
    check(folder, 4)


def test_ctrl_c_finishes_what_is_in_hand(tmp_path: Path, bundle: FirmwareBundle) -> None:
    """Ctrl-C takes no more boards, lets those in hand end, says the totals, and exits with 130."""
    folder = tmp_path / "plant"
    loaded(folder, bundle, 9)
    process = start(command(folder, 2, 9))
    wait_until(lambda: events(folder, "allot"), process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130, err
    told = json.loads(out.splitlines()[-1])
    assert (told["kind"], told["exit_code"]) == ("error", 130)
    told = told["result"]
    assert 1 <= told["ends"]["passed"] <= 4
    assert told["batch"]["work"] == 0


def test_a_watching_line_takes_up_slots_and_ends_with_its_batch(
    tmp_path: Path, bundle: FirmwareBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot that appears while the line runs is served; the batch's last unit ends the line."""
    folder = tmp_path / "plant"
    loaded(folder, bundle, 3)
    monkeypatch.setattr("startline_host.factory.line._MORE", 0.05)
    with VirtualPlant(folder, 3) as plant, Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        ledger.add_batch(make_batch(2))
        plan = LinePlan(
            batch="spring", board=bundle.board, bundle=bundle, settings=plant.settings,
            read_key=plant.read_key,
        )  # fmt: skip
        coming = [[], [], plant.slots(1)]
        line = FactoryLine(
            ledger, plan, [], "bench", PlainView(print),
            more=lambda: coming.pop(0) if coming else [],
        )  # fmt: skip
        assert line.run().ends == {"passed": 2}
        assert plant.box.take() == 3, "the third board was not touched"


def test_every_troubled_board_ends_named(
    tmp_path: Path, bundle: FirmwareBundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a fault at every board each ends passed or in a named failure, and the cloud agrees."""
    folder = tmp_path / "plant"
    loaded(folder, bundle, 4)
    more = ("--faults", "100", "--seed", "2817", "--keep-boards")
    code, told, err = run(capsys, *command(folder, 4, 4, *more))
    units = [one["fields"] for one in told if one.get("name") == "unit"]
    assert len(units) == 4, err
    assert all(one["end"] == "passed" or one["reason"] for one in units)
    result = told[-1].get("result") or told[-1]
    assert result["agrees"] is True, err
    assert result["batch"]["work"] == 0
    assert (code == 0) == (result["ends"] == {"passed": 4})


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["line"], 2, "Name a CSV"),
        (["line", "RR-{n}"], 60, "settings file"),
        (["line", "--virtual", "1", "RR-{n}{n}"], 60, "exactly once"),
        (["line", "--virtual", "1", "nowhere.csv"], 60, "cannot be read"),
        (["line", "--virtual", "1", "--watch"], 2, "bring their own slots"),
        (["line", "RR-{n}", "--faults", "5"], 2, "Only virtual readers"),
        (["line", "--virtual", "1", "--folder", "/proc/x"], 60, "cannot be made"),
    ],
)
def test_what_cannot_be_a_line_is_refused(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    """Missing units, settings or a bad pattern are said before the first board."""
    ended, _, err = run_words(capsys, words)
    assert ended == code, err
    assert said in err


def run_words(capsys: pytest.CaptureFixture[str], words: list[str]) -> tuple[int, str, str]:
    """Run a command; return its exit code and its words."""
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out, err


SETTINGS = """
[claim]
cloud = "rufus"
base_url = "http://localhost:1/v0"
key_env = "CLAIM_KEY"
[set]
insecure_http = true
[unit]
model = "Model X1"
"""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["RR-{n}", "--count", "2"], 60, "there is none"),
        (["RR-{n}", "--no-verify"], 2, "Give --count"),
        (["units.csv", "--no-verify"], 60, "2 rows cannot be used"),
        (["nowhere.csv", "--no-verify"], 60, "cannot be read"),
        (["RR-{n}", "--no-verify", "--count", "2", "--power-command", "{x}"], 60, "names x"),
        (["RR-{n}", "--no-verify", "--count", "2", "-p", "a"], 2, "twice"),
    ],
)
def test_bad_input_is_said_before_the_first_board(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: list[str], code: int, said: str,
) -> None:  # fmt: skip
    """A missing READ key or count, bad rows, or an impossible slot: a sentence, and no ledger."""
    monkeypatch.setenv("CLAIM_KEY", "ror-ae4fc6c19681a20fad30")
    (tmp_path / "settings.toml").write_text(SETTINGS)
    (tmp_path / "units.csv").write_text("serial\n\nRR-1,x\nRR-2,y\n")
    ledger = tmp_path / "ledger.db"
    more = ["-p", "a"] if "-p" in words else ["-p", "1=/dev/null"]
    if "-p" in words:
        code, said = 60, "given twice"
    ended, _, err = run_words(
        capsys, ["line", *words, *more, "--board", "VIRTUAL_ESP32", "--ledger", str(ledger)]
    )
    assert (ended, said in err) == (code, True), err
    assert not ledger.exists()


def test_two_stations_with_different_lists_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that contradicts the ledger's batch of the same name stops before the first board."""
    monkeypatch.setenv("CLAIM_KEY", "ror-ae4fc6c19681a20fad30")
    (tmp_path / "settings.toml").write_text(SETTINGS)
    with Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        ledger.add_batch(make_batch(3))
    (tmp_path / "units.csv").write_text("serial,model\nRR-000001,Model X2\nRR-000009,Model X1\n")
    ended, _, err = run_words(
        capsys,
        ["line", "units.csv", "--batch", "spring", "--no-verify", "-p", "1=/dev/null",
         "--board", "VIRTUAL_ESP32", "--ledger", str(tmp_path / "ledger.db")],
    )  # fmt: skip
    assert (ended, "RR-000001: it is in the ledger already, with other data" in err) == (60, True)


def test_a_list_is_made_on_real_ports(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bundle: FirmwareBundle,
) -> None:
    """With a list, settings and ports that are named, the same happens as on virtual slots."""
    loaded(tmp_path / "boards", bundle, 2)
    with contextlib.ExitStack() as stack:
        cloud = stack.enter_context(MockCloud())
        chips = [
            stack.enter_context(VirtualEsp32(path, mac=mac(number)))
            for number, path in enumerate(sorted((tmp_path / "boards").iterdir()), 1)
        ]
        monkeypatch.setenv("CLAIM_KEY", cloud.keys["WRITE"])
        monkeypatch.setenv("STARTLINE_READ_KEY", cloud.keys["READ"])
        (tmp_path / "ca.pem").write_bytes(cloud.ca_pem)
        (tmp_path / "wifi").touch(mode=0o600)
        (tmp_path / "wifi").write_text("bench-wifi")
        (tmp_path / "settings.toml").write_text(made.SETTINGS.format(base_url=cloud.base_url))
        rows = f"serial;alias;mac\nRR-1;Çiğdem;\nRR-2;Zweite;{mac(1)}\n"
        (tmp_path / "units.csv").write_text(rows, encoding="windows-1254")
        words = ["line", "units.csv", "--encoding", "windows-1254", "--board", "VIRTUAL_ESP32"]
        words += ["--ledger", "ledger.db", "--labels", "labels", "--json"]
        words += [word for chip in chips for word in ("-p", chip.url)]
        code, told, err = run(capsys, *words)
        aliases = {device["serial_number"]: device["alias"] for device in cloud.devices()}
    assert code == 0, err
    assert told[-1]["ends"] == {"passed": 2}
    assert aliases == {"RR-1": "Çiğdem", "RR-2": "Zweite"}
    with Ledger.open("ledger.db") as ledger:
        assert ledger.find("RR-2").mac == mac(1), "the list reserves it for this chip"
    assert sorted(path.name for path in (tmp_path / "labels").iterdir()) == [
        "RR-1.svg",
        "RR-2.svg",
    ]
