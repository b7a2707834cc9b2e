"""The host's end of the link over the cable: frames, and nobody dialled but the provisioned host."""

from __future__ import annotations

import base64
import socket
import threading
from binascii import crc32
from collections.abc import Iterator

import pytest

from startline_host.device.port import Port
from startline_host.flows.usb_link import MOST_DOWN, UsbFrameSplitter, UsbLinkServer, encode


class Cable(Port):
    """A port that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__("socket://nowhere:1", None)
        self.written = b""
        self._news = threading.Condition()

    def write(self, data: bytes) -> None:
        """Keep the bytes."""
        with self._news:
            self.written += data
            self._news.notify_all()

    def answer(self, count: int = 1) -> str:
        """Return kind and payload of the frame with that number, once it is there."""
        with self._news:
            assert self._news.wait_for(lambda: self.written.count(b"!") >= count, 10)
            frame = self.written.split(b"!")[count - 1]
        body, _, crc = frame[1:].partition(b"*")
        assert int(crc, 16) == crc32(body)
        assert len(frame) + 1 <= 128
        assert all(0x20 <= byte < 0x7F for byte in frame)
        return body[2:].decode()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Listen on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        yield listening


@pytest.fixture
def link(server: socket.socket) -> Iterator[tuple[UsbLinkServer, Cable, str]]:
    """Serve a link to that server, and name its place."""
    cable = Cable()
    where = f"127.0.0.1:{server.getsockname()[1]}"
    with UsbLinkServer(cable, f"https://{where}/v0") as serving:
        yield serving, cable, where


def open_link(serving: UsbLinkServer, cable: Cable, where: str) -> None:
    """Have the host dial, as a reader's first question."""
    serving.feed(encode("01", "O", where))
    assert cable.answer(1) == "A"


def test_data_go_both_ways(server: socket.socket, link: tuple[UsbLinkServer, Cable, str]) -> None:
    """Open, send, receive: each question gets one answer, and the bytes arrive."""
    serving, cable, where = link
    open_link(serving, cable, where)
    peer, _ = server.accept()
    with peer:
        serving.feed(encode("01", "S", base64.b64encode(bytes(range(256))).decode()))
        assert cable.answer(2) == "A"
        assert peer.recv(1000) == bytes(range(256))
        peer.sendall(b"x" * 500)
        serving.feed(encode("01", "R", "400"))
        data = cable.answer(3)
        assert data[0] == "D"
        assert 1 <= len(base64.b64decode(data[1:])) <= MOST_DOWN


def test_what_is_there_by_now_is_asked_for_without_waiting(
    server: socket.socket, link: tuple[UsbLinkServer, Cable, str]
) -> None:
    """Nothing yet is an answer at once, then come the bytes, then the end."""
    serving, cable, where = link
    open_link(serving, cable, where)
    peer, _ = server.accept()
    serving.feed(encode("01", "N", "40"))
    assert cable.answer(2) == "A"
    with peer:
        peer.sendall(b"now")
    serving.feed(encode("01", "R", "40"))
    assert base64.b64decode(cable.answer(3)[1:]) == b"now"
    serving.feed(encode("01", "R", "40"))
    assert cable.answer(4) == "C"


def test_frames_of_others_are_left_to_them(
    server: socket.socket, link: tuple[UsbLinkServer, Cable, str]
) -> None:
    """An answer of another role comes through whole, whatever number it has, and ends no connection."""
    serving, cable, where = link
    open_link(serving, cable, where)
    peer, _ = server.accept()
    for number in ("01", "07"):
        frame = encode(number, "Z", "0:eA==")
        assert serving.feed(b"a line\n" + frame) == b"a line\n" + frame
    with peer:
        serving.feed(encode("01", "S", base64.b64encode(b"on").decode()))
        assert cable.answer(2) == "A"
        assert peer.recv(10) == b"on"


def test_the_end_of_the_connection_is_told(
    server: socket.socket, link: tuple[UsbLinkServer, Cable, str]
) -> None:
    """When the peer has closed, asking for bytes is answered with its end."""
    serving, cable, where = link
    open_link(serving, cable, where)
    server.accept()[0].close()
    serving.feed(encode("01", "R", "10"))
    assert cable.answer(2) == "C"


@pytest.mark.parametrize("where", ["127.0.0.1:1", "example.com:443", "localhost", ""])
def test_nobody_else_is_dialled(link: tuple[UsbLinkServer, Cable, str], where: str) -> None:
    """Another host or port than the provisioned one is denied, without a connection."""
    serving, cable, _ = link
    serving.feed(encode("01", "O", where))
    assert cable.answer(1) == "Edenied"


def test_the_provisioned_host_may_be_spelt_in_capitals(server: socket.socket) -> None:
    """A host name means the same in either case, as the settings and the reader may spell it."""
    cable, where = Cable(), f"LocalHost:{server.getsockname()[1]}"
    with UsbLinkServer(cable, f"https://{where}/v0") as serving:
        serving.feed(encode("01", "O", where))
        assert cable.answer(1) == "A"


def test_a_reader_that_begins_anew_leaves_no_connection_behind(
    server: socket.socket, link: tuple[UsbLinkServer, Cable, str]
) -> None:
    """A second opening ends the first connection, whether or not that was closed."""
    serving, cable, where = link
    open_link(serving, cable, where)
    first, _ = server.accept()
    serving.feed(encode("02", "O", where))
    assert cable.answer(2) == "A"
    with first:
        first.settimeout(10)
        assert first.recv(1) == b""


def test_a_reader_that_asks_without_end_is_held_in_bounds(
    server: socket.socket, link: tuple[UsbLinkServer, Cable, str]
) -> None:
    """Of 50,000 questions beside an open one a handful waits; a new connection is served at once."""
    serving, cable, where = link
    open_link(serving, cable, where)
    question = encode("01", "R", "10")
    for _ in range(50):
        serving.feed(question * 1000)
    assert serving._questions.qsize() <= 8
    serving.feed(encode("02", "O", where))
    assert cable.answer(2) == "A"


def test_a_closed_port_is_told_as_such(server: socket.socket) -> None:
    """A refused connection is answered with the word for it."""
    port = server.getsockname()[1]
    server.close()
    cable = Cable()
    with UsbLinkServer(cable, f"https://127.0.0.1:{port}/v0") as serving:
        serving.feed(encode("01", "O", f"127.0.0.1:{port}"))
        assert cable.answer(1) == "Erefused"


def test_the_time_is_told(link: tuple[UsbLinkServer, Cable, str]) -> None:
    """The host's clock answers in Unix seconds, and to whoever times in milliseconds."""
    serving, cable, _ = link
    serving.feed(encode("00", "T"))
    assert 1_700_000_000 < int(cable.answer(1)[1:]) < 3_000_000_000
    serving.feed(encode("00", "T", "ms"))
    assert 1_700_000_000_000 < int(cable.answer(2)[1:]) < 3_000_000_000_000


def test_frames_are_parted_from_text_in_any_pieces() -> None:
    """Whatever the pieces, text stays text, frames are found, and a torn frame is neither."""
    stream = (
        b"hello ~ world\n"
        + encode("01", "R", "10")
        + b"\nmore~ text\n"
        + b"~01R10*00000000!\nend\n"
    )
    for size in (1, 2, 7, 1000):
        splitter = UsbFrameSplitter()
        text, frames = b"", []
        for at in range(0, len(stream), size):
            some, found = splitter.feed(stream[at : at + size])
            text += some
            frames += found
        assert [(frame.number, frame.kind, frame.payload) for frame in frames] == [
            ("01", "R", "10")
        ]
        assert text.replace(b"\n", b"") == b"hello ~ worldmore~ textend"
