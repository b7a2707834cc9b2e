"""Flash contents that boot, made without the package's own image code, and tools to run."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import subprocess
import sys
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from startline_host.virtual.flash import NorFlash
from tests.virtual.vm_harness import SECONDS, Vm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[2]
ESPTOOL_SECONDS = 120


def make_image(segments: Sequence[tuple[int, bytes]], entry: int = 0x40080400) -> bytes:
    """Build an ESP32 image: header, segments, checksum, SHA-256."""
    image = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x20, entry)
    image += struct.pack("<B3sHBHH4sB", 0xEE, bytes(3), 0, 0, 0, 0xFFFF, bytes(4), 1)
    for address, data in segments:
        image += struct.pack("<II", address, len(data)) + data
    checksum = reduce(lambda total, byte: total ^ byte, b"".join(d for _, d in segments), 0xEF)
    image += bytes(15 - len(image) % 16) + bytes((checksum,))
    return image + hashlib.sha256(image).digest()


def make_table(*rows: tuple[str, int, int, int, int]) -> bytes:
    """Build a partition table of (label, type, subtype, offset, size) rows with its MD5."""
    table = b"".join(
        struct.pack("<HBBII16sI", 0x50AA, kind, subtype, offset, size, label.encode(), 0)
        for label, kind, subtype, offset, size in rows
    )
    table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table, usedforsecurity=False).digest()
    return table.ljust(0xC00, b"\xff")


BOOT_LOADER = make_image([(0x3FFF0030, bytes(range(64))), (0x40078000, b"\x36\x41\x00\x81" * 8)])
APPLICATION = make_image(
    [(0x3F400020, b"startline" * 100), (0x400D0020, b"\x36\x41\x00\x81" * 64)]
)
TABLE = make_table(
    ("nvs", 1, 0x02, 0x9000, 0x6000),
    ("phy_init", 1, 0x01, 0xF000, 0x1000),
    ("factory", 0, 0x00, 0x10000, 0x1F0000),
    ("vfs", 1, 0x81, 0x200000, 0x200000),
)


@pytest.fixture
def vm(tmp_path: Path) -> Iterator[Vm]:
    """A chip at its prompt."""
    with Vm(tmp_path) as vm:
        vm.start()
        yield vm


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A listening socket on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(SECONDS)
        yield server


@pytest.fixture
def boot_loader() -> bytes:
    """Return a sound second stage boot loader image, for 0x1000."""
    return BOOT_LOADER


@pytest.fixture
def application() -> bytes:
    """Return a sound application image, for the factory partition at 0x10000."""
    return APPLICATION


@pytest.fixture
def table() -> Callable[..., bytes]:
    """Return the maker of partition tables."""
    return make_table


@pytest.fixture
def image() -> Callable[..., bytes]:
    """Return the maker of images."""
    return make_image


@pytest.fixture
def bootable() -> NorFlash:
    """Return a flash in memory from which the chip starts an application."""
    flash = NorFlash(size=4 << 20)
    flash.program(0x1000, BOOT_LOADER)
    flash.program(0x8000, TABLE)
    flash.program(0x10000, APPLICATION)
    return flash


@pytest.fixture
def esptool_process(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start the stock esptool on a port."""

    def start(port: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "esptool", "--port", port, *arguments],
            cwd=tmp_path,  # its configuration file is looked for in the current folder
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "120"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    return start


@pytest.fixture
def esptool(esptool_process: Callable[..., subprocess.Popen[bytes]]) -> Callable[..., str]:
    """Run the stock esptool on a port; return all that it said, or fail with it."""

    def run(port: str, *arguments: str, succeeds: bool = True) -> str:
        with esptool_process(port, *arguments) as process:
            try:
                said = process.communicate(timeout=ESPTOOL_SECONDS)[0].decode()
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert (process.returncode == 0) == succeeds, said
        return said

    return run
