"""The live port, read by a host that others wrote: metarace's client for RACE RESULT decoders."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from metarace.decoder import rrs
from pytest_mock import MockerFixture

from startline_host.bench.station import BenchDevice, BenchStation
from startline_host.mock_cloud import MockCloud
from startline_host.util import Deadline
from startline_host.virtual.time_server import TimeServer
from tests.examples.test_reader_app import race_is

pytestmark = pytest.mark.startline(app="vm", given={"run_key": "same"})
COUNT = 1000
BUTTON, PRESSED = "0", 0
SECONDS = 120.0


@pytest.fixture
def port() -> int:
    """Return a TCP port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def reader(startline_device: BenchDevice, port: int) -> Iterator[BenchDevice]:
    """Give a reader that is bound and at its app, with a live port."""
    with TimeServer() as clock:
        startline_device.provision(race_servers=(clock.server,), race_port=port)
        startline_device.boot()
        yield startline_device


class DecoderHost:
    """metarace's own decoder thread; `seen` are the times that it was given, in order."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.decoder = rrs.rrs()
        self.decoder.setcb(self.seen.append)
        self.decoder.start()

    def connect(self) -> None:
        """Connect, anew where it was connected before."""
        self.decoder.setport("127.0.0.1")

    def start_again(self) -> None:
        """Go on with what it knew: its thread ends where the other end closes (2.1.35)."""
        before = self.decoder
        before.exit()
        before.join(SECONDS)
        self.decoder = rrs.rrs()
        self.decoder._curfile, self.decoder._lastpassing = before._curfile, before._lastpassing
        self.decoder.setcb(self.seen.append)
        self.decoder.start()
        self.connect()

    @property
    def chips(self) -> list[str]:
        """What the passings that it was given are called."""
        return [one.refid for one in self.seen]


@pytest.fixture
def host(mocker: MockerFixture, port: int) -> Iterator[DecoderHost]:
    """Run the client, at the reader's port in place of 3601."""
    mocker.patch.object(rrs, "_RRS_TCP_PORT", port)
    one = DecoderHost()
    yield one
    one.decoder.exit()
    one.decoder.join(10)


def until(device: BenchDevice, host: DecoderHost, count: int) -> None:
    """Have the reader go on until the client has so many passings."""
    deadline = Deadline(SECONDS)
    while len(host.seen) < count:
        assert not deadline.expired, (len(host.seen), host.decoder.connected())
        device.reader.settle(0.2)


def is_closed(client: socket.socket) -> bool:
    """Wait for the reader to close a connection."""
    client.settimeout(SECONDS)
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_a_host_that_others_wrote_gets_every_passing(
    reader: BenchDevice, startline_station: BenchStation, startline_cloud: MockCloud, host: DecoderHost,
    port: int,
) -> None:  # fmt: skip
    """1,000 of 1,000, in order, across a reconnect and a power cut, beside clients that misbehave."""
    race_is(reader, clock="ntp", sending="open")
    host.connect()
    deadline = Deadline(SECONDS)
    while host.decoder._curfile is None:  # it has not asked how many there are yet
        assert not deadline.expired
        reader.reader.settle(0.2)
    startline_station.set_world(pins={BUTTON: PRESSED})
    until(reader, host, 200)
    host.connect()
    address = "127.0.0.1", port
    with socket.create_connection(address) as silent:
        silent.sendall(b"SETPUSHPASSINGS;1;0\r\n")  # and reads nothing
        for junk in (b"x" * 200, b"\x16\x03\x01\x02\x00\x01"):
            with socket.create_connection(address) as client:
                client.sendall(junk)
                until(reader, host, 400)
                assert is_closed(client)
        reader.boot()  # the power goes in the middle, and comes back
        assert is_closed(silent) or silent.recv(1)
    race_is(reader, clock="ntp")
    host.start_again()
    until(reader, host, COUNT)
    race_is(reader, stored=COUNT, waiting=0)
    numbers = [str(number) for number in range(1, COUNT + 1)]
    assert host.chips == numbers
    assert {one.source for one in host.seen} == {"READER-1"}
    with socket.create_connection(address) as client, client.makefile() as lines:
        client.settimeout(SECONDS)
        client.sendall(b"PASSINGS\r\n1:1000\r\n")
        assert lines.readline() == "PASSINGS;1000;1\n"
        rows = [line.split(";") for line in iter(lines.readline, "\n")]
        assert [row[0] for row in rows] == [row[1] for row in rows] == numbers
    there = startline_cloud.store.rows("SELECT timestamp FROM passings ORDER BY num_passing")
    assert [f"{row[2]}T{row[3]}Z" for row in rows] == [one["timestamp"] for one in there]
    held = [socket.create_connection(address) for _ in range(3)]  # and metarace's own
    with socket.create_connection(address) as one_too_many:
        assert is_closed(one_too_many)
    for one in held:
        one.close()
