"""Loading a board whose files stand in FAT: MicroPython mounts it, and nothing here reads it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from startline_host.flows.firmware_bundle import FirmwareBundle
from startline_host.virtual import VirtualEsp32
from startline_host.virtual.vm_binary import micropython_command
from tests.end_to_end.common import Startline
from tests.end_to_end.test_loading import plain, up

Start = Callable[..., VirtualEsp32]

MAKE_FAT = """
import sys, vfs
class Ram:
    data = bytearray(128 * 4096)
    def readblocks(self, n, data, at=0):
        data[:] = self.data[n * 4096 + at:][:len(data)]
    def writeblocks(self, n, data, at=0):
        self.data[n * 4096 + at:n * 4096 + at + len(data)] = data
    def ioctl(self, op, _):
        return {4: 128, 5: 4096}.get(op, 0)
vfs.VfsFat.mkfs(Ram())
vfs.mount(Ram(), "/x")
with open("/x/main.py", "w") as file:
    file.write("print('plain')")
vfs.umount("/x")
sys.stdout.buffer.write(Ram.data)
"""


def test_a_fat_file_system_is_not_lost_unasked(
    startline: Startline, start: Start, settings_file: Path, flash: Path, bundle: FirmwareBundle
) -> None:
    """An old board's files stand in FAT, which cannot be read here: whoever owns them is asked (60)."""
    made = subprocess.run(
        [*micropython_command(), "-X", "heapsize=4m", "-c", MAKE_FAT],
        capture_output=True,
        check=True,
    ).stdout
    image = bytearray(plain(bundle, {}))
    image[0x200000:] = made.ljust(0x200000, b"\xff")
    flash.write_bytes(image)
    chip = start()
    done = up(startline, chip)
    assert done.code == 60, done.err
    assert "all of a FAT file system" in done.err
    assert flash.read_bytes() == image
    backup = flash.with_name("old.img")
    done = up(startline, chip, "--backup", str(backup))
    assert done.code == 0, done.err
    assert backup.read_bytes().startswith(made)
