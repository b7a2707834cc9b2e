"""The time server for virtual readers, as `startline virtual --time-port` runs it."""

from __future__ import annotations

import socket
import struct
import time

import pytest

from startline_host.errors import BadInput
from startline_host.virtual.time_server import TimeServer


def test_it_serves_this_computers_time_at_the_port_that_was_asked_for() -> None:
    """An SNTP request is answered with the time; a port that is taken is one sentence."""
    with TimeServer() as clock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        port = int(clock.server.rpartition(":")[2])
        with pytest.raises(BadInput, match=f"UDP port {port} cannot be used"):
            TimeServer(port)
        before = time.time()
        asking.sendto(b"\x23" + bytes(47), ("127.0.0.1", port))
        seconds, _ = struct.unpack(">II", asking.recv(256)[40:48])
        assert before - 1 <= seconds - 2_208_988_800 <= time.time()


def test_it_may_be_wrong_and_silent() -> None:
    """It is as many seconds off as it is told, and says nothing while it has none to tell."""
    with TimeServer() as clock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        port = int(clock.server.rpartition(":")[2])
        clock.offset = None
        asking.sendto(b"\x23" + bytes(47), ("127.0.0.1", port))
        asking.settimeout(0.2)
        with pytest.raises(TimeoutError):
            asking.recv(256)
        clock.offset = -172_800
        before = time.time()
        asking.sendto(b"\x23" + bytes(47), ("127.0.0.1", port))
        asking.settimeout(None)
        seconds, _ = struct.unpack(">II", asking.recv(256)[40:48])
        assert before - 1 <= seconds - 2_208_988_800 + 172_800 <= time.time()
