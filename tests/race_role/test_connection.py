"""The kept connection by itself: what it sends, where an answer ends, and when it is given up."""

from __future__ import annotations

import errno
import io
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_mock import MockerFixture
from startline.net import StepFailed
from startline_online.connection import Connection, HeldStream

LIMIT_MS = 15_000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Clock:
    """A chip's time, which passes by being told to."""

    now = 1000

    def ms(self) -> int:
        """Return milliseconds."""
        return self.now

    def since(self, ms: int) -> int:
        """Return milliseconds since then."""
        return self.now - ms


class LineSocket:
    """A socket that never blocks: it hands on `pieces`, which are bytes, an error, or None for not yet."""

    def __init__(self, *pieces: bytes | OSError | None) -> None:
        self.pieces = list(pieces)
        self.sent = b""
        self.takes = 1 << 20
        self.refuses: OSError | None = None
        self.closed = 0
        self.address: object = None

    def setblocking(self, blocking: bool) -> None:
        """Take it."""
        assert not blocking

    def connect(self, address: object) -> None:
        """Connect, or say that it takes a while."""
        self.address = address
        if self.refuses:
            raise self.refuses

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        self.sent += bytes(data[: self.takes])
        return min(len(data), self.takes)

    def readinto(self, data: memoryview) -> int:
        """Hand on the next piece, as far as there is room. Raises OSError."""
        piece = self.pieces.pop(0) if self.pieces else None
        if piece is None:
            raise OSError(errno.EAGAIN, "")
        if isinstance(piece, OSError):
            raise piece
        if piece[len(data) :]:
            self.pieces.insert(0, piece[len(data) :])
        done = piece[: len(data)]
        data[: len(done)] = done
        return len(done)

    def close(self) -> None:
        """Count closings."""
        self.closed += 1


class ServerLine:
    """A connection, its clock, and the sockets that it gets one after the other."""

    def __init__(self, *sockets: LineSocket, url: str = "http://cloud:8080/v0") -> None:
        self.clock = Clock()
        self.left = list(sockets)
        self.asked: list[tuple[object, ...]] = []
        network = SimpleNamespace(sockets=self)
        self.connection: Any = Connection(self.clock, network, [b"root"], url)

    def getaddrinfo(self, *where: object) -> list[tuple[object, ...]]:
        """Resolve a name."""
        self.asked.append(where)
        return [(2, 1, 0, "", where)]

    def socket(self) -> LineSocket:
        """Make a socket."""
        return self.left.pop(0)

    def ask(self, *pieces: bytes, before: Any = None, step_ms: int = 1) -> tuple[Any, bytes]:
        """Make an exchange; return what it comes to, and the body. Each wait takes so long."""
        body = bytearray()
        steps: Generator[int, None, Any] = self.connection.exchange(
            ("POST", "/passings"), {"k": "v"}, sum(map(len, pieces)), pieces, before, body.extend
        )
        while True:
            try:
                next(steps)
                self.clock.now += step_ms
            except StopIteration as end:
                return end.value, bytes(body)


@pytest.fixture(autouse=True)
def ready(mocker: MockerFixture) -> None:
    """Have every socket stand at once."""
    poller = SimpleNamespace(register=lambda *_: None, poll=lambda _ms: [1])
    mocker.patch("select.poll", return_value=poller)


def failure(line: ServerLine, **more: Any) -> tuple[str, str]:
    """Return step and reason of an exchange that fails; the connection is closed then."""
    with pytest.raises(StepFailed) as failed:
        line.ask(b"abc", **more)
    assert line.connection.stream is line.connection.wire is None
    return failed.value.args[:2]


def test_what_goes_out() -> None:
    """Head and body in pieces, to the host and port of the base URL, and `before` just before it."""
    one = LineSocket(OK)
    one.takes = 7
    line = ServerLine(one)
    sent: list[bytes] = []
    answer = line.ask(b"ab", b"", b"cde", before=lambda: sent.append(one.sent))
    assert answer == ((200, b""), b"{}")
    assert one.sent == (
        b"POST /v0/passings HTTP/1.1\r\nHost: cloud:8080\r\nk: v\r\nContent-Length: 5\r\n\r\nabcde"
    )
    assert sent == [b""]
    assert line.connection.spoke
    assert line.asked == [("cloud", 8080)]


@pytest.mark.parametrize(("url", "port"), [("http://cloud", 80), ("https://cloud/v0", 443)])
def test_the_port_of_a_scheme(mocker: MockerFixture, url: str, port: int) -> None:
    """Without a port in the base URL it is that of its scheme."""
    tls = SimpleNamespace(
        PROTOCOL_TLS_CLIENT=0, SSLContext=mocker.Mock(side_effect=OSError(errno.EIO, ""))
    )
    mocker.patch.dict("sys.modules", tls=tls)
    line = ServerLine(LineSocket(OSError(errno.ECONNRESET, "")), url=url)
    failure(line)
    assert line.asked == [("cloud", port)]


def test_a_connection_is_kept() -> None:
    """The next exchange goes over the same one, as long as nothing has come on it meanwhile.

    A request without a body says nothing of its length.
    """
    one = LineSocket(OK, None, OK, None, None)
    line = ServerLine(one)
    assert [line.ask()[0] for _ in range(2)] == [(200, b"")] * 2
    assert one.sent == b"POST /v0/passings HTTP/1.1\r\nHost: cloud:8080\r\nk: v\r\n\r\n" * 2
    assert line.asked == [("cloud", 8080)]
    assert line.connection.stream


@pytest.mark.parametrize(
    "pieces",
    [(OK + OK,), (OK, OK), (OK, b""), (OK, OSError(errno.ECONNRESET, ""))],
    ids=["two answers in one", "another behind it", "closed", "reset"],
)
def test_a_connection_that_is_no_longer_good(pieces: tuple[bytes | OSError, ...]) -> None:
    """What was said too much on it, or that it ended, is no answer to what is asked next."""
    first, second = (
        LineSocket(*pieces),
        LineSocket(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
    )
    line = ServerLine(first, second)
    assert line.ask()[0] == (200, b"")
    assert line.ask() == ((404, b""), b"")
    assert first.closed
    assert second.sent.startswith(b"POST")


def test_a_kept_tls_stream_that_was_reset(mocker: MockerFixture) -> None:
    """TLS raises what a bare socket's stream says: the next request goes over a new connection."""
    second = LineSocket(OK)
    line = ServerLine(LineSocket(OK, None), second)
    line.ask()
    reset = OSError(errno.ECONNRESET, "")
    stream = line.connection.stream = mocker.Mock(readinto=mocker.Mock(side_effect=reset))
    assert line.ask() == ((200, b""), b"{}")
    assert second.sent.startswith(b"POST")
    stream.close.assert_called_once_with()


@pytest.mark.parametrize(
    ("said", "status", "body", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: Close\r\n\r\nabc", 200, b"abc", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc", False),
        (b"HTTP/1.1 204 No\r\n\r\n", 204, b"", True),
        (b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
        (b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, b"x", True),
        ((b"HTTP/1.1 100 Go\r\nContent-Length: 0\r\n\r\njunk\r\n\r\nHTTP/1.1 200 OK\r\n"
         b"Content-Length: 1\r\n\r\nx"), 200, b"x", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n",
         200, b"abc", True),
        (b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\nTrailer: x\n\n", 200, b"abc", True),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n folded\r\nContent-Length:\r\n 3\r\n\r\nabc", 200, b"abc", True),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 5000 + b"\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc",
         True),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"Content-Length: 3\r\n\r\nabc", 200, b"abc",
         True),
    ],
)  # fmt: skip
def test_where_an_answer_ends(said: bytes, status: int, body: bytes, *, kept: bool) -> None:
    """In pieces of any size, it is read to its end and no further."""
    for size in (1, 7, 600):
        pieces = [said[at : at + size] for at in range(0, len(said), size)]
        line = ServerLine(LineSocket(*pieces, None))
        assert line.ask() == ((status, b""), body)
        assert bool(line.connection.stream) is kept


def test_an_answer_to_the_end_of_the_stream() -> None:
    """Without a length its end is that of the connection, or 256 KiB, and it is closed then."""
    line = ServerLine(LineSocket(b"HTTP/1.1 200 OK\r\nRetry-After: 7\r\n\r\nab", None, b"c", b""))
    assert line.ask() == ((200, b"7"), b"abc")
    assert line.connection.stream is None
    line = ServerLine(LineSocket(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000))
    assert line.ask() == ((200, b""), b"x" * (1 << 18))
    assert line.connection.stream is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"junk\r\n\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "cut"),
        (b"HTTP/1.1 200 OK\r\nContent-", "cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n", "too_long"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "cut"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 60000, "too_long"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"Z: z\r\n" * 60000, "too_long"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000, "too_long"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2000 + b"\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\n" + b"Content-Type: y\r\n" * 200 + b"\r\n", "garbage"),
        (b"HTTP/1.1 100 Go\r\n\r\n" * 200, "garbage"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none(said: bytes, reason: str) -> None:
    """What is cut, has no form, or no end within bounds, is named, and the connection given up."""
    assert failure(ServerLine(LineSocket(said, b""))) == ("answer", reason)


def test_an_exchange_has_its_deadline() -> None:
    """Fifteen seconds after its start it is given up, whether nothing comes or bytes that never end."""
    began = Clock.now
    for socket in (LineSocket(), LineSocket(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 9000)):
        line = ServerLine(socket)
        assert failure(line, step_ms=5) == ("answer", "timeout")
        assert LIMIT_MS < line.clock.now - began <= LIMIT_MS + 10
    line = ServerLine(LineSocket(*[None] * 2990, OK))
    assert line.ask(step_ms=5)[0] == (200, b"")


def test_a_socket_that_takes_nothing_is_waited_for() -> None:
    """Until the deadline, and without holding anybody."""
    one = LineSocket()
    one.takes = 0
    assert failure(ServerLine(one), step_ms=5) == ("answer", "timeout")


@pytest.mark.parametrize("number", [115, 119])
def test_a_connection_that_takes_a_while(number: int) -> None:
    """That it is under way is no failure."""
    one = LineSocket(OK)
    one.refuses = OSError(number, "")
    line = ServerLine(one)
    assert line.ask()[0] == (200, b"")
    assert one.address == ("cloud", 8080)


def test_a_connection_that_is_refused() -> None:
    """It failed while connecting, and nothing was said."""
    one = LineSocket()
    one.refuses = OSError(errno.ECONNREFUSED, "")
    line = ServerLine(one)
    assert failure(line)[0] == "connect"
    assert not line.connection.spoke
    assert one.closed


def test_an_error_while_it_is_answered() -> None:
    """It may have arrived, which `spoke` tells."""
    line = ServerLine(LineSocket(OSError(errno.ECONNRESET, "")))
    assert failure(line)[0] == "answer"
    assert line.connection.spoke


def test_nothing_of_the_request_goes_out_before_it_is_time() -> None:
    """Records of the handshake pass, in whatever pieces; the first one of data is held back."""
    one = LineSocket()
    one.takes = 4
    stream: Any = HeldStream(one)
    hello = b"\x16\x03\x01\x00\x05hello"
    left = hello
    while left:
        left = left[stream.write(left) :]
    assert one.sent == hello
    assert not stream.held
    data = b"\x17\x03\x03\x00\x02hi"
    assert [stream.write(data), stream.write(data)] == [None, None]
    assert stream.held
    assert one.sent == hello
    stream.free = True
    assert stream.write(data) == 4
    assert stream.ioctl(4, 0) == 0


def test_records_of_the_handshake_in_one_piece() -> None:
    """However many of them are written at once, the first one of data behind them is held back."""
    one = LineSocket()
    stream: Any = HeldStream(one)
    hello = b"\x16\x03\x01\x00\x05hello"
    assert stream.write(hello * 3) == 30
    assert stream.write(b"\x17\x03\x03\x00\x02hi") is None
    assert stream.held
    assert one.sent == hello * 3


@pytest.mark.parametrize(
    ("piece", "answer"),
    [(None, None), (OSError(errno.ECONNRESET, ""), -errno.ECONNRESET), (b"abc", 3), (b"", 0)],
)
def test_what_a_stream_says(piece: bytes | OSError | None, answer: int | None) -> None:
    """None for nothing yet, a negative number for an error, else how much there is."""
    assert HeldStream(LineSocket(piece)).readinto(memoryview(bytearray(8))) == answer


def test_the_number_of_an_alert() -> None:
    """The body of an alert, which TLS reads by itself, is kept; whatever else comes is not."""
    stream: Any = HeldStream(LineSocket(b"\2\x28", b"\2\x30", b"\2\x2a\0"))
    buffer = memoryview(bytearray(8))
    assert stream.readinto(buffer) == 2
    assert not hasattr(stream, "alert")
    assert stream.readinto(buffer[:2]) == 2
    assert stream.alert == 0x30
    assert stream.readinto(buffer[:3]) == 3
    assert stream.alert == 0x30


def test_a_link_that_is_no_socket_of_the_system() -> None:
    """The cable's one connects at once, and says None for what is not there yet."""
    told: list[object] = []
    sent: list[bytes] = []
    answer = io.BytesIO(OK)
    pieces = iter([None, 3, None, len(OK)])

    def write(data: bytes) -> int:
        sent.append(bytes(data))
        return len(data)

    def readinto(data: memoryview) -> int | None:
        count = next(pieces)
        return None if count is None else answer.readinto(data[:count])

    cable = SimpleNamespace(
        setblocking=told.append, connect=lambda _: None, close=lambda: None,
        readinto=readinto, write=write,
    )  # fmt: skip
    line = ServerLine(cable)  # type: ignore[arg-type]
    assert line.ask()[0] == (200, b"")
    assert told == [False]
    assert b"".join(sent).startswith(b"POST ")
