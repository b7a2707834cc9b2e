"""The stock esptool works on the chip, with its stub and without."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest
import serial

from startline_host.virtual import VirtualEsp32

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Tool = Callable[..., str]

SIZE = 4 << 20
MAC = "7c:9e:bd:12:34:56"
NO_STUB = ("--no-stub",)
MODES = pytest.mark.parametrize("options", [(), NO_STUB], ids=["stub", "rom"])


def noise(length: int, seed: int = 1) -> bytes:
    """Return bytes that do not deflate, always the same ones."""
    return random.Random(seed).randbytes(length)


def content(length: int, seed: int = 1) -> bytes:
    """Return bytes that deflate to about a half."""
    return (noise(length // 2, seed) + b"startline " * length)[:length]


def identifies(tool: Tool, flash: Path) -> None:
    """`chip-id` knows the chip."""
    said = tool("chip-id")
    assert "ESP32-D0WD-V3 (revision v3.1)" in said
    assert "Crystal frequency:  40MHz" in said


def reads_mac(tool: Tool, flash: Path) -> None:
    """`read-mac` tells the MAC that the chip was given."""
    assert f"MAC:                {MAC}" in tool("read-mac")


def identifies_flash(tool: Tool, flash: Path) -> None:
    """`flash-id` finds the flash chip's maker and size."""
    said = tool("flash-id")
    assert "Detected flash size: 4MB" in said
    assert "Flash voltage set by a strapping pin: 3.3V" in said


def writes(tool: Tool, flash: Path) -> None:
    """`write-flash` puts files where they belong, deflated or not, and nothing else changes."""
    pieces = {0x9000: content(0x1234), 0x10000: content(0x1801, 2), 0x3FF000: content(0x1000, 3)}
    arguments = []
    for offset, data in pieces.items():
        path = flash.with_name(f"{offset:x}.bin")
        path.write_bytes(data)
        arguments += [hex(offset), str(path)]
    assert tool("write-flash", *arguments).count("Hash of data verified.") == 3
    expected = bytearray(b"\xff" * SIZE)
    for offset, data in pieces.items():
        expected[offset : offset + len(data)] = data
    assert flash.read_bytes() == expected


def verifies(tool: Tool, flash: Path) -> None:
    """`verify-flash` passes what is there."""
    path = flash.with_name("verify.bin")
    path.write_bytes(flash.read_bytes()[0x2000:0x3100])
    assert "Verification successful" in tool("verify-flash", "0x2000", str(path))


def finds_a_difference(tool: Tool, flash: Path) -> None:
    """`verify-flash` fails what is elsewhere."""
    path = flash.with_name("verify.bin")
    path.write_bytes(flash.read_bytes()[0x2000:0x3100])
    tool("verify-flash", "0x2004", str(path), succeeds=False)


def reads(tool: Tool, flash: Path) -> None:
    """`read-flash` returns what is in the flash, from and to any byte."""
    path = flash.with_name("read.bin")
    tool("read-flash", "0x1ff3", "0x1b5", str(path))
    assert path.read_bytes() == flash.read_bytes()[0x1FF3 : 0x1FF3 + 0x1B5]


def erases(tool: Tool, flash: Path) -> None:
    """`erase-region` erases its sectors and no other."""
    expected = bytearray(flash.read_bytes())
    expected[0x3000:0x5000] = b"\xff" * 0x2000
    tool("erase-region", "0x3000", "0x2000")
    assert flash.read_bytes() == expected


def erases_all(tool: Tool, flash: Path) -> None:
    """`erase-flash` leaves a blank chip."""
    tool("erase-flash")
    assert flash.read_bytes() == b"\xff" * SIZE


def works_fast(tool: Tool, flash: Path) -> None:
    """`--baud 921600` changes both ends and works."""
    path = flash.with_name("fast.bin")
    path.write_bytes(content(0x1800))
    said = tool("--baud", "921600", "write-flash", "0x20000", str(path))
    assert "Changing baud rate to 921600..." in said
    assert flash.read_bytes()[0x20000:0x21800] == path.read_bytes()


def goes_on(tool: Tool, flash: Path) -> None:
    """`--before no-reset` goes on in the stub that the process before left running."""
    assert "Staying in flasher stub." in tool("--after", "no-reset-stub", "read-mac")
    assert "Stub flasher is already running" in tool("--before", "no-reset", "read-mac")


VERBS = [
    identifies,
    reads_mac,
    identifies_flash,
    writes,
    verifies,
    finds_a_difference,
    reads,
    erases,
    works_fast,
]
STUB_VERBS = [erases_all, goes_on]
NEEDS_CONTENT = {verifies, finds_a_difference, reads, erases, erases_all}


def use(
    verb: Callable[[Tool, Path], None],
    esptool: Tool,
    folder: Path,
    options: tuple[str, ...],
    *,
    raw: bool,
) -> None:
    """Give `verb` a chip of its own and esptool on it, over a bare stream or over RFC 2217."""
    folder.mkdir()
    flash = folder / "flash.bin"
    if verb in NEEDS_CONTENT:
        flash.write_bytes(content(0x8000).ljust(SIZE, b"\xff"))
    with VirtualEsp32(flash, raw=raw, mac=MAC) as chip:
        if raw:
            chip.reset(hold_boot=True)
        port = chip.raw_url if raw else chip.url
        verb(partial(esptool, port, *options), flash)


@MODES
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_works_on_a_chip_in_its_loader(
    esptool: Tool,
    tmp_path: Path,
    verb: Callable[[Tool, Path], None],
    options: tuple[str, ...],
) -> None:
    """Each verb does its work over a line without modem lines, the chip waiting in its loader."""
    use(verb, esptool, tmp_path / "chip", options, raw=True)


@pytest.mark.parametrize("verb", STUB_VERBS)
def test_a_verb_that_needs_the_stub(
    esptool: Tool, tmp_path: Path, verb: Callable[[Tool, Path], None]
) -> None:
    """What only the stub can do works there too."""
    use(verb, esptool, tmp_path / "chip", (), raw=True)


def test_every_verb_works_over_rfc2217(esptool: Tool, tmp_path: Path) -> None:
    """With nothing but the port's URL esptool resets the chip into its loader and does its work.

    A command costs esptool 0.2 s there (pyserial's RFC 2217 client sleeps whenever a timeout
    is changed), so all verbs run at once, in both modes, each on a chip of its own.
    """
    sessions = [(verb, ()) for verb in VERBS + STUB_VERBS] + [(verb, NO_STUB) for verb in VERBS]
    with ThreadPoolExecutor(len(sessions)) as pool:
        jobs = [
            pool.submit(use, verb, esptool, tmp_path / str(number), options, raw=False)
            for number, (verb, options) in enumerate(sessions)
        ]
        for job in jobs:
            job.result()


def test_leaving_the_stub_for_the_rom(esptool: Tool, tmp_path: Path) -> None:
    """After `no-reset` the ROM's loader is back, and takes the stub again."""
    with VirtualEsp32(tmp_path / "flash.bin", raw=True) as chip:
        chip.reset(hold_boot=True)
        for _ in range(2):
            said = esptool(chip.raw_url, "--after", "no-reset", "read-mac")
            assert "Stub flasher running." in said
            assert "Staying in bootloader." in said


def test_a_chip_that_runs_does_not_answer(esptool: Tool, tmp_path: Path) -> None:
    """Without a reset a chip outside its loader stays silent, and esptool says so."""
    with VirtualEsp32(tmp_path / "flash.bin", raw=True) as chip:
        said = esptool(chip.raw_url, "--connect-attempts", "1", "chip-id", succeeds=False)
    assert "Failed to connect" in said


def test_a_write_that_is_cut_off(
    esptool_process: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
    boot_loader: bytes,
    table: Callable[..., bytes],
    image: Callable[..., bytes],
) -> None:
    """Power cut while an application is written: a part of it is there, and the next life says so."""
    application = image([(0x3F400020, noise(1 << 20))])
    path, flash = tmp_path / "app.bin", tmp_path / "flash.bin"
    path.write_bytes(application)
    start = b"\xff" * 0x1000 + boot_loader
    start = start.ljust(0x8000, b"\xff") + table(("factory", 0, 0, 0x10000, 0x1F0000))
    flash.write_bytes(start.ljust(SIZE, b"\xff"))
    with VirtualEsp32(flash, raw=True) as chip:
        chip.reset(hold_boot=True)
        with esptool_process(chip.raw_url, "write-flash", "0x10000", str(path)) as tool:
            while chip.counts().received < 300_000:
                time.sleep(0.01)
            chip.kill()
            tool.kill()
    content = flash.read_bytes()[0x10000 : 0x10000 + len(application)]
    assert content.startswith(application[: 1 << 16])
    assert content.endswith(b"\xff" * (1 << 16))
    with (
        VirtualEsp32(flash, raw=True) as chip,
        serial.serial_for_url(chip.raw_url, timeout=10) as port,
    ):
        assert b"is not bootable" in port.read_until(b"is not bootable")
