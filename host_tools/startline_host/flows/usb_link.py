"""The host's end of `link = "usb"`: one TCP connection for a reader, in frames over its console.

A frame is `~` id kind payload `*` crc `!`: the id of the connection in 2 hex digits, a letter,
printable ASCII without `~*!`, and 8 hex digits of CRC-32 over id, kind and payload. Only the
device asks, and the host answers each question with one frame, so that never more than one is on
its way to a chip whose input ring holds 260 bytes. Data travels as base64.

Device: `O` host:port (open), `S` data (send), `R` count (receive 1 to count bytes), `N` count (those
that are there by now), `C` (close), `T` (what time is it; with `ms`, in milliseconds). Host: `A`
(done, or nothing there yet), `D` data, `C` (the peer has closed), `E` word, `T` Unix time.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import queue
import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from startline_host.device.port import Port
from startline_host.formats.cloud_url import parse_url
from startline_host.formats.factory_partition import DeviceSettings

#: Bytes of data in a frame to the device; with base64 and the frame around it at most 128.
MOST_DOWN = 72
#: Bytes of a frame from the device, all told; what is longer is no frame.
_LONGEST = 600
_CONNECT_SECONDS = 10.0
#: Questions that wait for their answer: a reader asks the next one only when it has the last one's,
#: so that more than a few are noise, or a device that means harm.
_MOST_QUESTIONS = 8
#: What a device asks for its connections; frames of other kinds on the line are for somebody else.
_QUESTIONS = frozenset("OSRNCT")
_FRAME = re.compile(rb"~([0-9a-f]{2})([A-Z])([^~*!\x00-\x1f\x7f-\xff]*)\*([0-9a-f]{8})!\r?\n?")
_START = b"~"


class UsbFrame:
    """A frame that arrived whole."""

    def __init__(self, number: str, kind: str, payload: str) -> None:
        self.number, self.kind, self.payload = number, kind, payload


def encode(number: str, kind: str, payload: str = "") -> bytes:
    """Return a frame as it goes over the line."""
    body = f"{number}{kind}{payload}".encode()
    return b"~%s*%08x!" % (body, binascii.crc32(body))


class UsbFrameSplitter:
    """Takes a console's bytes in any pieces, and parts frames from all else."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> tuple[bytes, list[UsbFrame]]:
        """Return the bytes that belong to no frame, and the frames."""
        self._pending += data
        text = b""
        frames: list[UsbFrame] = []
        while True:
            start = self._pending.find(_START)
            if start < 0:
                text, self._pending = text + self._pending, b""
                return text, frames
            text, self._pending = text + self._pending[:start], self._pending[start:]
            found = _FRAME.match(self._pending)
            if found is not None:
                body = found[1] + found[2] + found[3]
                if int(found[4], 16) == binascii.crc32(body):
                    number, kind, payload = (part.decode() for part in found.groups()[:3])
                    frames.append(UsbFrame(number, kind, payload))
                self._pending = self._pending[found.end() :]
            elif self._may_become_one():
                return text, frames
            else:
                text, self._pending = text + self._pending[:1], self._pending[1:]

    def _may_become_one(self) -> bool:
        """Tell whether what has come so far may still be the beginning of a frame."""
        rest = self._pending[1:]
        again = rest.find(_START)
        return again < 0 and b"\n" not in rest and len(rest) < _LONGEST


class UsbLinkServer:
    """Serves one reader's connections, to the host and port of `base_url` and nowhere else.

    `port` is what its console is read from then: frames are taken out and answered.
    """

    def __init__(self, port: Port, base_url: str) -> None:
        self._allowed = parse_url(base_url, "the device's base URL").address
        self._raw = port
        self._splitter = UsbFrameSplitter()
        self._number = ""
        self._socket: socket.socket | None = None
        self._questions: queue.Queue[UsbFrame | None] = queue.Queue(_MOST_QUESTIONS)
        self._thread = threading.Thread(target=self._serve, name="usb-link", daemon=True)
        self._thread.start()
        self.port: Port = _TappedPort(port, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the line; return those that belong to the console, or to somebody else."""
        text, frames = self._splitter.feed(data)
        for frame in frames:
            if not self.take(frame):
                text += encode(frame.number, frame.kind, frame.payload)
        return text

    def take(self, frame: UsbFrame) -> bool:
        """Take a frame from the device; tell whether it is a question of this link's."""
        if frame.kind not in _QUESTIONS:
            return False
        if frame.kind == "O":
            # Whatever an earlier connection still waits for ends here.
            self._number = frame.number
            self._hang_up()
            self._forget_questions()
        elif frame.kind == "C" and frame.number == self._number:
            self._hang_up()
            return True
        # One too many is not answered: the reader takes that for a lost frame.
        with contextlib.suppress(queue.Full):
            self._questions.put_nowait(frame)
        return True

    def close(self) -> None:
        """End the connection, if there is one, and the thread that serves it."""
        self._hang_up()
        self._forget_questions()
        self._questions.put(None)
        self._thread.join(_CONNECT_SECONDS + 1)

    def _forget_questions(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._questions.get_nowait()

    def _serve(self) -> None:
        while (frame := self._questions.get()) is not None:
            answer = self._answer(frame)
            outdated = frame.kind != "T" and frame.number != self._number
            if answer is not None and not outdated:
                with contextlib.suppress(Exception):
                    # A reader that was unplugged in between needs no answer.
                    self._raw.write(encode(frame.number, *answer))
            elif outdated:
                # The reader has begun another connection while this one was still being made.
                self._hang_up()
        self._hang_up()

    def _answer(self, frame: UsbFrame) -> tuple[str, str] | None:
        if frame.kind == "T":
            return "T", str(
                time.time_ns() // (1_000_000 if frame.payload == "ms" else 1_000_000_000)
            )
        acts = {"O": self._open, "S": self._send, "R": self._receive, "N": self._receive_now}
        act = acts.get(frame.kind)
        if act is None or frame.number != self._number:
            return None
        try:
            return act(frame.payload)
        except OSError as error:
            self._hang_up()
            return "E", _word(error)
        except ValueError:
            return "E", "denied"

    def _open(self, where: str) -> tuple[str, str]:
        host, _, port = where.rpartition(":")
        if (host.strip("[]").lower(), port) != (self._allowed[0], str(self._allowed[1])):
            raise ValueError(where)
        self._hang_up()
        connection = socket.create_connection(self._allowed, _CONNECT_SECONDS)
        connection.settimeout(None)
        self._socket = connection
        return "A", ""

    def _send(self, payload: str) -> tuple[str, str]:
        self._connection().sendall(base64.b64decode(payload, validate=True))
        return "A", ""

    def _receive(self, count: str) -> tuple[str, str]:
        data = self._connection().recv(max(1, min(int(count), MOST_DOWN)))
        return ("D", base64.b64encode(data).decode()) if data else ("C", "")

    def _receive_now(self, count: str) -> tuple[str, str]:
        ready, _, _ = select.select([self._connection()], [], [], 0)
        return self._receive(count) if ready else ("A", "")

    def _connection(self) -> socket.socket:
        connection = self._socket
        if connection is None:
            raise ValueError("there is no connection")
        return connection

    def _hang_up(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class _TappedPort(Port):
    """A port whose readers do not see the frames of a link; those of others they do."""

    def __init__(self, port: Port, link: UsbLinkServer) -> None:
        super().__init__(port.url, port.line)
        self._port = port
        self._link = link

    def read(self, seconds: float) -> bytes:
        """Return what has come for the console, waiting at most `seconds` for the first byte."""
        end = time.monotonic() + seconds
        while True:
            data = self._port.read(max(0.0, end - time.monotonic()))
            text = self._link.feed(data) if data else b""
            if text or not data or time.monotonic() >= end:
                return text

    def write(self, data: bytes) -> None:
        """Send, as the port itself does, which may have come back under another name."""
        self._port.write(data)


@contextlib.contextmanager
def linked(port: Port, base_url: str) -> Iterator[Port]:
    """Yield the port to follow a reader at: its link is served on it, where there is a base URL."""
    if not base_url:
        yield port
        return
    with UsbLinkServer(port, base_url) as link:
        yield link.port


def over_usb(settings: DeviceSettings) -> bool:
    """Tell whether a reader with these settings reaches its cloud over the cable alone."""
    return settings.net is not None and settings.net.link == "usb"


def _word(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "dns"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "reset"
