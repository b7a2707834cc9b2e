"""Sessions with a chip's boot loader, spoken by the real esptool."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from startline_host.device.bootloader import BootLoader, TransferProgress
from startline_host.device.esptool_output import DetectedChip
from startline_host.errors import BadInput, DeviceSilent, NoSuchPort
from startline_host.formats.flash_plan import FlashRegion
from startline_host.virtual import VirtualEsp32

NOISE = random.Random(2).randbytes(8192)


@pytest.mark.parametrize("files", ["in memory", "in a folder"])
def test_a_session_reads_and_writes_in_one_go(
    chip: Callable[..., VirtualEsp32],
    flash: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: str,
) -> None:
    """Identity, regions read and written, what is there skipped: with no file left behind."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    if files == "in a folder":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    seen: list[TransferProgress] = []
    loader = BootLoader(chip().url, 921600, seen.append)
    assert loader.identify() == DetectedChip("ESP32", "24:6f:28:00:00:01", 4 << 20)
    assert loader.read(0x9000, 0x1000) == b"\xff" * 0x1000
    report = loader.write(
        [FlashRegion("fctry", 0x3FC000, NOISE), FlashRegion("vfs", 0x200000, bytes(70000))]
    )
    assert [(one.offset, one.size) for one in report.written] == [
        (0x200000, 70000),
        (0x3FC000, 8192),
    ]
    assert report.sent < 8192 + 1000
    image = flash.read_bytes()
    assert image[0x3FC000:][:8192] == NOISE
    assert image[0x200000:][:70000] == bytes(70000)
    again = loader.write([FlashRegion("fctry", 0x3FC000, NOISE)])
    assert (again.written, again.skipped, again.sent) == ((), (0x3FC000,), 0)
    writes = [one for one in seen if one.verb == "write"]
    assert all(one.done <= two.done for one, two in pairwise(writes) if one.total == two.total)
    assert writes[-1].done == writes[-1].total
    assert not list(tmp_path.glob("startline-*"))


def test_what_is_blank_need_not_come_over_the_line(
    chip: Callable[..., VirtualEsp32], flash: Path
) -> None:
    """Identifying a chip tells which stretches are blank; only the others are read, until a write."""
    flash.write_bytes(b"\xff" * 0x3FD000 + NOISE + b"\xff" * 0x1000)
    one = chip()
    loader = BootLoader(one.url)
    stretches = {0x8000: 0x7000, 0x3FC000: 0x4000, 0x200000: 0x2000}
    assert loader.identify(stretches) == DetectedChip("ESP32", "24:6f:28:00:00:01", 4 << 20)
    before = one.counts()
    assert loader.read(0x8000, 0x7000) == b"\xff" * 0x7000
    assert loader.read(0x200000, 0x1000) == b"\xff" * 0x1000
    assert one.counts() == before
    assert loader.read(0x3FC000, 0x4000) == b"\xff" * 0x1000 + NOISE + b"\xff" * 0x1000
    loader.write([FlashRegion("vfs", 0x200000, NOISE)])
    assert loader.read(0x200000, 0x2000) == NOISE


def test_a_chip_smaller_than_its_board_says_so(
    chip: Callable[..., VirtualEsp32], flash: Path
) -> None:
    """A stretch behind the end of the flash does not keep the chip's real size from being told."""
    flash.write_bytes(b"\xff" * (1 << 20))
    loader = BootLoader(chip().url)
    assert loader.identify({0x8000: 0x7000, 0x200000: 0x2000}).flash_size == 1 << 20


def test_region_files_are_private_while_they_exist(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where files cannot be in memory, only their owner can read them, and they go on every path."""
    from startline_host.device import bootloader

    seen: list[int] = []

    def look(command: list[str], *_: object, **__: object) -> bool:
        path = Path(command[-1])
        seen.extend(name.stat().st_mode & 0o777 for name in (path, path.parent))
        assert "secret" not in " ".join(command)
        raise KeyboardInterrupt

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(bootloader, "run_esptool", look)
    with pytest.raises(KeyboardInterrupt):
        BootLoader("socket://127.0.0.1:1").write([FlashRegion("fctry", 0x3FC000, b"secret")])
    assert seen == [0o600, 0o700]
    assert not list(tmp_path.glob("startline-*"))


_WRITER = """
import subprocess, sys
from startline_host.device.exchange_files import exchange_files
with exchange_files() as files:
    name = files.add(b"claim-" + b"key")
    other = ["-c", "import sys; print(open(sys.argv[1]).read(), flush=True); sys.stdin.read()"]
    subprocess.run([sys.executable, *other, name], pass_fds=files.passed)
"""


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="files are in memory on Linux only")
def test_a_killed_process_leaves_no_file(tmp_path: Path) -> None:
    """After `kill -9` no file holds the key that the other process was reading."""
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "claim-key\n"
        writer.kill()
        left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"claim-key" in path.read_bytes() for path in left)


def test_no_boot_loader_is_a_silent_device(chip: Callable[..., VirtualEsp32]) -> None:
    """A line on which nothing answers ends in a sentence that tells what to press."""
    one = chip()
    assert one.raw_url is not None
    with pytest.raises(DeviceSilent, match="No boot loader answers") as caught:
        BootLoader(one.raw_url, attempts=1).identify()
    assert "hold BOOT" in caught.value.hint


def test_no_port_is_a_missing_port() -> None:
    """A port that is not there is told apart from a chip that does not answer."""
    with pytest.raises(NoSuchPort):
        BootLoader("socket://127.0.0.1:1").identify()


def test_another_kind_of_url_is_refused() -> None:
    """A URL that carries no device is refused before anything is started."""
    with pytest.raises(BadInput):
        BootLoader("http://127.0.0.1")
