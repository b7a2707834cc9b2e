"""SLIP framing (RFC 1055) as the chip's serial loader uses it: frames begin and end with 0xC0."""

from __future__ import annotations

_END = b"\xc0"
_ESCAPE = b"\xdb"
_ESCAPED_END = b"\xdb\xdc"
_ESCAPED_ESCAPE = b"\xdb\xdd"
_LONGEST_RAW = 256 * 1024
"""More bytes than any frame can take, escapes included: past this the line carries noise."""


def encode(frame: bytes) -> bytes:
    """Return `frame` as it goes over the line, with both end marks."""
    body = frame.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_END, _ESCAPED_END)
    return _END + body + _END


class SlipDecoder:
    """Collects bytes of any grouping into frames."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes, without empty ones.

        Bytes between two frames come out as a frame of their own; the loader does not know
        them as a command and drops them, as the chip does.
        """
        *complete, rest = data.split(_END)
        frames = []
        for piece in complete:
            raw = b"".join([*self._parts, piece])
            self._parts, self._size = [], 0
            if raw:
                frames.append(_unescape(raw))
        self._keep(rest)
        return frames

    def _keep(self, rest: bytes) -> None:
        self._size += len(rest)
        if self._size > _LONGEST_RAW:
            self._parts, self._size = [], 0
        elif rest:
            self._parts.append(rest)


def _unescape(raw: bytes) -> bytes:
    return raw.replace(_ESCAPED_END, _END).replace(_ESCAPED_ESCAPE, _ESCAPE)
