"""Stock mpremote against the virtual chip: its verbs over RFC 2217, its prompt over the pty."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from startline_host.virtual import VirtualEsp32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from startline_host.virtual.flash import NorFlash

SECONDS = 60


@pytest.fixture
def chip(tmp_path: Path, bootable: NorFlash) -> Iterator[VirtualEsp32]:
    """A running chip with a blank file system."""
    flash = tmp_path / "flash.bin"
    flash.write_bytes(bootable.read(0, bootable.size))
    with VirtualEsp32(flash, pty=True) as chip:
        yield chip


@pytest.fixture
def mpremote(chip: VirtualEsp32, tmp_path: Path) -> Callable[..., str]:
    """Run mpremote on the chip in a folder of its own; return what it printed."""
    folder = tmp_path / "host"
    folder.mkdir()

    def run(*arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", chip.url, *arguments],
            cwd=folder,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        said = done.stdout.decode() + done.stderr.decode()
        assert (done.returncode != 0) == fails, said
        return said.replace("\r\n", "\n")

    return run


def test_exec_and_eval(mpremote: Callable[..., str]) -> None:
    """Code runs, values come back, a traceback makes the verb fail."""
    assert mpremote("exec", "import sys; print(sys.platform, 'ç')") == "esp32 ç\n"
    assert mpremote("eval", "[6 * 7]") == "[42]\n"
    said = mpremote("exec", "1/0", fails=True)
    assert said.startswith('Traceback (most recent call last):\n  File "<stdin>", line 1')
    assert "ZeroDivisionError" in said


def test_file_verbs(mpremote: Callable[..., str], tmp_path: Path) -> None:
    """`fs cp` both ways keeps every byte; `ls`, `mkdir`, `rm` see and change the chip's files."""
    data = bytes(range(256)) * 40
    (tmp_path / "host" / "data.bin").write_bytes(data)
    mpremote("fs", "mkdir", ":lib", "+", "fs", "cp", "data.bin", ":lib/data.bin")
    mpremote("fs", "cp", ":lib/data.bin", "back.bin")
    assert (tmp_path / "host" / "back.bin").read_bytes() == data
    assert "10240 data.bin" in mpremote("fs", "ls", ":lib")
    mpremote("fs", "rm", ":lib/data.bin")
    assert mpremote("fs", "ls") == "ls :\n          39 boot.py\n           0 lib/\n"
    assert "No such file" in mpremote("fs", "cat", ":nothing", fails=True)


def test_run_and_mount(mpremote: Callable[..., str], tmp_path: Path) -> None:
    """A host script runs on the chip; a mounted host folder is read and written as binary."""
    folder = tmp_path / "host"
    (folder / "script.py").write_text("import os\nprint(os.uname()[0])\n")
    assert mpremote("run", "script.py") == "esp32\n"
    data = bytes(range(256)) * 8
    (folder / "data.bin").write_bytes(data)
    (folder / "module.py").write_text("VALUE = 'from the host'\n")
    said = mpremote(
        "mount",
        ".",
        "exec",
        "import module\nprint(module.VALUE)\nwith open('data.bin', 'rb') as file:\n"
        "    data = file.read()\nwith open('copy.bin', 'wb') as file:\n    file.write(data)\n",
    )
    assert said.endswith("is mounted at /remote\nfrom the host\n")
    assert (folder / "copy.bin").read_bytes() == data


def test_resets(mpremote: Callable[..., str]) -> None:
    """`soft-reset` keeps the chip's clock and loses names; `reset` is a reset of the chip."""
    mpremote("exec", "--no-follow", "import machine; machine.RTC().memory(b'kept'); x = 1")
    mpremote("soft-reset")
    ask = "import machine; print(machine.RTC().memory(), machine.reset_cause(), 'x' in globals())"
    assert mpremote("resume", "exec", ask) == "b'kept' 5 False\n"
    mpremote("reset")
    assert mpremote("resume", "exec", ask) == "b'kept' 2 False\n"


def test_a_busy_program_is_stopped_by_connecting(mpremote: Callable[..., str]) -> None:
    """Mpremote interrupts whatever main.py does, also when it only computes."""
    mpremote("exec", "with open('main.py', 'w') as f:\n    f.write('while True:\\n    pass\\n')")
    mpremote("reset")
    assert mpremote("exec", "print('stopped')") == "stopped\n"


def test_the_interactive_prompt_on_the_pty(chip: VirtualEsp32) -> None:
    """A person's session: an expression, an interrupted loop, a soft reboot, and the way out."""
    assert chip.pty_path is not None
    person, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "mpremote", "connect", chip.pty_path, "repl"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        try:
            expect(person, b"Use Ctrl-] or Ctrl-x to exit this shell")
            os.write(person, b"\r")
            expect(person, b">>> ")
            os.write(person, b"6*7\r")
            expect(person, b"42\r\n>>> ")
            os.write(person, b"print('lo' + 'op'); exec('while True: pass')\r")
            expect(person, b"loop\r\n")
            os.write(person, b"\x03")
            expect(person, b"KeyboardInterrupt: \r\n>>> ")
            os.write(person, b"\x04")
            expect(person, b"MPY: soft reboot\r\n")
            expect(person, b">>> ")
            os.write(person, b"\x1d")
            process.wait(SECONDS)
        finally:
            process.kill()
            os.close(person)
    assert process.returncode == 0


def expect(fd: int, mark: bytes) -> None:
    """Read a terminal until a mark comes, and not a byte further."""
    seen = b""
    deadline = time.monotonic() + SECONDS
    while mark not in seen:
        left = deadline - time.monotonic()
        assert left > 0, seen
        if select.select([fd], [], [], left)[0]:
            seen += os.read(fd, 1)
