"""Answers from a device's MicroPython prompt, and what it knows of its files."""

from __future__ import annotations

import ast
import binascii
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from startline_host.device.port import Port
from startline_host.device.raw_repl import DeviceRaised, RawRepl
from startline_host.errors import Bug

#: Files whose digests are asked for in one go.
_TOGETHER = 40
#: A chip gives a decompressor's window from its heap: 2 to this power, in bytes.
_WINDOW_BITS = 12

#: What the raw REPL puts behind the output.
_END = b"\x04"

_PATIENCE = 8.0
_QUICK = 5.0
_SLOW = 30.0

#: CPython counts the depth of a syntax tree for all threads together (SystemError, gh-106905).
_PARSING = threading.Lock()

_UNPACKER = """
import io, os
from binascii import a2b_base64
try:
    import deflate
except ImportError:
    deflate = None
def _unpack(data):
    return deflate.DeflateIO(io.BytesIO(a2b_base64(data)), deflate.ZLIB).read()
"""

_DIGESTS = """
import hashlib
from binascii import hexlify
_buffer = memoryview(bytearray(1024))
def _digest(path):
    h = hashlib.sha256()
    try:
        f = open(path, 'rb')
    except OSError:
        return None
    while True:
        n = f.readinto(_buffer)
        if not n:
            break
        h.update(_buffer[:n])
    f.close()
    return hexlify(h.digest()).decode()
"""

_READING = """
from binascii import b2a_base64
def _read(path):
    f = open(path, 'rb')
    while True:
        part = f.read(768)
        if not part:
            break
        print(b2a_base64(part).decode(), end='')
    f.close()
"""

_LISTING = """
import os
def _list(path):
    try:
        return [(e[0], e[1] & 0x4000 != 0) for e in os.ilistdir(path)]
    except OSError:
        return []
"""


_RESTART = """
import machine
_kept = machine.RTC().memory
if _kept()[:4] == b"SLcl":
    _kept(b"")
machine.reset()
"""


class Repl:
    """The MicroPython prompt of the device at an open port, from `enter` to `leave`.

    Everything raises NoSuchPort when the port goes away and DeviceSilent when an answer does not
    come in time; what the device itself raises arrives as OSError or DeviceRaised.
    """

    def __init__(self, port: Port) -> None:
        self.port = port
        self._wire = RawRepl(port)
        self._known: set[str] = set()
        self._deflate: bool | None = None

    def enter(self, seconds: float = _PATIENCE, *, fresh: bool = True) -> None:
        """Interrupt what runs and take the prompt, with a fresh interpreter if one comes."""
        self._wire.enter(seconds)
        self._known.clear()
        if fresh and not self._wire.soft_reset():
            self._wire.enter(seconds)

    def catch(self, seconds: float) -> None:
        """Take the prompt of a chip that is just starting, before its own program can refuse it."""
        self._wire.catch(seconds)
        self._known.clear()
        if not self._wire.soft_reset():
            self._wire.enter(seconds)

    def leave(self) -> None:
        """Give the prompt back; nothing is started again."""
        self._wire.leave()

    def run(self, code: str, seconds: float = _QUICK) -> str:
        """Run code and return what it printed."""
        return self._wire.execute(code, seconds).decode("utf-8", errors="replace")

    def follow(self, code: str, take: Callable[[bytes], None], seconds: float) -> None:
        """Run code that takes a while, and hand what it prints to `take` as it comes."""
        self._wire.execute(code, seconds, lambda data: take(data.replace(_END, b"")))

    def value(self, expression: str, seconds: float = _QUICK) -> Any:
        """Return the value of an expression: numbers, texts, bytes, None, and containers of them."""
        printed = self.run(f"print(repr({expression}))", seconds).strip()
        try:
            with _PARSING:
                return ast.literal_eval(printed)
        except (ValueError, SyntaxError):
            raise Bug(f"The device's answer to {expression} is not a value.") from None

    def digests(self, paths: Iterable[str]) -> dict[str, str | None]:
        """Return the SHA-256 (hex) of each file, None for one that is not there."""
        self.define(_DIGESTS)
        asked = list(paths)
        told: list[str | None] = []
        for at in range(0, len(asked), _TOGETHER):
            told += self.value(f"[_digest(p) for p in {asked[at : at + _TOGETHER]}]", _SLOW)
        return dict(zip(asked, told, strict=True))

    def read_file(self, path: str) -> bytes:
        """Return a file's content. Raises FileNotFoundError where there is none."""
        self.define(_READING)
        lines = self.run(f"_read({path!r})", _SLOW).split()
        return b"".join(binascii.a2b_base64(line) for line in lines)

    def entries(self, folder: str) -> Mapping[str, bool]:
        """Return the names in a folder, each with whether it is a folder; empty for none."""
        self.define(_LISTING)
        return dict(self.value(f"_list({folder!r})"))

    def files_below(self, folder: str) -> list[str]:
        """Return the path of every file below a folder, "" for the root; none where it is not there."""
        found: list[str] = []
        for name, is_folder in self.entries(folder or "/").items():
            path = f"{folder}/{name}"
            found += self.files_below(path) if is_folder else [path]
        return found

    def can_import(self, module: str) -> bool:
        """Tell whether the device has a module, on its file system or in its firmware."""
        try:
            self.run(f"import {module}", _SLOW)
        except DeviceRaised:
            return False
        return True

    def remove(self, path: str) -> None:
        """Remove a file. Raises FileNotFoundError where there is none."""
        self.run(f"import os\nos.remove({path!r})", _SLOW)

    def restart(self) -> None:
        """Restart the chip (machine.reset()); its console follows on the same port.

        That a tool does so is no crash: the agent's count of quick resets begins anew.
        """
        self._wire.start(_RESTART)

    def define(self, code: str) -> None:
        """Run definitions once in an interpreter's life."""
        if code not in self._known:
            self.run(code)
            self._known.add(code)

    def packed(self, chunk: bytes) -> str:
        """Return an expression whose value on the device is `chunk`, as short as it can be sent."""
        self.define(_UNPACKER)
        if self._deflate is None:
            self._deflate = bool(self.value("deflate is not None"))
        if self._deflate:
            packer = zlib.compressobj(9, zlib.DEFLATED, _WINDOW_BITS)
            packed = packer.compress(chunk) + packer.flush()
            if len(packed) < len(chunk):
                return f"_unpack({_base64(packed)})"
        return f"a2b_base64({_base64(chunk)})"


def _base64(data: bytes) -> str:
    return repr(binascii.b2a_base64(data, newline=False))
