"""pyserial's RFC 2217 client, as it is: a reset by the modem lines, and the prompt."""

import os
import time

import serial


def read_until(port: serial.SerialBase, mark: bytes) -> bytes:
    """Read up to a mark, for at most half a minute."""
    data = b""
    end = time.monotonic() + 30
    while mark not in data and time.monotonic() < end:
        data += port.read(port.in_waiting or 1)
    assert mark in data, data
    return data


def test_reset_and_prompt():
    """RTS alone is EN: the ROM speaks, MicroPython starts, and answers."""
    with serial.serial_for_url(os.environ["CHIP_URL"], 115200, timeout=0.1) as port:
        port.dtr = False
        port.rts = True
        port.reset_input_buffer()
        port.rts = False
        said = read_until(port, b">>> ")
        assert b"rst:0x1 (POWERON_RESET)" in said
        assert b"MicroPython v" in said
        port.write(b"print(6 * 7)\r")
        assert b"\r\n42\r\n" in read_until(port, b"42\r\n>>> ")


def test_boot_loader():
    """RTS and DTR in the order of the classic reset: the ROM waits for a download."""
    with serial.serial_for_url(os.environ["CHIP_URL"], 115200, timeout=0.1) as port:
        port.dtr = False
        port.rts = True
        time.sleep(0.1)
        port.reset_input_buffer()
        port.dtr = True
        port.rts = False
        read_until(port, b"waiting for download")
        port.dtr = False
        port.rts = True
        port.rts = False
        read_until(port, b">>> ")
