"""What the image tests share: boards, firmware, settings, and the real MicroPython."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from startline_host.boards import Board, load_board
from startline_host.formats.factory_partition import (
    ClaimSettings,
    DeviceSettings,
    NetSettings,
    TlsSettings,
)
from startline_host.formats.firmware_file import Firmware, split_firmware
from startline_host.formats.synthetic_firmware import synthetic_firmware
from startline_host.formats.units import Unit
from startline_host.secrets import Secret
from tests.firmware import harness


@pytest.fixture
def board() -> Board:
    """Load the virtual board's profile."""
    return load_board("VIRTUAL_ESP32")


@pytest.fixture
def merged(board: Board) -> bytes:
    """Make a firmware file with the official structure."""
    return synthetic_firmware(board, version="1.29.0")


@pytest.fixture
def firmware(board: Board, merged: bytes) -> Firmware:
    """Split that firmware."""
    return split_firmware(merged, board)


@pytest.fixture(scope="session")
def ca_der() -> bytes:
    """Make a throw-away CA certificate."""
    import ssl

    return ssl.PEM_cert_to_DER_cert(trustme.CA().cert_pem.bytes().decode())


@pytest.fixture
def settings(ca_der: bytes) -> DeviceSettings:
    """Give settings for a RUFUS reader on a bench."""
    return DeviceSettings(
        claim=ClaimSettings(
            cloud="rufus",
            base_url="https://localhost:8443/v0",
            key=Secret("ror-ae4fc6c19681a20fad30"),
        ),
        net=NetSettings(ssid="bench", password=Secret("bench-wifi")),
        tls=TlsSettings(ca=(ca_der,)),
    )


@pytest.fixture
def unit() -> Unit:
    """Name one reader."""
    return Unit(serial="DEVICE-123", model="Model X1", made_at=1_795_219_200)


@pytest.fixture(scope="session")
def micropython() -> list[str]:
    """Name the words that start the real VM."""
    return harness.micropython()


class Mounted(NamedTuple):
    """What MicroPython saw of an image, and the image after it wrote to it."""

    files: dict[str, bytes]
    blocks: int
    after: bytes


Mount = Callable[[bytes], Mounted]

#: Mounts the image through a block device in Python, as the chip's Partition object would be.
PROBE = """
import vfs, os, json, sys
class Flash:
    def __init__(self, path):
        self.data = bytearray(open(path, 'rb').read())
    def readblocks(self, n, buf, off=0):
        at = n * 4096 + off
        buf[:] = self.data[at:at + len(buf)]
    def writeblocks(self, n, buf, off=None):
        if off is None:
            self.data[n * 4096:n * 4096 + len(buf)] = b'\\xff' * len(buf)
            off = 0
        at = n * 4096 + off
        for i in range(len(buf)):
            if buf[i] & ~self.data[at + i] & 0xff:
                raise OSError(5)
            self.data[at + i] = buf[i]
    def ioctl(self, op, arg):
        if op == 4:
            return len(self.data) // 4096
        if op == 5:
            return 4096
        if op == 6:
            self.data[arg * 4096:arg * 4096 + 4096] = b'\\xff' * 4096
            return 0
flash = Flash(sys.argv[1])
vfs.mount(vfs.VfsLfs2(flash, readsize=32, progsize=32, lookahead=32), '/f')
found = {}
def walk(folder):
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + '/' + name
        if kind == 0x4000:
            walk(path)
        else:
            with open(path, 'rb') as f:
                found[path[2:]] = f.read().hex()
walk('/f')
blocks = os.statvfs('/f')[2]
with open('/f/main.py', 'w') as f:
    f.write('changed' * 100)
with open('/f/app.py', 'w') as f:
    f.write('new')
vfs.umount('/f')
print(json.dumps({'files': found, 'blocks': blocks}))
open(sys.argv[2], 'wb').write(flash.data)
"""


@pytest.fixture
def mount(micropython: list[str], tmp_path: Path) -> Mount:
    """Mount an image in the real VM, under NOR rules, read it all, and change two files."""

    def mount(image: bytes) -> Mounted:
        before, after = tmp_path / "probe.bin", tmp_path / "after.bin"
        before.write_bytes(image)
        (tmp_path / "probe.py").write_text(PROBE)
        command = [*micropython, "-X", "heapsize=8m", "probe.py", str(before), str(after)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.loads(done.stdout)
        files = {path: bytes.fromhex(text) for path, text in told["files"].items()}
        return Mounted(files, told["blocks"], after.read_bytes())

    return mount
