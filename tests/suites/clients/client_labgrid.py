"""labgrid's SerialDriver on a NetworkSerialPort."""

import os
from urllib.parse import urlsplit

from labgrid import Target
from labgrid.driver import SerialDriver
from labgrid.resource import NetworkSerialPort


def test_console():
    """The driver's console protocol: expect, sendline, read."""
    url = urlsplit(os.environ["CHIP_URL"])
    target = Target("reader")
    NetworkSerialPort(target, name="console", host=url.hostname, port=url.port, speed=115200)
    driver = SerialDriver(target, name="serial")
    target.activate(driver)
    driver.write(b"\x03\x03\r")
    driver.expect(">>> ", timeout=30)
    driver.write(b"print(6 * 7)\r")
    index, before, _, _ = driver.expect("\r\n42\r\n", timeout=30)
    assert (index, b"6 * 7" in before) == (0, True)
    target.deactivate(driver)
