"""The USB cable as a link: sockets in frames over the console, to where the host was told to dial.

A frame is `~` id kind payload `*` crc `!`: two hex digits for the connection, a letter, printable
ASCII, and 8 hex digits of CRC-32 over all three. Only the device asks, and each question has one
answer: `O` host:port opens, `S` data sends, `R` count receives, `N` count receives what is there by
now, `C` closes (unanswered), `T` asks the time; `A` is done, or nothing there yet, `D` data, `C` the
other end has closed, `E` an error's word, `T` Unix time. Data are base64. Frames of other kinds are
for others, who may be told of them.
"""

import errno
import sys
from binascii import a2b_base64, b2a_base64, crc32

from startline.net import StepFailed

if False:  # for mypy; a device has none of these
    from agent_types import Buffer, Chip, Identity

_LOOK_MS = 20  # between two looks at the clock while an answer is waited for
_HOST_MS = 3000  # for a host to answer what takes it no time


class UsbLink:
    """A link that is its own socket module and its one socket.

    While it waits, `others` is given what comes over the console, and says what it has to.
    """

    kind = "usb"
    others = None
    nothing = False  # there was to be received, the last time

    def __init__(self, chip: "Chip", _identity: "Identity") -> None:
        self.sockets = self
        self.chip = chip
        self.id = chip.random(1)[0]
        self.limit: float = 0

    def up(self, left: int) -> None:
        """See whether a host is there. Raises StepFailed."""
        self.limit = min(left, _HOST_MS) / 1000
        try:
            self.time("")
        except (OSError, ValueError):
            raise StepFailed("link", "no_host")

    def down(self) -> None:
        """Do nothing: the cable stays."""

    def time(self, _server: str) -> int:
        """Return the host's Unix time. Raises OSError."""
        return int(self.ask("T", ""))

    def getaddrinfo(
        self, host: str, port: int, *_: object
    ) -> "list[tuple[int, int, int, str, tuple[str, int]]]":
        """Return the name as its own address: the host resolves it."""
        return [(2, 1, 0, "", (host, port))]

    def socket(self, *_: object) -> "UsbLink":
        """Begin a connection."""
        self.id = self.id + 1 & 255
        return self

    def settimeout(self, seconds: float) -> None:
        """Set how long the next call may take."""
        self.limit = seconds

    def setblocking(self, _: object) -> None:
        """Have no call take longer than a host that is there does."""
        self.limit = _HOST_MS / 1000

    def connect(self, address: tuple[str, int]) -> None:
        """Have the host dial. Raises OSError."""
        self.ask("O", "%s:%d" % address)

    def recv(self, count: int) -> bytes:
        """Return at most `count` bytes, b"" at the end. Raises OSError."""
        return a2b_base64(self.ask("R", str(count)))

    def readinto(self, data: "Buffer") -> "int | None":
        """Fill the beginning of `data` with what is there; None for nothing yet. Raises OSError."""
        answer = self.ask("N", str(len(data)))
        if self.nothing:
            return None
        piece = a2b_base64(answer)
        data[: len(piece)] = piece
        return len(piece)

    def write(self, data: bytes) -> int:
        """Send the beginning of `data`; return how much. Raises OSError."""
        data = data[:192]
        self.ask("S", b2a_base64(data).decode().strip())
        return len(data)

    def close(self) -> None:
        """Have the host hang up."""
        self.send("C", "")

    def send(self, kind: str, payload: str) -> bytes:
        """Send a frame; return what its answer has to begin with."""
        body = "%02x%s%s" % (self.id, kind, payload)
        self.chip.write("~%s*%08x!" % (body, crc32(body.encode())))
        return body[:2].encode()

    def ask(self, kind: str, payload: str) -> str:
        """Ask the host; return the payload of its answer. Raises OSError."""
        from select import poll

        mine = self.send(kind, payload)
        waiting = poll()
        waiting.register(sys.stdin, 1)
        others = self.others
        start = self.chip.ms()
        frame = b""
        while frame[:2] != mine or frame[-1:] != b"!" or frame[2:3] not in b"ADCET":
            left = int(self.limit * 1000) - self.chip.since(start)
            if left <= 0:
                raise OSError(errno.ETIMEDOUT)
            if not waiting.poll(min(left, _LOOK_MS)):
                if others:
                    others.say()
                continue
            char = sys.stdin.buffer.read(1)
            if others:
                others.take(char)
            frame = b"" if char == b"~" else frame[-150:] + char
        body, _, crc = frame.partition(b"*")
        if crc != b"%08x!" % crc32(body):
            raise OSError(errno.ECONNRESET)
        self.nothing = body[2:3] == b"A"
        answer = str(body[3:], "ascii")
        if body[2:3] == b"E":
            if answer == "dns":
                raise StepFailed("dns", "not_found")
            raise OSError(errno.ETIMEDOUT if answer == "timeout" else errno.ECONNRESET)
        return answer
