"""One kept HTTPS connection under the rules of the transport that binds, without holding anybody.

The same CA and server name, one deadline for an exchange, no redirects, bounded head and body, and
the same reading of an answer's head. What differs is that nothing blocks: every method that waits
is a generator that yields the milliseconds after which it wants to be resumed.
"""

import io

from startline.net import StepFailed
from startline.net.http_head import HttpHead

from .held_stream import HeldStream

if False:  # for mypy; a device has none of these
    from collections.abc import Generator, Iterable
    from typing import Any

    from agent_types import Before, Bytes, Call, Chip, Network, Take, UnheldStream

_EXCHANGE_MS = 15000
_LONGEST = 1 << 18  # bytes of a body, before the connection is given up
_HEAD = 8192
_KEPT = 2048  # bytes of it that are kept: only what matters, since a heap has no 8 KiB in a row
# How the lines begin that matter: a status, Content-Length, Transfer-Encoding, Retry-After, Date,
# Connection, and the end.
_LOOKED_AT = (b"http", b"cont", b"tran", b"retr", b"date", b"conn", b"\r\n", b"\n")


class Connection:
    """A connection to the host of `base_url`; `roots` are CA certificates, DER, or later their context."""

    wire: HeldStream
    stream: "UnheldStream"  # that one, or TLS over it
    wire = stream = None  # type: ignore[assignment] # until it is opened
    spoke = False  # whether this exchange has sent its first byte
    step = ""
    _at = _end = _start = 0
    _room = 0  # bytes that may still come: chunks and lines have no end of their own

    def __init__(
        self, chip: "Chip", network: "Network", roots: "list[Any]", base_url: str
    ) -> None:
        self.chip = chip
        self.network = network
        self.roots = roots
        scheme, _, place = base_url.partition("://")
        self.secure = scheme == "https"
        self.host, _, path = place.partition("/")
        self.prefix = "/" + path if path else ""
        self._buffer = memoryview(bytearray(512))
        try:
            if self.secure:
                self._context()  # it is large: before the heap is in pieces
        except Exception:  # no roots, no memory: told where it is needed
            pass

    def close(self) -> None:
        """Close it, whatever state it is in."""
        for one in (self.stream, self.wire):
            try:
                if one:
                    one.close()
            except Exception:  # a good answer must not be lost for a bad goodbye
                pass
        self.wire = self.stream = None  # type: ignore[assignment]

    def exchange(
        self, request: "Call", headers: "dict[str, str]", length: int, pieces: "Iterable[Bytes]",
        before: "Before", take: "Take",
    ) -> "Generator[int, None, tuple[int, bytes]]":  # fmt: skip
        """Send a request and read its answer; its value is (status, Retry-After).

        `request` is (method, path), `pieces` yields the body's bytes, `length` in all. `before()`
        is called when the server is verified and the first byte is about to go out. `take(data)`
        gets the body piece by piece. Raises StepFailed; `spoke` tells whether the request may have
        arrived.
        """
        self.spoke = False
        self._start = self.chip.ms()
        self._room = _LONGEST + _HEAD
        try:
            if self.stream:
                self._check()
            if not self.stream:
                yield from self._open()
            head = "%s %s%s HTTP/1.1\r\nHost: %s\r\n" % (
                request[0], self.prefix, request[1], self.host,
            )  # fmt: skip
            for name, value in headers.items():
                head += "%s: %s\r\n" % (name, value)
            if length:
                head += "Content-Length: %d\r\n" % length
            if not self.secure or self.wire.free:
                self._speak(before)
            yield from self._send((head + "\r\n").encode(), before)
            for piece in pieces:
                yield from self._send(piece, before)
            return (yield from self._answer(take))
        except (OSError, ValueError, MemoryError) as error:
            wire = self.wire
            self.close()
            from startline.net.reasons import error_reason

            raise StepFailed(self.step, error_reason(self.step, error, wire))
        except StepFailed:
            self.close()
            raise

    def _speak(self, before: "Before") -> None:
        if before:
            before()
        self.spoke = self.wire.free = True
        self.step = "answer"

    def _check(self) -> None:
        """Close a connection that the server has closed meanwhile, or has said too much on."""
        try:
            if self._at < self._end or self.stream.readinto(self._buffer) is not None:
                self.close()
        except OSError:
            self.close()

    def _open(self) -> "Generator[int, None, None]":
        name, _, port = self.host.partition(":")
        self.step = "dns"
        sockets = self.network.sockets
        where = sockets.getaddrinfo(name, int(port or (443 if self.secure else 80)))[0][-1]
        self.step = "connect"
        sock = sockets.socket()
        self.wire = self.stream = wire = HeldStream(sock)
        sock.setblocking(False)
        try:
            sock.connect(where)
        except OSError as error:
            if error.errno not in (115, 119):  # EINPROGRESS, here and on the chip
                raise
            yield from self._connected(sock)
        self._at = self._end = 0
        if self.secure:
            self.step = "tls"
            self.stream = self._context().wrap_socket(
                wire, server_hostname=name, do_handshake_on_connect=False
            )

    def _context(self) -> "Any":
        """Return the context that trusts the roots and nobody else; it is large, and made once."""
        # As `GuardedTransport` does; to load that for this would cost 6 KiB of heap.
        roots = self.roots
        if isinstance(roots[0], bytes):
            import tls

            context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
            context.verify_mode = tls.CERT_REQUIRED  # type: ignore[attr-defined] # the stub lacks it
            for root in roots:
                context.load_verify_locations(root)
            roots[:] = [context]
        return roots[0]

    def _connected(self, sock: "Any") -> "Generator[int, None, None]":
        """Wait until a connection stands, or the first write tells why not."""
        from select import POLLOUT, poll

        poller = poll()
        poller.register(sock, POLLOUT)
        while not poller.poll(0):
            yield from self._wait()

    def _wait(self, ms: int = 5) -> "Generator[int, None, None]":
        """Wait for the other end a little. Raises StepFailed at the deadline."""
        if self.chip.since(self._start) > _EXCHANGE_MS:
            raise StepFailed(self.step, "timeout")
        yield ms

    def _send(self, data: "Bytes", before: "Before") -> "Generator[int, None, None]":
        data = memoryview(data)
        while data:
            done = self.stream.write(data)
            if not done:
                if self.wire.held and not self.wire.free:
                    self._speak(before)
                else:
                    yield from self._wait()
            elif done < 0:
                raise OSError(-done)
            else:
                data = data[done:]
        yield 0

    # The answer.

    def _fill(self) -> "Generator[int, None, None]":
        """Have something in the buffer. Raises StepFailed."""
        while self._at >= self._end:
            got = self.stream.readinto(self._buffer)
            if got is None:
                yield from self._wait()
            elif got <= 0:
                raise StepFailed("answer", "cut")
            else:
                self._at, self._end = 0, got
                self._room -= got
                if self._room < 0:
                    raise StepFailed("answer", "too_long")
                yield from self._wait(0)  # however fast it comes, the reader's program goes on

    def _line(self) -> "Generator[int, None, bytes]":
        """Read a line; its value is at most its first 200 bytes, its end among them."""
        line = b""
        while line[-1:] != b"\n":
            yield from self._fill()
            byte = self._buffer[self._at]
            self._at += 1
            if len(line) < 199 or byte == 10:
                line += bytes((byte,))
        return line

    def _answer(self, read_body: "Take") -> "Generator[int, None, tuple[int, bytes]]":
        raw = b""
        size = 0
        head = None
        kept = True
        while not head:
            line = b"-"
            while line.strip() or not raw.strip():  # up to the blank line behind some others
                line = yield from self._line()
                size += len(line)
                if line[:1] not in b" \t":  # a line that is folded goes with the one before
                    kept = not raw.strip() or line[:4].lower() in _LOOKED_AT
                if kept:
                    raw += line
                if size > _HEAD or len(raw) > _KEPT:
                    raise ValueError
            try:
                head = HttpHead(io.BytesIO(raw).readinto)
            except StepFailed:
                pass  # that was an interim one, or none: there is more to come
        closes = raw[:8] == b"HTTP/1.0" or b"connection: close" in raw.lower()
        yield from self._body(head.chunked, head.length, read_body)
        if closes or (head.length < 0 and not head.chunked):
            self.close()
        return head.status, head.retry_after

    def _body(self, chunked: bool, length: int, read_body: "Take") -> "Generator[int, None, None]":
        """Read a body to its end."""
        if chunked and length:
            from startline.net.http_chunked import size_of

            size = 1
            while size:
                size = size_of((yield from self._line()))
                yield from self._piece(size, read_body)
                line = b"-"
                while line.strip():  # a line's end, or behind the last chunk some fields
                    line = yield from self._line()
        elif length >= 0:
            yield from self._piece(length, read_body)
        else:
            try:
                yield from self._piece(_LONGEST, read_body)
            except StepFailed as failed:
                if failed.args[1] != "cut":  # which is how such a body ends
                    raise

    def _piece(self, left: int, read_body: "Take") -> "Generator[int, None, None]":
        if left > _LONGEST:
            raise StepFailed("answer", "too_long")
        while left > 0:
            yield from self._fill()
            stop = min(self._end, self._at + left)
            read_body(self._buffer[self._at : stop])
            left -= stop - self._at
            self._at = stop
