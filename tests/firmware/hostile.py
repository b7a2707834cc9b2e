"""Run by MicroPython: seeded hostile answers against the guarded door and a cloud's reading."""
# ruff: noqa: ANN001, ANN002, ANN201, PERF401, RUF005, T201, UP031

import gc

from fake_chip import FakeChip
from startline.binding import _take
from startline.clouds import rufus
from startline.errors import Failed
from startline.guard import Door, exchange

_TOKEN = b"65A1B7E0C6BC3D32C268C1506E3F6F39E225DC6ED79573E177E7243E8E38115B"
_BODIES = (
    b'{"description":"ok","deviceid":"' + _TOKEN + b'"}',
    b'{"body":{"deviceid":"' + _TOKEN + b'"}}',
    b'{"description":"Missing model"}',
    b"null",
    b"[" * 3000,
    b'{"a":' * 800,
    b"\x1b[2J\x00\xff\xfe" * 300,
    b"<html>" + b"x" * 9000,
    b'{"description":"\\u0000\\ud800\\uffff"}',
    b"1e999999",
    b"",
)
_STATUS = (
    b"201 Created",
    b"200 OK",
    b"400 Bad",
    b"429 Slow",
    b"500 Oops",
    b"302 Found",
    b"999",
    b"1 x",
)
_HEADERS = (
    b"Content-Length: 5",
    b"Content-Length: 99999999999999999999",
    b"Content-Length: -7",
    b"Content-Length: 0x10",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Location: http://127.0.0.1:9/x",
    b"Retry-After: 99999999999999",
    b"Retry-After: Sun, 06 Nov 1994 08:49:37 GMT",
    b"X: " + b"y" * 3000,
    b": no name",
    b"no colon",
    b"\xff\xfe: \x00",
)


class Chance:
    """Seeded luck."""

    def __init__(self, seed: int) -> None:
        self.state = seed * 2654435761 % 2147483647 or 1

    def below(self, limit: int) -> int:
        """Return a number below `limit`."""
        self.state = self.state * 48271 % 2147483647
        return self.state % limit

    def pick(self, things):
        """Return one of them."""
        return things[self.below(len(things))]


def make(luck: Chance) -> bytes:
    """Return an answer, more or less."""
    body = luck.pick(_BODIES)
    lines = [b"HTTP/1." + luck.pick((b"0", b"1", b"x")) + b" " + luck.pick(_STATUS)]
    for _ in range(luck.below(5)):
        lines.append(luck.pick(_HEADERS))
    if luck.below(3) == 0:
        body = b"%x\r\n%s\r\n%s\r\n\r\n" % (len(body), body, luck.pick((b"0", b"", b"zz", b"-1")))
    raw = luck.pick((b"\r\n", b"\n")).join(lines + [b"", body])
    kind = luck.below(4)
    if kind == 0:  # cut
        raw = raw[: luck.below(len(raw) + 1)]
    elif kind == 1:  # junk in the middle
        at = luck.below(len(raw) + 1)
        raw = raw[:at] + bytes([luck.below(256) for _ in range(luck.below(20))]) + raw[at:]
    elif kind == 2:  # flipped bits
        data = bytearray(raw)
        for _ in range(5):
            data[luck.below(len(data))] ^= 1 << luck.below(8)
        raw = bytes(data)
    return raw


class Socket:
    """A socket that plays an answer, in pieces of any size, and then ends or fails."""

    def __init__(self, raw: bytes, luck: Chance) -> None:
        self.raw = raw
        self.luck = luck
        self.at = 0
        self.open = True

    def settimeout(self, seconds: float) -> None:
        """Take a deadline, which must be in the future."""
        if not seconds > 0:
            raise AssertionError

    def connect(self, address) -> None:
        """Connect."""

    def write(self, data) -> int:
        """Take a part of a request."""
        return 1 + self.luck.below(len(data))

    def recv(self, count: int) -> bytes:
        """Return what comes next. Raises OSError."""
        if self.at >= len(self.raw) and self.luck.below(2):
            raise OSError(self.luck.pick((104, 110, 116, 5)))
        piece = self.raw[self.at : self.at + 1 + self.luck.below(count)]
        self.at += len(piece)
        return piece

    def close(self) -> None:
        """Close."""
        self.open = False


class Sockets:
    """A socket module that gives out one socket."""

    def __init__(self, one: Socket) -> None:
        self.one = one

    def getaddrinfo(self, host: str, port: int, *_) -> list:
        """Resolve."""
        return [(2, 1, 0, "", (host, port))]

    def socket(self, *_) -> Socket:
        """Give it out."""
        return self.one


def run(first: int, count: int) -> None:
    """Play `count` answers; print how often each outcome came."""
    seen = {}
    chip = FakeChip({}, {})
    for seed in range(first, first + count):
        gc.collect()
        luck = Chance(seed)
        one = Socket(make(luck), luck)
        door = Door(chip, Sockets(one), [], 30000, lambda: None)
        try:
            status, body = exchange(door, "POST", "http://h/x", {}, b"{}", _take)
            outcome, token, reason = rufus.read(status, body)
            if (
                len(body) > 4096
                or len(reason.encode()) > 96
                or bool(token) != (outcome == "bound")
            ):
                raise AssertionError(seed)
            for char in reason:
                if ord(char) < 32 or 126 < ord(char) < 160:
                    raise AssertionError(seed)
        except Failed as failed:
            outcome = failed.args[1]
        if one.open:
            raise AssertionError("left open: %d" % seed)
        seen[outcome] = seen.get(outcome, 0) + 1
    for outcome in sorted(seen):
        print(outcome, seen[outcome])
