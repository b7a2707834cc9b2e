"""The pytest plugin in a project of somebody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from startline_host.bench.scenarios.base_flash import make_base
from startline_host.boards import load_board
from startline_host.device.port_session import PortSession
from startline_host.device.repl import Repl
from startline_host.formats.bytecode import is_agents
from startline_host.virtual import VirtualEsp32

_PLUGIN = "startline_host.bench.pytest_plugin"
_LONG = {"startline_cloud", "startline_device", "startline_station"}
_SHORT = {"cloud", "device", "station"}
#: Without the plugins of this environment, which take as long to load as all the rest.
_ALONE = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def fixtures(folder: Path, *arguments: str) -> set[str]:
    """Return the names of all fixtures that pytest finds in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--fixtures", "-v", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=_ALONE,
    )
    return {line.split()[0] for line in done.stdout.splitlines() if " -- " in line}


@pytest.mark.parametrize(
    ("arguments", "there"),
    [
        ([], set()),
        (["-p", _PLUGIN], _LONG),
        (["-p", _PLUGIN, "-o", "startline_short_names=true"], _LONG | _SHORT),
    ],
)
def test_it_brings_nothing_until_it_is_asked(
    arguments: list[str], there: set[str], tmp_path: Path
) -> None:
    """Its fixtures come with `-p`, and their short names only where the setting says so."""
    assert fixtures(tmp_path, *arguments) & (_LONG | _SHORT) == there


def test_a_projects_own_fixture_is_left_alone(tmp_path: Path) -> None:
    """A fixture `device` of the project's own is what its tests get, with the plugin loaded too."""
    (tmp_path / "test_own.py").write_text(
        "import pytest\n@pytest.fixture\ndef device():\n    return 'own'\n"
        "def test_it(device):\n    assert device == 'own'\n"
    )
    done = pytest_in(tmp_path)
    assert done.returncode == 0, done.stdout


def test_a_missing_extra_fails_the_test_in_one_sentence(tmp_path: Path) -> None:
    """Without the mock's packages a test says what to install, with no traceback."""
    (tmp_path / "test_it.py").write_text("def test_it(startline_cloud):\n    pass\n")
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['starlette'] = None\n")
    done = pytest_in(tmp_path)
    assert (
        "of the mock cloud and of `startline panel` is not part of this installation. Get it: "
        in done.stdout
    )
    assert "Traceback" not in done.stdout
    assert "extras.py" not in done.stdout


WRONG = [
    ('key="WRIT"', "key='WRIT'"),
    ('cloud={"envelop": "body"}', "'envelop'"),
    ('given={"boot_limit": "soon"}', "boot_limit"),
    ('app="nowhere"', "app='nowhere'"),
    ('ap="app"', "'ap'"),
    ("app=7", "app=7"),
    ("key=[]", "key=[]"),
    ("given=None", "given=None"),
    ("cloud=7", "cloud=7"),
    ('cloud={"port": "x"}', "'port'"),
    ('cloud={"names": "localhost"}', "'names'"),
    ('cloud={"envelope": "box"}', "'box'"),
    ('cloud={"faults": ["commit_and_drop"]}', "'commit_and_drop'"),
]


@pytest.mark.parametrize(("marker", "named"), WRONG)
def test_a_wrong_marker_is_a_usage_error_by_name(marker: str, named: str, tmp_path: Path) -> None:
    """What the marker cannot mean ends the run before any test (4), in one line."""
    (tmp_path / "test_it.py").write_text(
        f"import pytest\n@pytest.mark.startline({marker})\ndef test_it():\n    pass\n"
    )
    done = pytest_in(tmp_path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout + done.stderr
    assert named in done.stderr
    assert "test_it.py::test_it: the marker startline " in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_board_at_no_port_is_named_before_its_firmware_is_fetched(tmp_path: Path) -> None:
    """A port that is not there is the sentence, and not the network that was not needed."""
    (tmp_path / "test_it.py").write_text("def test_it(startline_device):\n    pass\n")
    done = pytest_in(tmp_path, "--startline-port", "/dev/nope")
    assert "NoSuchPort: There is no port /dev/nope." in done.stdout, done.stdout


def test_an_app_that_is_none_is_named_by_its_folder(tmp_path: Path) -> None:
    """Which app.py has no main is said, where a project has several."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "app.py").write_text("x = 1\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.startline(app='mine')\ndef test_it(startline_device):\n    pass\n"
    )
    done = pytest_in(tmp_path)
    assert f"{tmp_path / 'mine'}: app.py has no main" in done.stdout, done.stdout


TESTS = """
import pytest

pytestmark = pytest.mark.startline(app="mine")


def test_the_app_is_mine(startline_device):
    startline_device.boot()
    assert startline_device.wait_for("mine: bound")


def test_that_fails(startline_device):
    startline_device.boot()
    assert startline_device.state == "refused"
"""
MINE = 'def main(device):\n    print("mine:", device.state)\n'
OWNERS = {"/app.py": b"def main(device):\n    print('the owner')\n", "/data/laps.txt": b"12\n"}


def test_on_a_board_the_app_of_the_marker_is_tested_and_the_owners_given_back(
    tmp_path: Path,
) -> None:
    """The test's app runs, a wrong test fails with the requests shown, the owner's files return."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "app.py").write_text(MINE)
    (tmp_path / "test_it.py").write_text(TESTS)
    flash = tmp_path / "flash.bin"
    flash.write_bytes(make_base(load_board("VIRTUAL_ESP32"), own=OWNERS).image)
    world = tmp_path / "world.json"
    world.write_text('{"access_points": {"bench": {"password": "bench-wifi"}}}')
    with VirtualEsp32(flash, world=world) as chip:
        done = pytest_in(
            tmp_path, "--startline-port", chip.url, "--startline-board", "VIRTUAL_ESP32",
            "--startline-ssid", "bench",
        )  # fmt: skip
        assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
        assert "test_that_fails" in done.stdout
        assert "POST /v0/devices" in done.stdout, "the cloud's requests stand beside its lines"
        assert "ready: bound" in done.stdout
        with PortSession(chip.url) as line:
            repl = Repl(line.port())
            repl.enter()
            there = {path: repl.read_file(path) for path in OWNERS}
            left = [path for path in repl.files_below("") if not is_agents(path)]
    assert there == OWNERS
    assert sorted(left) == sorted(OWNERS)
    assert not list((tmp_path / "data").rglob("*.zip")), "nothing is kept that is given back"


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with the plugin in a folder, far from the user's own data."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            _PLUGIN,
            *arguments,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={
            **_ALONE,
            "STARTLINE_WIFI_PASSWORD": "bench-wifi",
            "XDG_DATA_HOME": str(folder / "data"),
        },
    )
