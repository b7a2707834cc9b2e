"""The guarded door behind `requests`: one deadline, verified TLS, bounded, never redirected.

`requests` gets a `Door` in the place of its socket module and of the `tls` that it imports.
What it sends is collected and goes out as a whole; what comes back is parsed here, and
`requests` is shown a bare status line and a body that ends where it should: no version of it
ever sees a redirect, a chunk, or a lie about a length.
"""

import io
import sys
from errno import ETIMEDOUT

from .errors import Failed


class Wire(io.IOBase):
    """A socket with a deadline, as a stream that TLS can be put on; errors are negative."""

    def __init__(self, sock, left) -> None:
        self.sock = sock
        self.left = left
        self.close = sock.close

    def readinto(self, data) -> int:
        """Fill `data`, short of the end; in pieces, since a stream that drips has its deadline."""
        got = 0
        try:
            while got < len(data):
                self.time()
                piece = self.sock.recv(min(len(data) - got, 512))
                if not piece:
                    break
                data[got : got + len(piece)] = piece
                got += len(piece)
        except OSError as error:
            got = -error.errno
        return got

    def write(self, data) -> int:
        """Send what can be sent; return how much."""
        try:
            self.time()
            return self.sock.write(data)
        except OSError as error:
            return -error.errno

    def ioctl(self, *_) -> int:
        """Do nothing: there is nothing to control, and `Door` closes the socket."""
        return 0

    def time(self) -> None:
        """Give the next call on the socket what is left of the time. Raises OSError."""
        left = self.left()
        if left <= 0:
            raise OSError(ETIMEDOUT)
        self.sock.settimeout(left / 1000)


class Door:
    """Socket module, TLS module, socket and TLS context in one, for one exchange.

    `sockets` makes the socket; `roots` are CA certificates, DER, or, once they were read, the one
    context that trusts them: it is large, and made once. `limit` is in milliseconds.
    `before()` is called when the request is complete and TLS stands, just before the first byte.
    `retry_after` is what the answer says under that name.
    """

    SOCK_STREAM = 1
    PROTOCOL_TLS_CLIENT = CERT_NONE = 0

    def __init__(self, chip, sockets, roots: list, limit: int, before) -> None:
        self.chip = chip
        self.sockets = sockets
        self.roots = roots
        self.limit = limit
        self.before = before
        self.start = chip.ms()
        self.step = "dns"
        self.wire = self.stream = None
        self.request = self.retry_after = b""
        self.lines = []
        self.budget = 8192  # bytes of an answer's head
        self.length = -1  # of the rest of the body; below 0, the stream ends it

    def left(self) -> int:
        """Return how many milliseconds are left."""
        return self.limit - self.chip.since(self.start)

    # What `requests` takes for the socket module.

    def getaddrinfo(self, *where) -> list:
        """Resolve a name. Raises OSError."""
        return self.sockets.getaddrinfo(*where)

    def socket(self, *kind) -> "Door":
        """Make the one socket of this exchange. Raises OSError."""
        if self.wire:
            raise Failed("answer", "redirect")
        self.step = "connect"
        self.wire = self.stream = Wire(self.sockets.socket(*kind), self.left)
        return self

    # What it takes for a socket.

    def connect(self, address) -> None:
        """Connect. Raises OSError."""
        self.wire.time()
        self.wire.sock.connect(address)

    def write(self, data: "bytes | str") -> None:
        """Collect a piece of the request. Raises Failed above 4 KiB."""
        self.request += data if isinstance(data, bytes) else data.encode()
        if len(self.request) > 4096:
            raise Failed("request", "too_long", True)

    def readline(self) -> bytes:
        """Return the next line of a head that says nothing but the status."""
        if self.request:
            data = memoryview(self.request)
            self.request = b""
            self.before()
            self.step = "answer"
            while data:
                data = data[self.do(self.stream.write, data) :]
            status = 100
            while status < 200:  # an interim answer; the budget ends this
                status = self.head()
            if status in (204, 304):
                self.length = 0
            self.lines = [b"\r\n", b"HTTP/1.0 %d -\r\n" % status]
        return self.lines.pop() if self.lines else b""

    def fill(self, data) -> int:
        """Fill `data` with what comes next of the body; return how much. Raises Failed.

        That is less only at the body's end.
        """
        if self.length >= 0:
            data = memoryview(data)[: min(len(data), self.length)]
        size = len(data)
        if not size:
            return 0
        got = self.do(self.stream.readinto, data)
        if self.length > 0:
            self.length -= size
            if got < size:
                raise Failed("answer", "cut")
        elif got < size:  # that was the end: to ask TLS again would wait for one more
            self.length = 0
        return got

    def close(self) -> None:
        """Close the connection, TLS and socket, whatever state they are in."""
        if self.wire:
            for one in (self.stream, self.wire):
                try:
                    one.close()
                except OSError:
                    pass

    # What it takes for the TLS module and for a context, whose verify mode changes nothing.

    def SSLContext(self, *_) -> "Door":  # noqa: N802 - the name that is looked for
        """Return a context."""
        return self

    def wrap_socket(self, _, server_hostname: str = "") -> "Door":
        """Put TLS on the connection, for that server and no other. Raises OSError, ValueError."""
        self.step = "tls"
        tls = self.tls
        roots = self.roots
        if isinstance(roots[0], bytes):
            context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
            context.verify_mode = tls.CERT_REQUIRED
            for root in roots:
                context.load_verify_locations(root)
            roots[:] = [context]
        self.stream = roots[0].wrap_socket(self.wire, server_hostname=server_hostname)
        return self

    # What none of them sees.

    def do(self, call, data) -> int:
        """Write or fill `data`; return how much of it. Raises Failed."""
        try:
            done = call(data)
        except OSError as error:
            done = -error.errno
        if done is None or done == -ETIMEDOUT:
            raise Failed("answer", "timeout")
        if not 0 <= done <= len(data):  # the errors of TLS have either sign
            raise Failed("answer", "cut")
        return done

    def line(self) -> bytes:
        """Return the next line of the head, or as much of it as is looked at.

        Raises Failed where it is cut, ValueError where it has no end.
        """
        byte = bytearray(1)
        line = bytearray()
        read = self.stream.readinto
        while byte != b"\n":
            if not self.do(read, byte):
                raise Failed("answer", "cut")
            self.budget -= 1
            if self.budget < 0:
                raise ValueError
            if len(line) < 160:
                line += byte
        return bytes(line).strip()

    def head(self) -> int:
        """Read an answer's head; return the status. Raises Failed, ValueError."""
        parts = self.line().split(None, 2)
        if len(parts) < 2 or parts[0][:7] != b"HTTP/1." or len(parts[1]) != 3:
            raise ValueError
        status = int(parts[1])
        line = self.line()
        while line:
            name, _, value = line.lower().partition(b":")
            value = value.strip()
            if name == b"content-length" and self.length == -1:
                self.length = int(value)
                if self.length < 0:
                    raise ValueError
            elif name == b"transfer-encoding" and value == b"chunked":
                self.length = -2
            elif name == b"retry-after":
                self.retry_after = value
            line = self.line()
        if self.length == -2:
            from .chunked import Chunked

            self.stream = Chunked(self.stream)
        return status


def exchange(door: Door, method: str, url: str, headers: dict, data: bytes, take) -> tuple:
    """Return (status, `take(fill)`) of an answer, where `fill(data)` gives the next of its body.

    Raises Failed. Nothing stays open or replaced.
    """
    import requests
    import tls

    door.tls = tls
    headers["Host"] = url.split("/")[2]  # `requests` leaves the port out
    # `requests` of MicroPython 1.23 holds `usocket`, later ones `socket`.
    seat = "socket" if hasattr(requests, "socket") else "usocket"
    sockets = getattr(requests, seat)
    setattr(requests, seat, door)
    sys.modules["tls"] = door
    try:
        # The deadline is the door's.
        answer = requests.request(method, url, data=data, headers=headers)  # noqa: S113
        return answer.status_code, take(door.fill)
    except (OSError, ValueError, MemoryError) as error:
        from .reasons import reason

        raise Failed(door.step, reason(door.step, error))
    finally:
        setattr(requests, seat, sockets)
        sys.modules["tls"] = tls
        door.close()
