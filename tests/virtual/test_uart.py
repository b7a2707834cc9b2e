"""The chip's ports as pyserial sees them: RFC 2217, a bare stream, a pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

from startline_host.virtual import VirtualEsp32
from startline_host.virtual.tcp import Rfc2217Coding
from startline_host.virtual.uart import UartHub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# pyserial's own thread is set up in a way that Python calls old.
pytestmark = pytest.mark.filterwarnings(r"ignore:set(Daemon|Name)\(\):DeprecationWarning")

SECONDS = 60
READ_REG = b"\xc0\x00\x0a\x04\x00\x00\x00\x00\x00\x00\x10\x00\x40\xc0"
MAGIC = b"\xc0\x01\x0a\x04\x00\x83\x1d\xf0\x00\x00\x00\x00\x00\xc0"


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[VirtualEsp32]:
    """Start a blank chip with all its ports, waiting in its serial loader."""
    with VirtualEsp32(tmp_path / "flash.bin", pty=True, raw=True) as chip:
        chip.reset(hold_boot=True)
        yield chip


@contextlib.contextmanager
def opened(url: str | None) -> Iterator[serial.SerialBase]:
    """Open a pyserial URL with bounded reads."""
    assert url is not None
    port = serial.serial_for_url(url, baudrate=115200, timeout=SECONDS)
    try:
        yield port
    finally:
        port.close()


def text_until(port: serial.SerialBase, words: bytes) -> bytes:
    """Read up to `words`, which have to come."""
    text = port.read_until(words)
    assert text.endswith(words)
    return bytes(text)


class Transport(asyncio.Transport):
    """Takes what the telnet side says and forgets it."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Forget it."""


#: A rate, a data size, a mode, and a command that nobody knows.
COMMANDS = [
    b"\xff\xfa\x2c\x01\x00\x00\x25\x80\xff\xf0",
    b"\xff\xfa\x2c\x02\x08\xff\xf0",
    b"\xff\xfd\x00",
    b"\xff\xf1",
]
line_bytes = st.binary(max_size=20) | st.lists(st.sampled_from([255, 254, 0])).map(bytes)


@given(st.lists(st.tuples(line_bytes, st.sampled_from([b"", *COMMANDS]))), st.data())
def test_telnet_is_taken_out(pieces: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    """What the line carries comes through, with telnet's commands between, cut anywhere."""
    sent = b"".join(plain.replace(b"\xff", b"\xff\xff") + command for plain, command in pieces)
    coding, received = Rfc2217Coding(UartHub(), Transport()), b""
    while sent:
        cut = data.draw(st.integers(1, len(sent)))
        received += coding.decode(sent[:cut])
        sent = sent[cut:]
    assert received == b"".join(plain for plain, _ in pieces)


@pytest.mark.parametrize("kind", ["url", "raw_url", "pty_path"])
def test_each_port_reaches_the_chip(chip: VirtualEsp32, kind: str) -> None:
    """A request on any of the ports is answered there."""
    with opened(getattr(chip, kind)) as port:
        # On a pty the chip takes a moment to see that somebody is there.
        deadline = time.monotonic() + SECONDS
        answer = b""
        while not answer and time.monotonic() < deadline:
            port.write(READ_REG)
            port.timeout = 0.2
            answer = port.read(len(MAGIC))
        assert answer == MAGIC


def test_every_byte_value_passes(chip: VirtualEsp32) -> None:
    """All 256 values go through telnet's escapes in both directions."""
    payload = bytes(range(256)) * 3
    body = (len(payload)).to_bytes(4, "little") + bytes(12) + payload
    checksum = 0xEF
    for byte in payload:
        checksum ^= byte
    begin = (
        b"\x00\x02\x10\x00"
        + bytes(4)
        + b"".join(word.to_bytes(4, "little") for word in (1024, 1, 1024, 0xFF000))
    )
    packets = [
        begin,
        b"\x00\x03" + len(body).to_bytes(2, "little") + bytes((checksum, 0, 0, 0)) + body,
        b"\x00\x0e\x08\x00"
        + bytes(4)
        + (0xFF000 + 224).to_bytes(4, "little")
        + b"\x40\x00\x00\x00",
    ]
    with opened(chip.url) as port:
        for packet in packets:
            escaped = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
            port.write(b"\xc0" + escaped + b"\xc0")
            assert port.read(1) == b"\xc0"
            answer = text_until(port, b"\xc0")[:-1]
        answer = answer.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
        assert answer[8:-4] == bytes(range(224, 256)) + bytes(range(32))


def test_a_second_connection_is_told(chip: VirtualEsp32) -> None:
    """One client at a time: another one reads a sentence and is disconnected, the first goes on."""
    host, number = chip.url.removeprefix("rfc2217://").split(":")
    with opened(chip.url) as port:
        with socket.create_connection((host, int(number)), timeout=SECONDS) as second:
            assert second.recv(100) == b"this port is in use by another connection\r\n"
            assert second.recv(100) == b""
        port.write(READ_REG)
        assert port.read(len(MAGIC)) == MAGIC
    with opened(chip.url) as port:
        port.write(READ_REG)
        assert port.read(len(MAGIC)) == MAGIC


def test_who_comes_before_the_other_has_gone_is_served(chip: VirtualEsp32) -> None:
    """A connection waits for one that is about to go, and its first words are not lost."""
    assert chip.raw_url is not None
    host, number = chip.raw_url.removeprefix("socket://").split(":")
    first = socket.create_connection((host, int(number)), timeout=SECONDS)
    with socket.create_connection((host, int(number)), timeout=SECONDS) as second:
        second.sendall(READ_REG)
        first.close()
        assert second.recv(len(MAGIC)) == MAGIC


def test_opening_and_closing_disturbs_nothing(chip: VirtualEsp32) -> None:
    """Neither opening a port with its modem lines set, nor closing it, resets the chip."""
    before = chip.counts().sent
    for _ in range(2):
        with opened(chip.url):
            pass
    assert chip.counts().sent == before


def test_modem_lines_reset_the_chip(chip: VirtualEsp32) -> None:
    """RTS alone resets into the flash; the two lines' dance leads into the loader."""
    with opened(chip.url) as port:
        port.dtr, port.rts = False, True
        port.reset_input_buffer()
        port.rts = False
        text_until(port, b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n")
        port.rts = True
        port.dtr = True
        port.rts = False
        port.dtr = False
        text_until(port, b"waiting for download\r\n")


def test_a_program_that_dies_releases_the_lines(chip: VirtualEsp32) -> None:
    """A client that vanishes while it holds EN low lets go of it."""
    with opened(chip.raw_url) as witness:
        with opened(chip.url) as port:
            port.dtr, port.rts = False, True
        text_until(witness, b"boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n")


def test_bytes_are_counted_each_way(chip: VirtualEsp32) -> None:
    """The counts are those of the line, without telnet's additions."""
    before = chip.counts()
    with opened(chip.url) as port:
        port.write(READ_REG)
        assert port.read(len(MAGIC)) == MAGIC
    after = chip.counts()
    assert (after.received - before.received, after.sent - before.sent) == (
        len(READ_REG),
        len(MAGIC),
    )


def test_all_ports_hear_the_chip(chip: VirtualEsp32) -> None:
    """Output goes to whoever is there; the pty misses what came before it was opened."""
    with opened(chip.url) as first, opened(chip.raw_url) as second:
        second.write(READ_REG)
        for port in (first, second):
            text_until(port, MAGIC)
    assert chip.pty_path is not None
    fd = os.open(chip.pty_path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        os.read(fd, 100)
    os.close(fd)


def test_a_pty_can_be_opened_again(chip: VirtualEsp32) -> None:
    """A pty that was closed is as good as new."""
    for _ in range(3):
        test_each_port_reaches_the_chip(chip, "pty_path")


def test_only_loopback_is_served(chip: VirtualEsp32) -> None:
    """No address but 127.0.0.1 leads to the chip."""
    number = int(chip.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match=r"refused|unreachable|assign|timed out"):
        socket.create_connection(("127.0.0.2", number), timeout=1).close()


def test_a_paced_line_takes_its_time(tmp_path: Path) -> None:
    """With a modelled rate, 130 bytes of greeting at 1200 baud take their second."""
    with VirtualEsp32(tmp_path / "flash.bin", paced=True) as chip:
        port = serial.serial_for_url(chip.url, baudrate=1200, timeout=SECONDS)
        chip.reset(hold_boot=True)
        start = time.monotonic()
        text = text_until(port, b"waiting for download\r\n")
        assert time.monotonic() - start >= len(text) * 10 / 1200 * 0.9
        port.close()
