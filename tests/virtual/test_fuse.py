"""The fuse between supply and flash: it counts, blows in the middle of an operation, for good."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from startline_host.virtual import VirtualEsp32
from startline_host.virtual.flash import PAGE, SECTOR, Fuse, NorFlash, PowerCut
from startline_host.virtual.vm_binary import micropython_command
from tests.power_loss import loses_power

ROOT = Path(__file__).parents[2]


@pytest.fixture
def counter(tmp_path: Path) -> str:
    """Make the file that a fuse counts in."""
    path = tmp_path / "fuse"
    path.write_bytes(bytes(4))
    return str(path)


def test_the_operation_behind_the_limit_is_half_done(counter: str) -> None:
    """After the last whole operation the next one is torn in the middle, and none follows."""
    fuse = Fuse(counter, 2)
    flash = NorFlash(size=2 * SECTOR, power=fuse)
    flash.program(0, bytes(PAGE))
    flash.erase(0, SECTOR)
    with pytest.raises(PowerCut):
        flash.program(PAGE, bytes(PAGE))
    assert flash.read(PAGE, PAGE) == bytes(PAGE // 2) + b"\xff" * (PAGE // 2)
    with pytest.raises(PowerCut):
        flash.erase(SECTOR, SECTOR)
    assert fuse.operations == 3
    fuse.close()


MICROPYTHON = """
import sys
sys.path.insert(0, {root!r})
from flash import Fuse, NorFlash, PowerCut
flash = NorFlash({flash!r}, power=Fuse({counter!r}, 3))
flash.program(0, b"\\x00")
try:
    flash.program(256, b"\\x00\\x00")
except PowerCut:
    print("cut")
"""


def test_both_interpreters_count_in_the_same_file(counter: str, tmp_path: Path) -> None:
    """What the boot loader's side has used up is missing on the run time's side."""
    path = tmp_path / "flash.bin"
    path.write_bytes(b"\xff" * SECTOR)
    fuse = Fuse(counter, 3)
    flash = NorFlash(str(path), power=fuse)
    flash.program(1024, bytes(2 * PAGE))
    script = tmp_path / "run.py"
    root = str(ROOT / "host_tools" / "startline_host" / "virtual")
    script.write_text(
        MICROPYTHON.format(root=root, flash=str(path), counter=counter), encoding="utf-8"
    )
    said = subprocess.run(
        [*micropython_command(), str(script)], capture_output=True, check=True, timeout=30
    ).stdout
    assert said.strip() == b"cut"
    assert fuse.operations == 4
    assert flash.read(256, 2) == b"\x00\xff"
    flash.close()
    fuse.close()


def test_a_chip_whose_plug_is_pulled_is_gone(tmp_path: Path) -> None:
    """The process ends by itself, its port with it, and leaves the flash alone behind it."""
    path = tmp_path / "flash.bin"
    chip = VirtualEsp32(path, raw=True, cut_after=5)
    assert chip.operations() == 0
    chip.reset(hold_boot=True)
    with pytest.raises(subprocess.CalledProcessError):
        _erase(chip.raw_url)
    assert loses_power(chip)
    chip.stop()
    assert [file.name for file in tmp_path.iterdir()] == ["flash.bin"]
    with VirtualEsp32(path) as again:
        assert again.has_power()


def _erase(url: str | None) -> None:
    assert url is not None
    command = [sys.executable, "-m", "esptool", "--port", url, "--no-stub"]
    subprocess.run(
        [*command, "erase-region", "0x100000", "0x10000"],
        check=True,
        capture_output=True,
        timeout=60,
    )
