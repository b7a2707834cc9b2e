"""The guarded stream by itself: its deadline, its errors, and where a body ends."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pytest_mock import MockerFixture
from startline.net import StepFailed
from startline.net.http_chunked import ChunkedBody
from startline.net.http_guard import GuardedTransport, exchange, stream_error

LIMIT = 5000


class VmError(OSError):
    """An OSError as MicroPython makes it: its one argument is its number."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args, *("",)[: len(args)])


@pytest.fixture(autouse=True)
def vm_errors(mocker: MockerFixture) -> None:
    """Let the agent raise and catch such errors."""
    mocker.patch("startline.net.http_guard.OSError", VmError, create=True)


class StreamClock:
    """A chip's time, which passes by being told to."""

    now = 1000

    def ms(self) -> int:
        """Return milliseconds."""
        return self.now

    def since(self, ms: int) -> int:
        """Return milliseconds since then."""
        return self.now - ms


class StreamSocket:
    """A socket that hands on `pieces`, each a millisecond later: bytes, or an error."""

    def __init__(self, clock: StreamClock, *pieces: bytes | OSError) -> None:
        self.clock = clock
        self.pieces = list(pieces)
        self.asked: list[int] = []
        self.sent = b""
        self.timeouts: list[float] = []
        self.closed = 0

    def settimeout(self, seconds: float) -> None:
        """Note how long the next call may take."""
        assert seconds > 0
        self.timeouts.append(seconds)

    def recv(self, count: int) -> bytes:
        """Return the next piece, or as much of it as is wanted."""
        self.asked.append(count)
        self.clock.now += 1
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, OSError):
            raise piece
        if piece[count:]:
            self.pieces.insert(0, piece[count:])
        return piece[:count]

    def write(self, data: bytes) -> int:
        """Take at most ten bytes."""
        self.sent += bytes(data[:10])
        return min(len(data), 10)

    def connect(self, address: object) -> None:
        """Connect."""

    def close(self) -> None:
        """Count closings."""
        self.closed += 1


def transport(*pieces: bytes | OSError) -> tuple[Any, StreamSocket]:
    """Return a transport whose connection stands, and its socket."""
    clock = StreamClock()
    one = StreamSocket(clock, *pieces)
    sockets = SimpleNamespace(socket=lambda *_: one)
    made = GuardedTransport(clock, sockets, [b"root"], LIMIT, lambda: None)
    made.socket()
    return made, one


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (VmError(errno.ETIMEDOUT), -errno.ETIMEDOUT),
        (VmError(1), -1),
        (VmError(0), -5),
        (VmError(-202), -5),
        (VmError("words"), -5),
        (VmError(), -5),
    ],
)
def test_the_number_of_an_error(error: OSError, answer: int) -> None:
    """A stream's errors are negative, whatever an error of a socket has for a number."""
    assert stream_error(error) == answer


def test_a_stream_asks_for_what_is_missing_and_no_more() -> None:
    """In pieces of at most 512 bytes, with what is left of the time, until all is there."""
    made, one = transport(b"a" * 512, b"b" * 80, b"c" * 8, b"d")
    data = bytearray(600)
    assert made.stream.readinto(data) == 600
    assert data == b"a" * 512 + b"b" * 80 + b"c" * 8
    assert one.asked == [512, 88, 8]
    assert one.timeouts == [LIMIT / 1000, (LIMIT - 1) / 1000, (LIMIT - 2) / 1000]
    assert made.stream.readinto(bytearray(0)) == 0
    assert one.asked == [512, 88, 8]


def test_a_stream_ends_where_its_socket_does() -> None:
    """At the end there is less; an error is one, also behind bytes that came."""
    assert transport(b"abc")[0].stream.readinto(bytearray(9)) == 3
    assert transport()[0].stream.readinto(bytearray(9)) == 0
    made, _ = transport(b"abc", VmError(errno.ECONNRESET))
    assert made.stream.readinto(bytearray(9)) == -errno.ECONNRESET


@pytest.mark.parametrize("left", [1, 0, -1])
def test_a_stream_has_its_deadline(left: int) -> None:
    """With a millisecond left the socket is asked, with none it is not, whichever way."""
    made, one = transport(b"abc")
    one.clock.now += LIMIT - left
    assert made.left() == left
    late = -errno.ETIMEDOUT
    assert made.stream.write(b"x" * 20) == (10 if left > 0 else late)
    assert made.stream.readinto(bytearray(3)) == (3 if left > 0 else late)
    if left <= 0:
        assert (one.asked, one.sent) == ([], b"")
        with pytest.raises(VmError, match=str(errno.ETIMEDOUT)):
            made.connect(("host", 1))


@pytest.mark.parametrize(
    ("done", "reason"),
    [(-errno.ETIMEDOUT, "timeout"), (None, "timeout"), (-5, "cut"), (11, "cut"), (-1, "cut"),
     (VmError(errno.ETIMEDOUT), "timeout"), (VmError(-0x7200), "cut")],
)  # fmt: skip
def test_what_a_transfer_may_come_to(done: int | OSError | None, reason: str) -> None:
    """What TLS returns or raises is a timeout, or a cut; up to all of it is what was done."""

    def call(_data: object) -> int | None:
        if isinstance(done, OSError):
            raise done
        return done

    made, _ = transport()
    with pytest.raises(StepFailed) as failed:
        made.transfer(call, bytearray(10))
    assert failed.value.args[:2] == ("answer", reason)
    assert [made.transfer(lambda _, n=n: n, bytearray(10)) for n in (0, 1, 10)] == [0, 1, 10]


def test_what_a_head_says_of_its_body_counts() -> None:
    """Once the request has gone out, the answer's length, date and pause are those of its head."""
    head = b"HTTP/1.1 429 No\r\nContent-Length: 5\r\nRetry-After: 7\r\nDate: Now\r\n\r\n"
    made, one = transport(head + b"abcdefgh")
    made.write(b"x" * 25)
    assert made.readline() == b"HTTP/1.0 429 -\r\n"
    assert (one.sent, made.length, made.retry_after, made.date) == (b"x" * 25, 5, b"7", b"now")
    data = bytearray(8)
    assert (made.fill(data), bytes(data[:5])) == (5, b"abcde")
    assert [made.readline(), made.readline()] == [b"\r\n", b""]


def test_a_body_of_a_known_length() -> None:
    """It is read to its length and no byte further; short of that it is cut."""
    made, one = transport(b"abcdefgh")
    made.length = 5
    data = bytearray(4)
    assert (made.fill(data), bytes(data)) == (4, b"abcd")
    assert (made.fill(data), bytes(data[:1])) == (1, b"e")
    assert made.fill(data) == 0
    assert one.pieces == [b"fgh"]
    short, _ = transport(b"abc")
    short.length = 5
    with pytest.raises(StepFailed, match="cut"):
        short.fill(data)


def test_a_body_to_the_end_of_the_stream() -> None:
    """Its end is asked for once: TLS would wait for another one."""
    made, one = transport(b"abcde")
    data = bytearray(4)
    assert [made.fill(data) for _ in range(3)] == [4, 1, 0]
    assert len(one.asked) == 3


def test_a_request_has_a_limit_and_one_connection() -> None:
    """4 KiB are sent at most, and a second connection is a redirect that nobody follows."""
    made, _ = transport()
    made.write(b"x" * 4000)
    made.write("é" * 48)
    with pytest.raises(StepFailed, match="too_long"):
        made.write(b"x")
    with pytest.raises(StepFailed, match="redirect"):
        made.socket()


def test_closing_closes_all_there_is() -> None:
    """Both ends, once each, whatever one of them says; and without any connection nothing."""
    made, one = transport()
    closed = []

    def fail() -> None:
        closed.append(1)
        raise ValueError

    made.stream = SimpleNamespace(close=fail)
    made.close()
    assert (closed, one.closed) == ([1], 1)
    GuardedTransport(StreamClock(), None, [], LIMIT, None).close()


@pytest.mark.parametrize("attribute", ["socket", "usocket"])
@pytest.mark.parametrize("error", [None, KeyError("secret"), StepFailed("dns", "x")])
def test_nothing_stays_replaced(
    mocker: MockerFixture, attribute: str, error: Exception | None
) -> None:
    """`requests` has its own sockets again, and so has `tls`, however the exchange ended."""
    tls, requests, before = ModuleType("tls"), ModuleType("requests"), ModuleType("socket")

    def request(method: str, url: str, data: bytes, headers: dict[str, str]) -> Any:
        assert (method, url, data) == ("POST", "https://cloud:8443/v0/devices", b"{}")
        assert headers == {"Accept-Encoding": "identity", "Host": "cloud:8443"}
        assert getattr(requests, attribute) is sys.modules["tls"] is made
        assert made.tls is tls
        if error:
            raise error
        return SimpleNamespace(status_code=201)

    setattr(requests, attribute, before)
    requests.request = request  # type: ignore[attr-defined]
    mocker.patch.dict(sys.modules, {"tls": tls, "requests": requests})
    made, one = transport()
    read: Callable[[Any], str] = lambda fill: "read" if fill == made.fill else ""  # noqa: E731
    url = "https://cloud:8443/v0/devices"
    if error:
        with pytest.raises(StepFailed) as failed:
            exchange(made, "POST", url, {}, b"{}", read)
        assert "secret" not in str(failed.value)
    else:
        assert exchange(made, "POST", url, {}, b"{}", read) == (201, "read")
    assert getattr(requests, attribute) is before
    assert sys.modules["tls"] is tls
    assert one.closed > 0


def test_a_context_trusts_every_root_and_loads_it_once() -> None:
    """Each CA is loaded, verification is on, and the next exchange has the same context."""
    context = SimpleNamespace(verify_mode=0, loaded=[])
    context.load_verify_locations = context.loaded.append
    made, _ = transport()
    made.tls = SimpleNamespace(CERT_REQUIRED=2)
    made.roots[:] = [context, b"one", b"two"]
    assert made.context() is made.context() is context
    assert (context.verify_mode, context.loaded) == (2, [b"one", b"two"])
    assert made.roots == [context]


def test_a_root_that_is_none_stays_one_that_is_not_trusted() -> None:
    """What cannot be loaded fails each attempt, and what could be is not loaded once more."""
    loaded: list[bytes] = []

    def load(root: bytes) -> None:
        if root == b"none":
            raise ValueError
        loaded.append(root)

    made, _ = transport()
    made.tls = SimpleNamespace(CERT_REQUIRED=2)
    made.roots[:] = [SimpleNamespace(load_verify_locations=load), b"one", b"none"]
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            made.context()
    assert loaded == [b"one"]


@pytest.mark.parametrize(
    ("raw", "body", "end"),
    [
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc", 0),
        (b"1\r\na\r\n002;x=y\r\nbc\r\n0\r\n\r\n", b"abc", 0),
        (b"\r\n3\nabc\n0\n\n", b"abc", 0),
        (b"3\r\nab", b"", -5),
        (b"3\r\nabc\r\nx\r\n", b"", -5),
        (b"3\r\nabc", b"", -5),
        (b"-3\r\nabc\r\n0\r\n", b"", -5),
        (b"3" + b" " * 200 + b"\r\nabc\r\n0\r\n", b"", -5),
        (b"\r\n" * 99 + b"3\nabc\r\n0\r\n\r\n", b"abc", 0),
    ],
)
def test_the_chunks_of_a_body(raw: bytes, body: bytes, end: int) -> None:
    """They are joined up to the last one, behind which nothing is asked; other things are errors."""
    made, _ = transport(raw)
    chunks = ChunkedBody(made.stream)
    data = bytearray(10)
    got = chunks.readinto(data)
    assert got == (len(body) if end == 0 else end)
    if end == 0:
        assert bytes(data[:got]) == body
        assert chunks.readinto(data) == 0
