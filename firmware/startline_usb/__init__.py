"""The USB cable as a link: sockets in frames over the console, to where the host was told to dial.

A frame is `~` id kind payload `*` crc `!`: two hex digits for the connection, a letter, printable
ASCII, and 8 hex digits of CRC-32 over all three. Only the device asks, and each question has one
answer: `O` host:port opens, `S` data sends, `R` count receives, `C` closes (unanswered), `T` asks
the time; `A` is done, `D` data, `C` the other end has closed, `E` an error's word, `T` Unix time.
Data are base64.
"""

import errno
import sys
from binascii import a2b_base64, b2a_base64, crc32

from startline.net import StepFailed


class UsbLink:
    """A link that is its own socket module and its one socket."""

    kind = "usb"

    def __init__(self, chip, _identity) -> None:
        self.sockets = self
        self.chip = chip
        self.id = chip.random(1)[0]
        self.limit = 0

    def up(self, left: int) -> None:
        """See whether a host is there. Raises StepFailed."""
        self.limit = min(left, 3000) / 1000
        try:
            self.time("")
        except (OSError, ValueError):
            raise StepFailed("link", "no_host")

    def down(self) -> None:
        """Do nothing: the cable stays."""

    def time(self, _server: str) -> int:
        """Return the host's Unix time. Raises OSError."""
        return int(self.ask("T", ""))

    def getaddrinfo(self, host: str, port: int, *_) -> list:
        """Return the name as its own address: the host resolves it."""
        return [(2, 1, 0, "", (host, port))]

    def socket(self, *_) -> "UsbLink":
        """Begin a connection."""
        self.id = self.id + 1 & 255
        return self

    def settimeout(self, seconds: float) -> None:
        """Set how long the next call may take."""
        self.limit = seconds

    def connect(self, address: tuple) -> None:
        """Have the host dial. Raises OSError."""
        self.ask("O", "%s:%d" % address)

    def recv(self, count: int) -> bytes:
        """Return at most `count` bytes, b"" at the end. Raises OSError."""
        return a2b_base64(self.ask("R", str(count)))

    def write(self, data) -> int:
        """Send the beginning of `data`; return how much. Raises OSError."""
        data = data[:192]
        self.ask("S", b2a_base64(data).decode().strip())
        return len(data)

    def close(self) -> None:
        """Have the host hang up."""
        self.send("C", "")

    def send(self, kind: str, payload: str) -> str:
        """Send a frame; return what its answer has to begin with."""
        body = "%02x%s%s" % (self.id, kind, payload)
        self.chip.write("~%s*%08x!" % (body, crc32(body.encode())))
        return body[:2]

    def ask(self, kind: str, payload: str) -> str:
        """Ask the host; return the payload of its answer. Raises OSError."""
        from select import poll

        mine = self.send(kind, payload)
        waiting = poll()
        waiting.register(sys.stdin, 1)
        start = self.chip.ms()
        frame = ""
        while frame[:2] != mine or frame[-1] != "!":
            left = int(self.limit * 1000) - self.chip.since(start)
            if left <= 0 or not waiting.poll(left):
                raise OSError(errno.ETIMEDOUT)
            char = sys.stdin.read(1)
            frame = "" if char == "~" else frame[-150:] + char
        body, _, crc = frame.partition("*")
        if crc != "%08x!" % crc32(body.encode()):
            raise OSError(errno.ECONNRESET)
        answer = body[3:]
        if body[2] == "E":
            if answer == "dns":
                raise StepFailed("dns", "not_found")
            raise OSError(errno.ETIMEDOUT if answer == "timeout" else errno.ECONNRESET)
        return answer
