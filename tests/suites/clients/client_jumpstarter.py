"""Jumpstarter's ESP32 driver over its serial driver: chip, flash, dump, resets."""

import os
from pathlib import Path

import pytest
from jumpstarter.common.utils import serve
from jumpstarter.config.exporter import (
    ExporterConfigV1Alpha1,
    ExporterConfigV1Alpha1DriverInstance,
)


@pytest.fixture
def reader():
    """Serve what `startline virtual --jumpstarter` writes as an exporter does; connect its client."""
    config = ExporterConfigV1Alpha1.load_path(Path(os.environ["EXPORTER_FILE"]))
    with serve(
        ExporterConfigV1Alpha1DriverInstance(children=config.export).instantiate()
    ) as client:
        yield client


@pytest.fixture
def flasher(reader):
    """Give the client that flashes."""
    return reader.esp32


def test_chip_info(flasher):
    """Chip, features and MAC are read through the boot loader."""
    info = flasher.get_chip_info()
    assert info["chip"].startswith("ESP32")
    assert info["mac"] == "24:6f:28:00:00:01"


def test_flash_and_dump(flasher, tmp_path):
    """What is flashed at an address is what is dumped from there."""
    data = bytes(range(256)) * 32
    (tmp_path / "in.bin").write_bytes(data)
    flasher.flash(tmp_path / "in.bin", target="0x3f0000")
    flasher.dump(tmp_path / "out.bin", target="0x3f0000:0x2000")
    assert (tmp_path / "out.bin").read_bytes() == data


def test_console(reader):
    """The console is one to expect on: Ctrl-C gives the prompt, which answers."""
    with reader.serial.pexpect() as console:
        console.send(b"\r\x03")
        console.expect_exact(b">>> ", timeout=60)
        console.send(b"print(6 * 7)\r")
        console.expect_exact(b"\r\n42\r\n", timeout=60)
