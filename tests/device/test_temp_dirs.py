"""The temporary folders that esptool works in, which may hold keys."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from startline_host.device.temp_dirs import remove_stale_dirs, temp_dir, write_private

_HOLDER = """
import sys
from startline_host.device.temp_dirs import temp_dir, write_private
with temp_dir() as folder:
    write_private(folder / "region.bin", b"key")
    print(folder, flush=True)
    sys.stdin.read()
"""
LONG_AGO = 1_000_000_000


def test_a_folder_ends_with_its_use() -> None:
    """A temporary folder and its files are their owner's alone, and gone afterwards."""
    with temp_dir() as folder:
        write_private(folder / "region.bin", b"key")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "region.bin").stat().st_mode & 0o777 == 0o600
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """A folder stays while its process lives, and is swept once that was killed, but never at once."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        os.utime(folder, (LONG_AGO, LONG_AGO))
        remove_stale_dirs(tmp_path)
        assert (folder / "region.bin").exists()
        holder.kill()
        holder.wait()
        os.utime(folder)
        remove_stale_dirs(tmp_path)
        assert (folder / "region.bin").exists()
        os.utime(folder, (LONG_AGO, LONG_AGO))
        remove_stale_dirs(tmp_path)
    assert not folder.exists()


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    """What has another name is nobody's to remove, however old it is."""
    other = Path(tempfile.mkdtemp(prefix="startline-", dir=tmp_path))
    os.utime(other, (LONG_AGO, LONG_AGO))
    remove_stale_dirs(tmp_path)
    assert other.exists()
