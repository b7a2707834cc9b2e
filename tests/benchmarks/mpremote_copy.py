"""The same files, copied by mpremote: by its command, and by its library in larger pieces."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mpremote.transport_serial import SerialTransport

from startline_host.errors import Bug

#: Bytes a piece. The command takes 256 and has no option for it; more than 8192 fit no chip's heap.
CHUNKS = (1024, 4096, 8192)
_SECONDS = 120


def copy_by_command(url: str, files: Mapping[str, bytes], tree: Path) -> None:
    """Lay the files out below `tree` and run `mpremote fs cp -r` on them. Raises Bug if it fails."""
    for name, data in files.items():
        path = tree / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    command = [sys.executable, "-m", "mpremote", "connect", url, "fs", "cp", "-r"]
    done = subprocess.run(
        [*command, *map(str, sorted(tree.iterdir())), ":"],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    if done.returncode:
        raise Bug(f"mpremote ended with {done.returncode}: {done.stderr.strip()[-200:]}")


def copy_in_chunks(url: str, files: Mapping[str, bytes], chunk: int) -> None:
    """Make the folders and write the files as the command does, `chunk` bytes at a time."""
    transport = SerialTransport(url, baudrate=115200)
    try:
        transport.enter_raw_repl(soft_reset=True)
        made: set[str] = set()
        for name, data in files.items():
            for folder in _folders(name):
                if folder not in made:
                    made.add(folder)
                    if not transport.fs_exists(folder):
                        transport.fs_mkdir(folder)
            transport.fs_writefile(name, data, chunk_size=chunk)
        transport.exit_raw_repl()
    finally:
        transport.close()


def _folders(name: str) -> list[str]:
    parts = name.strip("/").split("/")[:-1]
    return ["/" + "/".join(parts[: count + 1]) for count in range(len(parts))]
