"""The pytest plugin in a project of somebody else's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PLUGIN = "startline_host.bench.pytest_plugin"
_LONG = {"startline_cloud", "startline_device", "startline_station"}
_SHORT = {"cloud", "device", "station"}


def fixtures(folder: Path, *arguments: str) -> set[str]:
    """Return the names of all fixtures that pytest finds in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--fixtures", "-v", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
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
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", _PLUGIN],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


def test_a_missing_extra_fails_the_test_in_one_sentence(tmp_path: Path) -> None:
    """Without the mock's packages a test says what to install, with no traceback."""
    (tmp_path / "test_it.py").write_text("def test_it(startline_cloud):\n    pass\n")
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['starlette'] = None\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", _PLUGIN],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "The mock cloud is not part of this installation. Get it: " in done.stdout
    assert "Traceback" not in done.stdout
    assert "extras.py" not in done.stdout
