"""The wheel: whoever installs it needs nothing of the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from startline_host.formats.bytecode import ROLES

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, and unpack it as an installation does."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files_of(folder: Path) -> Iterator[str]:
    """Name all files of a folder but what Python leaves there."""
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix()


def test_everything_is_in_the_wheel_and_nothing_else(installed: Path) -> None:
    """Code, page, styles, scenarios, boards and the device's sources are there; no test is."""
    wanted = {
        f"startline_host/{name}" for name in files_of(ROOT / "host_tools" / "startline_host")
    }
    for package in ("startline", *ROLES):
        wanted |= {f"{package}/{name}" for name in files_of(ROOT / "firmware" / package)}
    wanted |= {f"startline_host/data/boards/{name}" for name in files_of(ROOT / "boards")}
    wanted |= {f"startline_host/data/firmware/{name}" for name in files_of(ROOT / "firmware")}
    packed = {path for path in files_of(installed) if ".dist-info/" not in path}
    assert packed == wanted
    assert not [path for path in installed.rglob("*") if path.suffix == ".pyc"]


def test_a_reader_is_benched_without_the_source_tree(installed: Path, tmp_path: Path) -> None:
    """Out of the wheel alone a virtual reader is loaded, binds to the mock, and starts its app."""
    words = ["bench", "-k", "good-answer [WRITE/bare]", "--html", "report.html"]
    program = f"import startline_host.cli as cli; print(cli.__file__); cli.main({words!r})"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    where, summary = done.stdout.splitlines()
    assert where.startswith(str(installed))
    assert summary.startswith("1 case: 1 passed")
    assert (tmp_path / "report.html").is_file()
