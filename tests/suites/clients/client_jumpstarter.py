"""Jumpstarter's ESP32 driver over its serial driver: chip, flash, dump, resets."""

import os

import pytest
from jumpstarter.common.utils import serve
from jumpstarter_driver_esp32.driver import Esp32Flasher
from jumpstarter_driver_pyserial.driver import PySerial


@pytest.fixture
def flasher():
    """Serve the driver as an exporter does, and connect its client."""
    serial = PySerial(url=os.environ["CHIP_URL"], check_present=False)
    with serve(Esp32Flasher(children={"serial": serial})) as client:
        yield client


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
