"""Units of a batch, stock partition tables, and file systems that have to give way."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.formats.flash_plan import merged_image
from startline_host.formats.littlefs_image import make_filesystem, read_filesystem
from startline_host.formats.partitions import (
    PartitionRow,
    PartitionTable,
    make_table,
    parse_table,
    startline_table,
)
from startline_host.formats.synthetic_firmware import stock_table
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline

Start = Callable[..., VirtualEsp32]
Load = Callable[..., None]

FCTRY_AT, OTHERS = 0x3FC000, slice(0, 0x9000)
#: A world without the network: nothing binds here.
NOWHERE: dict[str, object] = {"access_points": {}}


def url_of(chip: VirtualEsp32, kind: str) -> str:
    """Return where the chip is reached by that kind of port."""
    url = {"rfc2217": chip.url, "socket": chip.raw_url, "pty": chip.pty_path}[kind]
    assert url is not None
    return url


@pytest.fixture
def stock_flash(flash: Path, bundle: FirmwareBundle) -> Path:
    """Have a board with the official table and, on its own large file system, the agent."""
    image = bytearray(merged_image(bundle.plan(vfs=False, fctry=None)))
    image[0x8000:0x8C00] = make_table(stock_table())
    image[0x200000:] = make_filesystem({**bundle.files, "/notes.txt": b"mine"}, 0x200000)
    flash.write_bytes(image)
    return flash


@pytest.mark.parametrize("by_boot_loader", [False, True])
def test_a_second_unit_costs_only_what_differs(
    startline: Startline,
    start: Start,
    load_flash: Load,
    provision: Provision,
    settings_file: Path,
    flash: Path,
    by_boot_loader: bool,
) -> None:
    """On a chip like the last one only the identity is written; again, nothing: both in bytes."""
    load_flash(provision.image())
    if by_boot_loader:
        # Without a table there is no prompt: what differs is found through the boot loader.
        with flash.open("r+b") as file:
            file.seek(0x8000)
            file.write(b"\xff" * 0x1000)
    chip = start(NOWHERE)
    words = ("-p", chip.url, "--serial", "DEVICE-124", "--made-at", "2026-11-21")
    done = startline("provision", *words) if not by_boot_loader else startline("up", *words)
    assert done.code == (0 if not by_boot_loader else 20), done.err
    said = done.out if not by_boot_loader else done.err
    assert "fctry" in said
    assert "bytes were there already" in said
    again = startline("provision", *words, "--json")
    assert again.code == 0, again.err
    result = again.lines()[-1]
    assert (result["written"], result["bytes_sent"], result["bytes_same"]) == ([], 0, 0x4000)
    assert "Nothing to write: the device has all 16,384 bytes of it (0 sent)." in again.out


@pytest.mark.parametrize("kind", ["rfc2217", "socket", "pty"])
def test_a_stock_table_is_provisioned_over_the_prompt(
    startline: Startline,
    start: Start,
    stock_flash: Path,
    settings_file: Path,
    cloud: MockCloud,
    kind: str,
) -> None:
    """Nothing is flashed: identity and settings go into nvs, the device binds, and says how."""
    before = stock_flash.read_bytes()
    chip = start(raw=True, pty=True)
    words = ("provision", "-p", url_of(chip, kind), "--serial", SERIAL)
    done = startline(*words)
    assert done.code == 0, done.err
    assert "keeps its stock partition table" in done.err
    assert "Wrote nvs" in done.out
    cloud.wait_for_request("POST", timeout=30)
    (device,) = cloud.devices()
    assert device["serial_number"] == SERIAL
    chip.stop()
    after = stock_flash.read_bytes()
    assert after[OTHERS] == before[OTHERS]
    assert after[0xF000:0x200000] == before[0xF000:0x200000]
    assert read_filesystem(after[0x200000:])["/notes.txt"] == b"mine"
    assert startline(*("provision", "-p", url_of(start(raw=True, pty=True), kind)), "--serial",
                     SERIAL).code == 41  # fmt: skip


def test_a_stock_table_told_the_same_again_costs_no_byte(
    startline: Startline, start: Start, stock_flash: Path, settings_file: Path
) -> None:
    """What stands in nvs is compared first; what a unit is no longer told is taken away."""
    chip = start(NOWHERE)
    words = ("provision", "-p", chip.url, "--serial", SERIAL, "--json")
    first = startline(*words, "--alias", "Gate 3")
    assert first.code == 0, first.err
    assert first.lines()[-1]["written"] == ["nvs"]
    again = startline(*words, "--alias", "Gate 3")
    assert again.lines()[-1]["bytes_sent"] == 0, again.out
    third = startline(*words)
    assert third.lines()[-1]["written"] == ["nvs"]
    seen = startline("inspect", "-p", chip.url, "--json").lines()[-1]["found"]
    assert seen["stock"]
    assert seen["missing"] == []
    assert "alias" not in seen["factory"]["values"]["factory"]
    assert seen["factory"]["values"]["factory"]["serial"] == SERIAL
    # A day of grace, as everywhere: this computer's clock may be ahead of the device's.
    assert 86_400 <= time.time() - seen["factory"]["values"]["factory"]["made_at"] < 90_000
    assert "no agent" not in first.err
    assert os.environ["CLAIM_KEY"] not in first.out + first.err + again.out + third.out


def test_a_device_without_an_agent_is_told_and_says_so(
    startline: Startline, start: Start, stock_flash: Path, settings_file: Path
) -> None:
    """It keeps its identity for the day when it has an agent, and nobody waits for it to bind."""
    image = bytearray(stock_flash.read_bytes())
    image[0x200000:] = make_filesystem({"/notes.txt": b"mine"}, 0x200000)
    stock_flash.write_bytes(image)
    chip = start(NOWHERE)
    tried = startline("retry", "-p", chip.url)
    assert tried.code == 60
    assert "To load what is missing: startline up." in tried.err
    done = startline("provision", "-p", chip.url, "--serial", SERIAL)
    assert done.code == 0, done.err
    assert "Wrote nvs" in done.out
    assert "has no agent yet" in done.err
    assert "To load its agent: startline flash." in done.err
    assert "binds itself" not in done.err
    asked = startline("status", "-p", chip.url, "--interrupt")
    assert "To load what is missing: startline up." in asked.err
    tried = startline("retry", "-p", chip.url)
    assert (tried.code, "To load what is missing: startline up." in tried.err) == (11, True)


def test_a_file_system_that_does_not_fit_is_backed_up_and_made_anew(
    startline: Startline, start: Start, flash: Path, bundle: FirmwareBundle, tmp_path: Path
) -> None:
    """On request the old bytes are saved first, readable by their owner only; then it is ours."""
    old = make_filesystem({"/notes.txt": b"mine", "/app.py": b"x = 1\n"}, 0x20000)
    row = PartitionRow("vfs", 1, 0x81, 0x200000, len(old))
    image = bytearray(merged_image(bundle.plan(vfs=False, fctry=None)))
    image[0x8000:0x8C00] = make_table(PartitionTable((*stock_table(), row)))
    image[row.offset : row.end] = old
    flash.write_bytes(image)
    backup = tmp_path / "old.vfs"
    done = startline("flash", "-p", start(NOWHERE).url, "--backup", str(backup))
    assert done.code == 0, done.err
    assert "does not fit or is damaged: it is written anew" in done.err
    assert "would keep it" not in done.err
    assert "2 files, 131,072 bytes" in done.err
    assert backup.read_bytes() == old
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert "/notes.txt" not in read_filesystem(flash.read_bytes()[0x200000:0x2FA000])


def test_a_table_without_a_journal_gets_one(
    startline: Startline, start: Start, flash: Path, bundle: FirmwareBundle, tmp_path: Path
) -> None:
    """An older table's files make room for the journal, saved first; its bytes are left alone."""
    table = startline_table(stock_table(), 4 << 20)
    row = table.get("vfs")
    old = make_filesystem({"/app.py": b"x = 1\n"}, row.size)
    image = bytearray(merged_image(bundle.plan(vfs=False, fctry=None)))
    image[0x8000:0x8C00] = make_table(table)
    image[row.offset : row.end] = old
    image[0x300000:0x300004] = b"left"
    flash.write_bytes(image)
    backup = tmp_path / "old.vfs"
    url = start(NOWHERE).url
    done = startline("flash", "-p", url, "--backup", str(backup))
    assert done.code == 0, done.err
    assert "is written anew" in done.err
    assert backup.stat().st_size == row.size
    there = flash.read_bytes()
    assert parse_table(there[0x8000:0x8C00]).get("race").size == 1 << 20
    assert there[0x300000:0x300004] == b"left"
    again = startline("flash", "-p", url)
    assert again.code == 0, again.err
    assert flash.read_bytes()[0x300000:0x300004] == b"left"


def test_a_backup_that_cannot_be_made_is_exit_60(
    startline: Startline, start: Start, tmp_path: Path
) -> None:
    """A file that exists is not overwritten, and the device is not even asked."""
    there = tmp_path / "there"
    there.write_bytes(b"precious")
    done = startline("flash", "-p", "/dev/no-such-port", "--backup", str(there))
    assert done.code == 60
    assert "exists already" in done.err
    done = startline("flash", "-p", "/dev/no-such-port", "--backup", str(tmp_path / "no" / "x"))
    assert done.code == 60
    assert there.read_bytes() == b"precious"


def test_what_was_written_is_said_once(start: Start, load_flash: Callable[..., None]) -> None:
    """In a terminal, where results and remarks come together, `flash` does not repeat itself."""
    load_flash()
    chip = start()
    terminal, end = os.openpty()
    environment = {**os.environ, "STARTLINE_BOARD": "VIRTUAL_ESP32", "COLUMNS": "200"}
    command = [sys.executable, "-m", "startline_host", "flash", "-p", chip.url]
    shown = b""
    with subprocess.Popen(command, stdout=end, stderr=end, env=environment) as process:
        os.close(end)
        with contextlib.suppress(OSError):  # the terminal's end has gone
            while piece := os.read(terminal, 4096):
                shown += piece
    os.close(terminal)
    assert process.returncode == 0, shown
    assert shown.count(b"bytes of it (0 sent)") == 1
