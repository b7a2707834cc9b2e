"""Sends files to a device's MicroPython prompt, many small ones together, for few bytes on the line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

from startline_host.device.raw_repl import DeviceRaised
from startline_host.device.repl import Repl
from startline_host.errors import StartlineError

#: Bytes of files that travel in one piece: small files deflate by a tenth better together. A chip
#: needs some five times as much of its heap (source, text, bytes, window and result).
PIECE = 8192
_SLOW = 30.0

_STORE = """
import os
_file = None
_name = ''
def _folders(names):
    for name in names:
        try:
            os.mkdir(name)
        except OSError as error:
            if error.errno != 17:
                raise
def _store(data, *parts):
    global _file, _name
    data = memoryview(data)
    for name, size, ends in parts:
        if name:
            _name = name
            _file = open(name + '.new', 'wb')
        _file.write(data[:size])
        data = data[size:]
        if ends:
            _file.close()
            os.rename(_name + '.new', _name)
def _drop():
    try:
        _file.close()
    except OSError:
        pass
    os.remove(_name + '.new')
"""


class NotStored(Exception):
    """A device could not store a file: `path`, and the OSError or DeviceRaised that it ended in."""

    def __init__(self, path: str, reason: OSError | DeviceRaised) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def send_files(
    repl: Repl, files: Mapping[str, bytes], progress: Callable[[int], None] | None = None
) -> None:
    """Write files (absolute path: content) in their order, and the folders that they need.

    Each is written beside its place first, then moved there, so that a cut leaves one whole.
    `progress` is told the bytes that have arrived. Raises NotStored; what came before it stays.
    """
    repl.define(_STORE)
    path = next(iter(files), "")
    done = 0
    try:
        if folders := _folders(files):
            repl.run(f"_folders({folders})", _SLOW)
        for data, parts in file_chunks(files):
            path = parts[0][0] or path
            repl.run(f"_store({repl.packed(data)}, {', '.join(map(repr, parts))})", _SLOW)
            done += len(data)
            if progress is not None:
                progress(done)
    except (OSError, DeviceRaised) as reason:
        raise NotStored(_drop(repl) or path, reason) from None


#: A stretch of a piece: the file that begins with it ("" where one goes on), its bytes, and
#: whether the file ends with it.
Part = tuple[str, int, bool]


def file_chunks(files: Mapping[str, bytes]) -> Iterator[tuple[bytes, list[Part]]]:
    """Yield the files' bytes in pieces of at most PIECE, each with what it is made of."""
    held, parts = b"", list[Part]()
    for path, content in files.items():
        name, rest = path, content
        while True:
            taken = rest[: PIECE - len(held)]
            rest = rest[len(taken) :]
            held += taken
            parts.append((name, len(taken), not rest))
            name = ""
            if len(held) == PIECE:
                yield held, parts
                held, parts = b"", []
            if not rest:
                break
    if parts:
        yield held, parts


def _folders(files: Mapping[str, bytes]) -> list[str]:
    """Return the folders above the files, outer ones first."""
    found: set[str] = set()
    for path in files:
        parts = path.strip("/").split("/")[:-1]
        found |= {"/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)}
    return sorted(found)


def _drop(repl: Repl) -> str:
    """Remove what was half written, and return the path of its file, "" where none is known."""
    with contextlib.suppress(OSError, DeviceRaised, StartlineError):
        name = str(repl.value("_name"))
        with contextlib.suppress(OSError, DeviceRaised):
            repl.run("_drop()", _SLOW)
        return name
    return ""
