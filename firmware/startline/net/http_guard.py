"""The guarded transport behind `requests`: one deadline, verified TLS, bounded, never redirected.

`requests` gets a `GuardedTransport` in the place of its socket module and of the `tls` that it imports.
What it sends is collected and goes out as a whole; what comes back is parsed here, and
`requests` is shown a bare status line and a body that ends where it should: no version of it
ever sees a redirect, a chunk, or a lie about a length.
"""

import io
import sys
from errno import ETIMEDOUT

from . import StepFailed, forget

if False:  # for mypy; a device has none of these
    from collections.abc import Callable
    from typing import Any

    from agent_types import Buffer, Chip, Fill


def stream_error(error: OSError) -> int:
    """Return what a stream answers for an error: minus its number, or EIO's where it has none."""
    number = error.errno
    return -number if isinstance(number, int) and number > 0 else -5


class DeadlineStream(io.IOBase):
    """A socket with a deadline, as a stream that TLS can be put on; errors are negative.

    `alert` is there once the other end of a TLS handshake sent one: its number.
    """

    def __init__(self, sock: "Any", left: "Callable[[], int]") -> None:
        self.sock = sock
        self.left = left
        self.close = sock.close

    def readinto(self, data: "Buffer") -> int:
        """Fill `data`, short of the end; in pieces, since a stream that drips has its deadline."""
        got = 0
        try:
            while got < len(data):
                self.set_timeout()
                piece = self.sock.recv(min(len(data) - got, 512))
                if not piece:
                    break
                data[got : got + len(piece)] = piece
                got += len(piece)
        except OSError as error:
            got = stream_error(error)
        if got == 2:  # TLS reads nothing of that length, before it encrypts, but an alert's body
            self.alert = data[1]
        return got

    def write(self, data: bytes) -> int:
        """Send what can be sent; return how much."""
        try:
            self.set_timeout()
            return self.sock.write(data)
        except OSError as error:
            return stream_error(error)

    def ioctl(self, *_: object) -> int:
        """Do nothing: there is nothing to control, and `GuardedTransport` closes the socket."""
        return 0

    def set_timeout(self) -> None:
        """Give the next call on the socket what is left of the time. Raises OSError."""
        left = self.left()
        if left <= 0:
            raise OSError(ETIMEDOUT)
        self.sock.settimeout(left / 1000)


class GuardedTransport:
    """Socket module, TLS module, socket and TLS context in one, for one exchange.

    `sockets` makes the socket; `roots` are a TLS context and the CA certificates, DER, that it is
    yet to load: it is large, and the same for a whole run. `limit` is in milliseconds.
    `before_send()` is called when the request is complete and TLS stands, just before the first byte.
    `retry_after` and `date` are what the answer says under these names, in lower case.
    """

    SOCK_STREAM = 1
    PROTOCOL_TLS_CLIENT = CERT_NONE = 0
    connection: "Any"
    stream: "Any"
    tls: "Any"

    def __init__(
        self,
        chip: "Chip",
        sockets: "Any",
        roots: "list[Any]",
        limit: int,
        before_send: "Any",
    ) -> None:
        self.chip = chip
        self.sockets = sockets
        self.roots = roots
        self.limit = limit
        self.before_send = before_send
        self.start = chip.ms()
        self.step = "dns"
        self.connection = self.stream = None
        self.request = self.retry_after = self.date = b""
        self.lines: list[bytes] = []
        self.length = -1  # of the rest of the body; below 0, the stream ends it

    def left(self) -> int:
        """Return how many milliseconds are left."""
        return self.limit - self.chip.since(self.start)

    # What `requests` takes for the socket module.

    def getaddrinfo(self, *where: object) -> "list[Any]":
        """Resolve a name. Raises OSError."""
        return self.sockets.getaddrinfo(*where)

    def socket(self, *kind: object) -> "GuardedTransport":
        """Make the one socket of this exchange. Raises OSError."""
        if self.connection:
            raise StepFailed("answer", "redirect")
        self.step = "connect"
        self.connection = self.stream = DeadlineStream(self.sockets.socket(*kind), self.left)
        return self

    # What it takes for a socket.

    def connect(self, address: object) -> None:
        """Connect. Raises OSError."""
        self.connection.set_timeout()
        self.connection.sock.connect(address)

    def write(self, data: "bytes | str") -> None:
        """Collect a piece of the request. Raises StepFailed above 4 KiB."""
        self.request += data if isinstance(data, bytes) else data.encode()
        if len(self.request) > 4096:
            raise StepFailed("request", "too_long", True)

    def readline(self) -> bytes:
        """Return the next line of a head that says nothing but the status."""
        if self.request:
            # Not before the connection stands: TLS needs the most memory while it is made.
            from .http_head import HttpHead

            data = memoryview(self.request)
            self.request = b""
            self.step = "storage"  # what `before_send` may fail in
            self.before_send()
            self.step = "answer"
            while data:
                data = data[self.transfer(self.stream.write, data) :]
            read = self.stream.readinto
            head = HttpHead(lambda byte: self.transfer(read, byte))
            self.length = head.length
            self.retry_after = head.retry_after
            self.date = head.date
            forget(("http_head",))
            if head.chunked:
                from .http_chunked import ChunkedBody

                self.stream = ChunkedBody(self.stream)
            self.lines = [b"\r\n", b"HTTP/1.0 %d -\r\n" % head.status]
        return self.lines.pop() if self.lines else b""

    def fill(self, data: "Buffer") -> int:
        """Fill `data` with what comes next of the body; return how much. Raises StepFailed.

        That is less only at the body's end.
        """
        if self.length >= 0:
            data = memoryview(data)[: min(len(data), self.length)]
        size = len(data)
        if not size:
            return 0
        got = self.transfer(self.stream.readinto, data)
        if self.length > 0:
            self.length -= size
            if got < size:
                raise StepFailed("answer", "cut")
        elif got < size:  # that was the end: to ask TLS again would wait for one more
            self.length = 0
        return got

    def close(self) -> None:
        """Close the connection, TLS and socket, whatever state they are in."""
        if self.connection:
            for one in (self.stream, self.connection):
                try:
                    one.close()
                except Exception:  # a good answer must not be lost for a bad goodbye
                    pass

    # What it takes for the TLS module and for a context, whose verify mode changes nothing.

    def SSLContext(self, *_: object) -> "GuardedTransport":  # noqa: N802 - the name that is looked for
        """Return a context."""
        return self

    def wrap_socket(self, _: object, server_hostname: str = "") -> "GuardedTransport":
        """Put TLS on the connection, for that server and no other. Raises OSError, ValueError."""
        self.step = "tls"
        self.stream = self.context().wrap_socket(self.connection, server_hostname=server_hostname)
        return self

    # What none of them sees.

    def context(self) -> "Any":
        """Return the context, which trusts the roots and nobody else. Raises ValueError."""
        context, *roots = self.roots
        context.verify_mode = self.tls.CERT_REQUIRED
        for root in roots:
            context.load_verify_locations(root)
            self.roots.remove(root)  # another attempt must not load it once more
        return context

    def transfer(self, call: "Callable[..., int | None]", data: "Buffer") -> int:
        """Write or fill `data`; return how much of it. Raises StepFailed."""
        try:
            done = call(data)
        except OSError as error:
            done = stream_error(error)
        if done is None or done == -ETIMEDOUT:
            raise StepFailed("answer", "timeout")
        if not 0 <= done <= len(data):  # the errors of TLS have either sign
            raise StepFailed("answer", "cut")
        return done


def exchange(
    transport: GuardedTransport,
    method: str,
    url: str,
    headers: dict[str, str],
    data: bytes,
    read_body: "Callable[[Fill], Any]",
) -> "tuple[int, Any]":
    """Return (status, `read_body(fill)`) of an answer, where `fill(data)` gives what is next of it.

    Raises StepFailed. Nothing stays open or replaced.
    """
    import requests
    import tls

    transport.tls = tls
    headers["Accept-Encoding"] = "identity"  # nothing here unpacks an answer
    headers["Host"] = url.split("/")[2]  # `requests` leaves the port out
    # `requests` of MicroPython 1.23 holds `usocket`, later ones `socket`.
    attribute = "socket" if hasattr(requests, "socket") else "usocket"
    sockets = getattr(requests, attribute)
    setattr(requests, attribute, transport)
    sys.modules["tls"] = transport  # type: ignore[assignment] # it stands for it
    try:
        # The deadline is the transport's.
        answer = requests.request(method, url, data=data, headers=headers)  # noqa: S113
        return answer.status_code, read_body(transport.fill)
    except StepFailed:
        raise
    except Exception as error:  # whatever it is, it is the exchange that did not succeed
        from .reasons import error_reason

        reason = error_reason(transport.step, error, transport.connection)
        raise StepFailed(transport.step, reason)
    finally:
        setattr(requests, attribute, sockets)
        sys.modules["tls"] = tls
        transport.close()
