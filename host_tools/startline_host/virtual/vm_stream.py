"""Takes apart what the VM writes: console text, raw bytes, and words for the process beside it.

The format is told in runtime/vm_console.py: frames start with a prefix of 5 bytes that each life
gets anew, so that nothing a program prints can be taken for one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Literal, NamedTuple

_HEAD = 3
RAW = ord("R")


class StreamPiece(NamedTuple):
    """What came next: "line" bytes for the console, or a "word" for the process."""

    kind: Literal["line", "word"]
    data: bytes


def make_prefix() -> bytes:
    """Return a prefix that no UTF-8 text contains."""
    return b"\xff" + bytes(0x80 + secrets.randbelow(0x7F) for _ in range(4))


def frame(prefix: bytes, word: bytes) -> bytes:
    """Return a word as the VM would send it."""
    return prefix + b"C" + len(word).to_bytes(2, "little") + word


class VmStreamDecoder:
    """Splits a stream of bytes into pieces; a frame that is not complete waits for the rest."""

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[StreamPiece]:
        """Take bytes and yield what they complete."""
        self._buffer += data
        while self._buffer:
            start = self._buffer.find(self._prefix)
            if start:
                end = len(self._buffer) - self._tail() if start < 0 else start
                text, self._buffer = self._buffer[:end], self._buffer[end:]
                if text:
                    yield StreamPiece("line", text.replace(b"\n", b"\r\n"))
                if start < 0:
                    return
            head = len(self._prefix) + _HEAD
            size = int.from_bytes(self._buffer[head - 2 : head], "little")
            if len(self._buffer) < head + size:
                return
            kind = self._buffer[head - _HEAD]
            payload = self._buffer[head : head + size]
            self._buffer = self._buffer[head + size :]
            yield StreamPiece("line" if kind == RAW else "word", payload)

    def _tail(self) -> int:
        """Return how many bytes at the end may be the beginning of a prefix."""
        for length in range(len(self._prefix) - 1, 0, -1):
            if self._buffer.endswith(self._prefix[:length]):
                return length
        return 0
