"""The fault proxy, before a plain echo server: every byte is accounted for."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest

from startline_host.local_web import listen_socket
from startline_host.mock_cloud import FaultProxy, proxy_relay
from startline_host.mock_cloud.proxy_faults import PROXY_ROWS

from .conftest import SEED_ID, Client, Start

TEXT = bytes(range(256)) * 8


class Echo:
    """Sends everything back, and keeps what it got; half-closes when its client does."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got = b""
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        """Serve one connection after another until the listener closes."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                while piece := connection.recv(65536):
                    self.got += piece
                    connection.sendall(piece)

    def close(self) -> None:
        """End the thread."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)


Proxy = Callable[..., FaultProxy]


@pytest.fixture
def echo() -> Iterator[Echo]:
    """Run an echo server."""
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    """Start proxies before the echo server."""
    with ExitStack() as stack:
        yield lambda *faults, seed=0: stack.enter_context(
            FaultProxy(echo.port, faults=faults, seed=seed)
        )


def exchange(port: int, text: bytes = TEXT) -> bytes | str:
    """Send a text, end one's own direction, and return what came back, or how it ended."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(text)
            with suppress(OSError):  # the other side may be gone already
                client.shutdown(socket.SHUT_WR)
            got = b""
            while piece := client.recv(65536):
                got += piece
            return got
    except ConnectionRefusedError:
        return "refused"
    except (ConnectionResetError, BrokenPipeError):
        return "reset"


def test_without_faults_everything_comes_through(proxy: Proxy, echo: Echo) -> None:
    """Bytes pass both ways unchanged and are counted."""
    front = proxy()
    assert exchange(front.port) == TEXT
    (record,) = front.connections
    assert (record.up, record.down, echo.got) == (len(TEXT), len(TEXT), TEXT)


@pytest.mark.parametrize(
    ("order", "got", "arrived"),
    [
        ("cut_up:100", None, 100),
        ("cut_up:0", b"", 0),
        ("cut_down:100", TEXT[:100], None),
        ("cut_down:0", b"", None),
        ("half_close_up:100", TEXT[:100], 100),
        ("half_close_down:100", TEXT[:100], None),
        ("delay:1", TEXT, len(TEXT)),
        ("jitter:1", TEXT, len(TEXT)),
        ("drip_up:100000", TEXT, len(TEXT)),
        ("drip_down:100000", TEXT, len(TEXT)),
        ("chop:3", TEXT, len(TEXT)),
    ],
)
def test_a_fault_lets_just_so_much_through(
    proxy: Proxy, echo: Echo, order: str, got: bytes | None, arrived: int | None
) -> None:
    """Each fault passes on the bytes that its row says, to the last one, and changes none."""
    front = proxy(order)
    answer = exchange(front.port)
    if got == b"":
        assert answer in (b"", "reset")  # which, hangs on what was still on its way
    elif got is not None:
        assert answer == got
    if arrived is not None:
        assert front.connections[0].up == arrived
        assert TEXT.startswith(echo.got)


@pytest.mark.parametrize("order", ["reset", "reset_up:0", "reset_up:100", "reset_down:50"])
def test_a_reset_is_a_reset(proxy: Proxy, order: str) -> None:
    """The client sees a reset, and not an orderly end."""
    assert exchange(proxy(order).port) == "reset"


def test_a_refused_connection_is_refused_and_the_port_is_kept(proxy: Proxy) -> None:
    """The port refuses while the fault is on, and accepts again after it."""
    front = proxy("refuse")
    assert exchange(front.port) == "refused"
    front.turn_off("refuse")
    assert exchange(front.port) == TEXT
    front.turn_on("refuse")
    assert exchange(front.port) == "refused"
    front.clear()
    assert exchange(front.port) == TEXT


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a port twice")
def test_nobody_else_gets_the_port_meanwhile(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for the port to come free, just when it is taken again, waits in vain."""
    front = proxy()
    tries = []

    def bind_second(host: str, port: int) -> list[socket.socket]:
        with socket.socket() as thief, pytest.raises(OSError, match="in use"):
            thief.bind(("127.0.0.1", port))
        tries.append(port)
        return listen_socket.bind(host, port)

    monkeypatch.setattr("startline_host.mock_cloud.proxy.bind", bind_second)
    front.turn_on("refuse")
    front.turn_off("refuse")
    assert tries == [front.port]
    assert exchange(front.port) == TEXT


def test_accepted_and_stalled(proxy: Proxy, echo: Echo) -> None:
    """The connection is made, and nothing comes through either way."""
    front = proxy("accept_stall")
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as client:
        client.sendall(TEXT)
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)
    assert echo.got == b""


@pytest.mark.parametrize("direction", ["up", "down"])
def test_corruption_flips_one_bit_in_so_many_bytes(
    proxy: Proxy, echo: Echo, direction: str
) -> None:
    """Every stretch of bytes has exactly one bit changed, and a seed changes the same ones."""
    answers = []
    for seed in (1, 1, 2):
        echo.got = b""
        answers.append(exchange(proxy(f"corrupt_{direction}:256", seed=seed).port))
    assert answers[0] == answers[1] != answers[2]
    got = answers[0]
    assert isinstance(got, bytes)
    for start in range(0, len(TEXT), 256):
        pairs = zip(got[start : start + 256], TEXT[start : start + 256], strict=True)
        assert sum((one ^ other).bit_count() for one, other in pairs) == 1


def test_faults_act_together(proxy: Proxy) -> None:
    """Several faults on one connection all apply."""
    assert exchange(proxy("chop:5", "delay:1", "cut_down:333").port) == TEXT[:333]


def test_a_counted_fault_is_for_so_many_connections(proxy: Proxy) -> None:
    """Ordered twice, it meets two connections, and the third is left alone."""
    front = proxy("cut_down:10x2")
    assert [exchange(front.port) for _ in range(3)] == [TEXT[:10], TEXT[:10], TEXT]
    assert front.active == []


def test_open_connections_can_be_cut(proxy: Proxy) -> None:
    """Everything that is open can be closed at once, and new connections work."""
    front = proxy()
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        front.cut_all()
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
    assert exchange(front.port) == TEXT


def test_a_cloud_that_is_away_ends_the_connection() -> None:
    """With nobody behind the proxy, connections are made and end."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with FaultProxy(port) as front:
        assert exchange(front.port) in {b"", "reset"}


def test_a_silent_client_of_a_closed_cloud_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the cloud has closed, a client that says nothing does not keep its place for ever."""
    monkeypatch.setattr(proxy_relay, "_GRACE_SECONDS", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        FaultProxy(listener.getsockname()[1]) as front,
        socket.create_connection(("127.0.0.1", front.port), timeout=10) as client,
    ):
        listener.accept()[0].close()
        assert client.recv(1) == b""
        deadline = time.monotonic() + 10
        while not front.connections[0].ended and time.monotonic() < deadline:
            time.sleep(0.01)
        assert front.connections[0].ended


def test_every_row_of_the_table_is_played_in_this_file() -> None:
    """No fault of the proxy stands in the table without a test."""
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123
        text = file.read().replace("corrupt_{direction}", "corrupt_up corrupt_down")
    assert [name for name in PROXY_ROWS if name not in text] == []


def test_the_cloud_behind_its_proxy(start: Start, connect: Callable[..., Client]) -> None:
    """A proxied cloud serves TLS through the proxy, and a cut inside the answer commits."""
    cloud = start(proxied=True)
    assert connect(cloud).bind("R0")
    reached = cloud.proxy.connections[0].down  # type: ignore[union-attr]
    cloud.faults.turn_on(f"cut_down:{reached - 60}x1")
    with pytest.raises(httpx.TransportError):
        connect(cloud).call(
            "POST", "/devices", json={"model": "Model X1", "serial_number": "DEVICE-123"}
        )
    cloud.wait_for_request("POST", count=2)
    assert [one["deviceid"] for one in cloud.devices()][1:] == [SEED_ID]
    cloud.faults.turn_on("cut_up:300x1")
    with pytest.raises(httpx.TransportError):
        connect(cloud).bind("R2")
    assert len(cloud.requests) == 2
