"""Blocking TCP sockets in the shape of MicroPython's module, over those of Node.

TLS is put on a connection where it begins, not on top of the stream that the caller has made of
it: `secure` does that, for the module `tls`.
"""

import errno
import json
from binascii import hexlify, unhexlify

import _network

AF_INET = 2
SOCK_STREAM = 1
_LONG_MS = 60000
_NUMBERS = {"EPIPE": 32, "ENETUNREACH": 101}
_NO_NAME = -2

_ids = iter(range(1, 1 << 20))
_last = None


def _ask(verb: str, number: int, text: str, milliseconds: int):
    answer = json.loads(_network.ask(verb, number, text, milliseconds))
    if "error" not in answer:
        return answer["data"]
    name = answer["error"]
    if name in ("ENOTFOUND", "EAI_AGAIN"):
        raise OSError(_NO_NAME)
    known = getattr(errno, name, None) or _NUMBERS.get(name)
    if known:
        raise OSError(known)
    raise ValueError(name + " " + answer["text"])


def getaddrinfo(host: str, port: int, *_more) -> list:
    """Resolve a name. Raises OSError."""
    address = _ask("resolve", 0, host, _LONG_MS)
    return [(AF_INET, SOCK_STREAM, 0, "", (address, port))]


class socket:  # noqa: N801 - the name that is looked for
    """One connection."""

    def __init__(self, *_kind) -> None:
        self._id = next(_ids)
        self._ms = _LONG_MS
        self._open = False

    def settimeout(self, seconds) -> None:
        self._ms = _LONG_MS if seconds is None else max(1, int(seconds * 1000))

    def setsockopt(self, *_option) -> None:
        pass

    def connect(self, address) -> None:
        global _last
        _last = self
        self._open = True
        _ask("connect", self._id, "%s %d" % address, self._ms)

    def secure(self, server: str, roots: list) -> None:
        """Put TLS on the connection. Raises OSError, ValueError."""
        text = " ".join([server] + [hexlify(root).decode() for root in roots])
        _ask("secure", self._id, text, self._ms)

    def recv(self, size: int) -> bytes:
        return unhexlify(_ask("receive", self._id, str(size), self._ms))

    def send(self, data) -> int:
        return _ask("send", self._id, hexlify(data).decode(), self._ms)

    write = send

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.recv(size - len(data))
            if not more:
                break
            data += more
        return data

    def close(self) -> None:
        if self._open:
            self._open = False
            _ask("close", self._id, "", _LONG_MS)


def last() -> "socket | None":
    """Return the connection that was made last, for `tls`."""
    return _last
