"""Drives a chip's CPU directly: a flash with a partition table, and its console as bytes."""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
import time
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from startline_host.virtual.cpu import Cpu, CpuConfig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

MAC = bytes.fromhex("246f28000001")
FLASH_SIZE = 4 << 20
BANNER = b'Type "help()" for more information.\r\n>>> '
SECONDS = 90.0

Row = tuple[str, int, int, int, int]
NVS: Row = ("nvs", 1, 0x02, 0x9000, 0x6000)
PHY: Row = ("phy_init", 1, 0x01, 0xF000, 0x1000)
FACTORY: Row = ("factory", 0, 0x00, 0x10000, 0x1F0000)
VFS: Row = ("vfs", 1, 0x81, 0x200000, 0x40000)
BIND: Row = ("bind", 1, 0x40, 0x3FA000, 0x2000)
FCTRY: Row = ("fctry", 1, 0x02, 0x3FC000, 0x4000)
ROWS = (NVS, PHY, FACTORY, VFS, BIND, FCTRY)

#: What a script begins with that joins the world's network, and that looks at what fails.
JOIN = """
import network, time
wlan = network.WLAN(network.STA_IF)
def join(name="bench", key="bench-wifi", ms=3000):
    wlan.active(True)
    wlan.connect(name, key)
    end = time.ticks_add(time.ticks_ms(), ms)
    while wlan.status() in (network.STAT_IDLE, network.STAT_CONNECTING):
        if time.ticks_diff(end, time.ticks_ms()) <= 0:
            break
        time.sleep_ms(20)
    return wlan.status()
def fails(function, *args):
    try:
        return function(*args)
    except OSError as error:
        return error.args
"""


def make_table(rows: Sequence[Row]) -> bytes:
    """Return a partition table with its MD5 row."""
    table = b"".join(
        struct.pack("<HBBII16sI", 0x50AA, kind, subtype, offset, size, label.encode(), 0)
        for label, kind, subtype, offset, size in rows
    )
    return table + b"\xeb\xeb" + b"\xff" * 14 + md5(table).digest()  # noqa: S324 - the format's


class Vm:
    """One chip in `folder`; each `start` is a life on the same flash. A context manager."""

    def __init__(self, folder: Path, rows: Sequence[Row] = ROWS, **options: Any) -> None:
        self.flash_path = folder / "flash.bin"
        self.world_path = folder / "world.json"
        state = folder / "state"
        state.mkdir(exist_ok=True)
        if not self.flash_path.exists():
            with self.flash_path.open("wb") as file:
                file.write(b"\xff" * FLASH_SIZE)
                file.seek(0x8000)
                file.write(make_table(rows))
        self.out = b""
        self.ended: str | None = None
        self.cpu = Cpu(
            CpuConfig(
                flash_path=self.flash_path,
                flash_size=FLASH_SIZE,
                mac=MAC,
                state_dir=state,
                world_path=self.world_path,
                **options,
            ),
            self._collect,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cpu.kill()

    def _collect(self, data: bytes) -> None:
        self.out += data

    def partition(self, row: Row) -> bytes:
        """Return the bytes of a partition."""
        with self.flash_path.open("rb") as file:
            file.seek(row[3])
            return file.read(row[4])

    def write_flash(self, offset: int, data: bytes) -> None:
        """Put bytes into the flash of a chip that is off."""
        with self.flash_path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def set_world(self, **world: Any) -> None:
        """Change the world, in one step as a bench does."""
        new = self.world_path.with_suffix(".new")
        new.write_text(json.dumps(world))
        new.rename(self.world_path)

    def start(self, cause: str = "power_on") -> None:
        """Begin a life and wait for the prompt."""
        self.boot(cause)
        self.until(BANNER)

    def boot(self, cause: str = "power_on") -> None:
        """Begin a life."""
        self.out = b""
        self.ended = None
        self.cpu.start(cause)

    def feed(self, data: bytes) -> None:
        """Put bytes on the line."""
        self.cpu.feed(data)

    def until(self, mark: bytes, seconds: float = SECONDS) -> bytes:
        """Wait for a mark on the line and return what came before its end, taking it away."""
        deadline = time.monotonic() + seconds
        while mark not in self.out:
            self._step(deadline, mark)
        end = self.out.index(mark) + len(mark)
        taken, self.out = self.out[:end], self.out[end:]
        return taken

    def until_end(self, seconds: float = SECONDS) -> str:
        """Wait for the end of the life and return its reason."""
        deadline = time.monotonic() + seconds
        while self.ended is None:
            self._step(deadline, b"the end")
        return self.ended

    def _step(self, deadline: float, mark: bytes) -> None:
        left = deadline - time.monotonic()
        fd = self.cpu.fileno()
        if left <= 0 or fd is None:
            raise AssertionError(f"no {mark!r} in {self.out!r}, ended: {self.ended}")
        if select.select([fd], [], [], left)[0]:
            self.ended = self.cpu.pump() or self.ended

    def send(self, source: str) -> None:
        """Start a script at the raw prompt."""
        self.feed(b"\x01")
        self.until(b"raw REPL; CTRL-B to exit\r\n>")
        self.feed(source.encode() + b"\x04")
        self.until(b"OK")

    def run(self, source: str) -> str:
        """Run a script at the raw prompt and return what it printed, with plain line ends.

        A traceback is an AssertionError.
        """
        said, error = self.try_run(source)
        assert not error, error
        return said

    def try_run(self, source: str) -> tuple[str, str]:
        """Run a script; return what it printed and its traceback."""
        self.send(source)
        said = self.until(b"\x04")[:-1]
        error = self.until(b"\x04>")[:-2]
        self.feed(b"\x02")
        self.until(BANNER)
        return _text(said), _text(error)


def _text(data: bytes) -> str:
    return data.decode().replace("\r\n", "\n")


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False
