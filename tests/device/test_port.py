"""Opening ports: what is there, what is not, and what somebody else has."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from startline_host.device.port import open_port
from startline_host.device.port_lock import PortLock, canonical
from startline_host.device.ports import PortInfo, detect_port, process_holding
from startline_host.errors import BadInput, NoSuchPort


@pytest.fixture
def pty_pair() -> Iterator[tuple[int, str]]:
    """Open a raw pseudo-terminal: the master's descriptor and the other end's path."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def closed_tcp_port() -> int:
    """Find a TCP port of this computer on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_bytes_go_both_ways(pty_pair: tuple[int, str]) -> None:
    """An open port reads what comes and writes what it is given."""
    master, path = pty_pair
    with open_port(path) as port:
        os.write(master, b"from the device")
        assert port.read(5.0) == b"from the device"
        port.write(b"to the device")
        assert os.read(master, 100) == b"to the device"
        assert port.read(0.0) == b""
        assert not port.can_reset


def test_a_missing_port_is_named(tmp_path: Path) -> None:
    """A port that does not exist is said not to, with what there is instead."""
    with pytest.raises(NoSuchPort, match=r"There is no port .*ttyUSB9") as caught:
        open_port(str(tmp_path / "ttyUSB9"))
    assert caught.value.exit_code == 10
    assert "This computer has no serial port" in caught.value.hint or "There " in caught.value.hint


def test_a_file_is_no_port(tmp_path: Path) -> None:
    """A plain file, a folder, a pipe and a device are refused as ports."""
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "file", tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(NoSuchPort, match="is not a serial port"):
            open_port(str(path))


@pytest.mark.parametrize("kind", ["rfc2217", "socket"])
def test_a_server_that_is_not_there_is_named(kind: str, closed_tcp_port: int) -> None:
    """A URL on which nothing listens is a missing port, not a traceback."""
    with pytest.raises(NoSuchPort, match="Nothing serves a serial port"):
        open_port(f"{kind}://127.0.0.1:{closed_tcp_port}")


@pytest.mark.parametrize("url", ["socket://localhost", "rfc2217://:4000", "socket://host:x"])
def test_a_url_without_a_place_is_bad_input(url: str) -> None:
    """A server's URL names a host and its port, or nothing is looked for."""
    with pytest.raises(BadInput, match="does not name a host and its port"):
        open_port(url)


@pytest.mark.parametrize("url", ["ftp://host:1", "loop://", "alt:///dev/ttyUSB0", "spy://COM1"])
def test_other_kinds_of_url_are_refused(url: str) -> None:
    """Only kinds of URL that carry a device are taken."""
    with pytest.raises(BadInput, match="not a kind of port"):
        open_port(url)


def test_a_port_in_use_is_said_to_be(pty_pair: tuple[int, str]) -> None:
    """A second opening fails and says that the port is in use."""
    with open_port(pty_pair[1]), pytest.raises(NoSuchPort, match="is in use"):
        open_port(pty_pair[1])


def test_the_holder_of_a_device_file_is_named(pty_pair: tuple[int, str]) -> None:
    """Where the system lets one look, the process that holds a port is named."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not show who has a file open")
    code = "import sys; f = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, pty_pair[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        assert f"process {other.pid} (" in (process_holding(pty_pair[1]) or "")
        other.communicate()


def test_a_port_that_goes_away_is_said_to_have_gone() -> None:
    """A connection that ends is told as a port that has gone, for reading as for writing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = open_port(f"socket://127.0.0.1:{server.getsockname()[1]}")
        server.accept()[0].close()
        with port, pytest.raises(NoSuchPort, match="has gone"):
            port.read(5.0)


def test_a_lock_is_held_by_one_process_at_a_time() -> None:
    """Whoever comes second is told who has the port, whatever kind of port it is."""
    url = f"rfc2217://host-{os.getpid()}:1"
    with PortLock(url):
        with pytest.raises(NoSuchPort, match=rf"in use by process {os.getpid()} \("):
            PortLock(url).__enter__()
        with pytest.raises(NoSuchPort):
            PortLock(f"RFC2217://Host-{os.getpid()}:1?ign_set_control").__enter__()
    with PortLock(url):
        pass


def test_a_dead_process_holds_no_lock() -> None:
    """The lock of a process that was killed is free at once."""
    url = f"socket://host-{os.getpid()}:1"
    code = (
        "import sys; from startline_host.device.port_lock import PortLock\n"
        "lock = PortLock(sys.argv[1]).__enter__(); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(NoSuchPort, match=f"process {other.pid}"):
            PortLock(url).__enter__()
        other.kill()
        other.communicate()
    with PortLock(url):
        pass


def test_a_link_and_its_target_are_the_same_port(tmp_path: Path) -> None:
    """Names under /dev/serial/by-id lock the port that they point to."""
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    assert canonical(str(tmp_path / "by-id")) == canonical(str(tmp_path / "ttyUSB0"))


USB = (0x10C4, 0xEA60)


@pytest.mark.parametrize(
    ("there", "outcome"),
    [
        ([], "No port looks like a reader"),
        ([PortInfo("/dev/ttyS0", "on board")], "No port looks like a reader"),
        ([PortInfo("/dev/ttyUSB0", "", 1, 2)], "No port looks like a reader"),
        ([PortInfo("/dev/ttyUSB0", "", *USB), PortInfo("COM5", "", *USB)], "More than one port"),
    ],
)
def test_a_port_is_guessed_only_where_there_is_one(
    there: list[PortInfo], outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None or several that could be the reader end in a sentence, never in a guess."""
    monkeypatch.setattr("startline_host.device.ports.list_serial_ports", lambda: there)
    with pytest.raises(NoSuchPort, match=outcome):
        detect_port([USB])


def test_the_one_reader_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only port with a board's USB id is taken."""
    there = [PortInfo("/dev/ttyS0", "on board"), PortInfo("/dev/ttyUSB3", "CP2102", *USB)]
    monkeypatch.setattr("startline_host.device.ports.list_serial_ports", lambda: there)
    assert detect_port([USB]) == "/dev/ttyUSB3"
