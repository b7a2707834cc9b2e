"""Frameworks of test labs, as the package index has them, with our packages on a virtual reader."""

from __future__ import annotations

import hashlib
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from startline_host.boards import load_board
from startline_host.formats.synthetic_firmware import synthetic_firmware
from startline_host.mock_cloud import MockCloud
from tests.labs.conftest import RunPage
from tests.labs.lab_environment import PACKAGES, build_wheel
from tests.suites.target import fresh_chip

#: A second reader for the exporter, blank at the start.
SPARE = """\
  spare:
    type: startline_jumpstarter.driver.VirtualReader
    config:
      flash_file: spare.flash
      mac: 24:6f:28:00:00:07
      world_at_start: {access_points: {paddock: {password: bench-wifi}}}
"""


def serials(cloud: MockCloud) -> list[str]:
    """Return the serial numbers that a cloud has bound, and forget them."""
    found = [str(device["serial_number"]) for device in cloud.devices()]
    cloud.reset()
    return found


def test_jumpstarter(run_page: RunPage, lab: Path, cloud: MockCloud) -> None:
    """Its own test class drives two readers from blank to bound, through power cuts, each bound once."""
    board = load_board("VIRTUAL_ESP32")
    firmware = synthetic_firmware(board, version=board.firmware.version)
    (lab / "firmware.bin").write_bytes(firmware)
    accepted = f"accept_firmware: [{hashlib.sha256(firmware).hexdigest()}]"

    def with_spare(page: str) -> str:
        return page.replace("    config:\n", f"    config:\n      {accepted}\n") + SPARE

    assert run_page("lab-jumpstarter.md", "lab_jumpstarter.py", exporter=with_spare) == 13
    assert serials(cloud) == ["RR-1", "LAB-2"]


def test_labgrid(run_page: RunPage, cloud: MockCloud) -> None:
    """Its target factory makes the reader of an environment file, which is bound once."""
    plugin = ["-p", "labgrid.pytestplugin", "--lg-env", "env.yaml"]
    assert run_page("lab-labgrid.md", "lab_labgrid.py", *plugin) == 7
    assert serials(cloud) == ["RR-1"]


def test_pytest_embedded(run_page: RunPage, tmp_path: Path) -> None:
    """A dut with the service has a prompt, and expects as one without it."""
    with fresh_chip(tmp_path / "chip") as chip:
        # In either order: what is loaded first is up to the installer.
        plugins = ["-p", "startline_pytest_embedded.plugin", "-p", "pytest_embedded.plugin"]
        words = [*plugins, "--port", chip.url]
        assert run_page("lab-pytest-embedded.md", "lab_pytest_embedded.py", *words) == 5


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_wheel(package: Path, tmp_path: Path) -> None:
    """A package's wheel has each of its modules, its entry points, and the version of startline."""
    with zipfile.ZipFile(build_wheel(package)) as archive:
        archive.extractall(tmp_path)
    modules = {path.name for path in (tmp_path / package.name).iterdir()}
    assert modules == {path.name for path in package.glob("*.py")}
    (info,) = tmp_path.glob("*.dist-info")
    found = PathDistribution(info)
    import startline

    assert found.version == startline.__version__
    assert "startline" in (found.requires or [])
    for entry in found.entry_points:
        assert (tmp_path / f"{entry.module.replace('.', '/')}.py").is_file(), entry


def test_all_packages_are_found() -> None:
    """There is one package a framework."""
    assert [path.name for path in PACKAGES] == [
        "startline_jumpstarter",
        "startline_labgrid",
        "startline_pytest_embedded",
    ]
