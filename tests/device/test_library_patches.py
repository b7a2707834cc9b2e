"""What is changed of libraries: counted sleeps, not measured times, and only in a known version."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import serial
from pytest_mock import MockerFixture
from serial import rfc2217

from startline_host.device import library_patches
from startline_host.device.port import open_port
from startline_host.virtual import VirtualEsp32


@pytest.fixture
def slept(mocker: MockerFixture) -> list[float]:
    """Collect what the client asks to sleep; a few milliseconds are slept indeed."""
    asked: list[float] = []
    really: Callable[[float], None] = time.sleep

    def sleep(seconds: float) -> None:
        asked.append(seconds)
        really(min(seconds, 0.01))

    mocker.patch.object(library_patches, "time", SimpleNamespace(sleep=sleep))
    return asked


def test_a_near_port_opens_in_short_polls(
    chip: Callable[..., VirtualEsp32], slept: list[float]
) -> None:
    """A port of a server on this computer opens and closes without one long sleep."""
    with open_port(chip().url) as port:
        assert port.can_reset
    assert slept
    assert max(slept) <= library_patches.POLL


def test_a_far_server_is_given_time_after_closing(slept: list[float]) -> None:
    """The pause after closing stays where the server is another computer."""
    library_patches.patch_rfc2217()
    library_patches.skip_close_delay("rfc2217://192.0.2.1:4000")
    rfc2217.time.sleep(0.3)
    library_patches.skip_close_delay("rfc2217://[::1]:4000")
    rfc2217.time.sleep(0.3)
    assert slept == [0.3]


def test_another_version_is_left_as_it_is(mocker: MockerFixture) -> None:
    """A library of another version is not changed, and a warning names both versions."""
    mocker.patch.object(rfc2217, "time", time)
    mocker.patch.object(serial, "__version__", "3.6")
    with pytest.warns(RuntimeWarning, match=r"pyserial 3\.6 is installed.* written for 3\.5"):
        library_patches.patch_rfc2217()
    assert rfc2217.time is time
    loader = SimpleNamespace(HexFormatter=str)
    with pytest.warns(RuntimeWarning, match=r"esptool 5\.7\.0 .* written for 5\.6"):
        library_patches.trace_nothing(loader, "5.7.0")
    other = SimpleNamespace(print=print)
    with pytest.warns(RuntimeWarning, match=r"mpremote 1\.30\.0 .* written for 1\.29"):
        library_patches.silence_mpremote(other, "1.30.0")
    assert other.print is print


def test_a_telnet_stream_comes_in_pieces_however_it_is_cut() -> None:
    """Data with doubled IACs, negotiations and sub-negotiations come to the same, cut anywhere."""
    stream = (
        b"ab\xff\xffc\xff\xfb\x2c\xff\xff\xff\xfa\x2c\x6a\xff\xff\x01\xff\xf0\xff\xff\xff\xffz"
    )
    wanted = [b"ab\xffc", b"\xff", b"\xfb", b"\x2c", b"\xff", b"\xff", b"\xff", b"\xfa"]
    wanted += [b"\x2c\x6a\xff\x01", b"\xff", b"\xf0", b"\xff\xffz"]
    assert list(library_patches._pieces(stream)) == wanted
    commands = b"\xfb\x2c\xfa\xf0"
    for cut in range(1, len(stream)):
        found = [*library_patches._pieces(stream[:cut]), *library_patches._pieces(stream[cut:])]
        assert library_patches._thread.cut_off == b""
        mode, data, marks = 0, b"", b""
        for piece in found:  # as pyserial's reader thread goes through them
            if mode == 0 and piece == b"\xff":
                mode = 1
            elif mode == 0:
                data += piece
            elif piece == b"\xff":
                data, mode = data + piece, 0
            else:
                marks += piece
                mode = 1 if mode == 1 and piece == b"\xfb" else 0
        assert (data, marks) == (b"ab\xffc\xff\x2c\x6a\xff\x01\xff\xffz", commands), cut


def test_what_is_received_is_read_as_ever() -> None:
    """No more than is asked for, what is there when the time is up, and an end that is told once."""
    received = library_patches._Received()
    received.put(b"abc")
    received.put(None)
    port = SimpleNamespace(
        is_open=True, _timeout=0, _read_buffer=received, _thread=threading.current_thread()
    )
    assert received.qsize() == 4
    assert library_patches._read(port, 2) == b"ab"
    assert library_patches._read(port, 2) == b"c"
    assert library_patches._read(port, 2) == b""
    assert received.qsize() == 0
    port._thread = None
    with pytest.raises(serial.SerialException, match="reader thread died"):
        library_patches._read(port)
