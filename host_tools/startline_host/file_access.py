"""Reads and writes whatever a person named: no pipe, device or endless file holds a command up.

Everything is told as an OSError, whose `strerror` ends a sentence: the caller says what the file was
for, and a pipe is told no differently from a file that is missing.
"""

from __future__ import annotations

import errno
import hashlib
import os
import select
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Bytes of the largest file that anything here is made of: the flash of a chip.
MOST = 128 << 20
#: Bytes of the largest text that a person writes: settings, scenarios, certificates.
MOST_TEXT = 4 << 20
#: Seconds that a named pipe is given to find somebody at its other end, and that one at the other
#: end may be silent: a command that makes the text may ask a person for a passphrase first.
_TO_MEET, _SILENT = 10.0, 60.0
_RETRY = 0.05
_PIECE = 1 << 20
# Opened so, a pipe does not wait for its other end, and a terminal does not become this process's.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
#: A pipe that a shell made for a command has this in place of a path.
_NAMELESS = "pipe:["
#: Where names stand for what a process has open.
_OPENED = (Path("/dev"), Path("/proc"))


def read_file(path: Path, most: int = MOST) -> bytes:
    """Return the bytes of a file, or those that a pipe gives until its writer closes it.

    A pipe gives them once. Raises OSError for what cannot be read, for devices, terminals and
    sockets, for a pipe that nobody writes to, and for more than `most` bytes.
    """
    found = path.stat()
    if found.st_size > most and stat.S_ISREG(found.st_mode):
        raise _too_much(path, most)
    if (kind := _kind(path, found)) and not _is_nothing(found):
        raise OSError(errno.EINVAL, f"Is a {kind}", str(path))
    descriptor = os.open(path, os.O_RDONLY | _AT_ONCE)
    try:
        if stat.S_ISFIFO(found.st_mode):
            data = _from_pipe(descriptor, path, most)
        else:
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise _too_much(path, most)
    return data


def visible_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, without hidden ones and what Python keeps in __pycache__.

    Into folders of these names it never looks: what is in them comes and goes. Raises OSError for a
    folder that cannot be read, where a glob would leave it out.
    """

    def fail(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if name[0] != "." and name != "__pycache__"]
        paths = (Path(place, name) for name in names if name[0] != ".")
        yield from (path for path in paths if path.is_file())


def digest_of(paths: Iterable[Path]) -> bytes:
    """Return one SHA-256 of files' paths and contents. Raises OSError for what cannot be read."""
    found = hashlib.sha256()
    for path in paths:
        data = read_file(path)
        found.update(b"%s\0%d\0" % (str(path).encode(), len(data)) + data)
    return found.digest()


def write_stream(path: Path, data: bytes) -> None:
    """Write to what is no file of a folder: a pipe, a terminal, another device, this one's output.

    Raises OSError, also for a socket and for a pipe that nobody reads.
    """
    check_stream(path)
    own = _own_output(path.stat())
    descriptor = os.dup(own) if own is not None else _open_to_write(path)
    try:
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(descriptor, left[:_PIECE]) :]
            except BlockingIOError:
                if not _ready(descriptor, select.POLLOUT, _SILENT):
                    raise OSError(errno.ETIMEDOUT, "Nobody reads it", str(path)) from None
    finally:
        os.close(descriptor)


def check_stream(path: Path) -> None:
    """Raise OSError for what `write_stream` cannot write to, as far as it shows without opening it.

    A pipe's reader would take its being opened and closed for the end.
    """
    found = path.stat()
    if stat.S_ISSOCK(found.st_mode) and _own_output(found) is None:
        raise OSError(errno.EINVAL, "Is a socket", str(path))


def is_stream(path: Path) -> bool:
    """Tell whether a path is there and names no file of a folder: it is written to as it is."""
    try:
        found = path.stat()
    except OSError:
        return False
    kept = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return not kept or _own_output(found) is not None


def check_file(path: Path, most: int | None = None) -> None:
    """Raise OSError where something is there that keeps no bytes as a file does, such as a pipe.

    So it is for a file of more than `most` bytes. A folder is left to whoever opens it, whose words
    are better.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    kind = "pipe" if stat.S_ISFIFO(found.st_mode) else _kind(path, found)
    if kind:
        raise OSError(errno.EINVAL, f"Is a {kind}, and a file is needed", str(path))
    if most is not None and found.st_size > most:
        raise _too_much(path, most)


def folder_of(path: Path) -> Path:
    """Return the folder that names in a file are relative to: its own, or the current one.

    What came through a pipe or from standard input has no folder of its own.
    """
    if any(path.parent.is_relative_to(place) for place in _OPENED) or path.is_fifo():
        return Path()
    return path.parent


def _kind(path: Path, found: os.stat_result) -> str:
    """Return what a path names that is neither file, folder nor pipe; "" for those."""
    if stat.S_ISSOCK(found.st_mode):
        return "socket"
    if stat.S_ISCHR(found.st_mode):
        name = os.path.realpath(path)
        return "terminal" if name == "/dev/tty" or "/pts/" in name else "device"
    return "device" if stat.S_ISBLK(found.st_mode) else ""


def _is_nothing(found: os.stat_result) -> bool:
    """Tell whether it is the device that is always empty."""
    return os.path.samestat(found, os.stat(os.devnull))  # noqa: PTH116 - no path of anybody's


def _too_much(path: Path, most: int) -> OSError:
    size = f"{most >> 20} MB" if most >= 1 << 20 else f"{most >> 10} KB"
    return OSError(errno.EINVAL, f"Holds more than {size}", str(path))


def _ready(descriptor: int, event: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, event)
    return bool(poll.poll(seconds * 1000))


def _from_pipe(descriptor: int, path: Path, most: int) -> bytes:
    """Read a pipe to its end. One that nobody has opened for writing yet reads as ended."""
    data = bytearray()
    # The writer of a pipe without a name was there before this process, and may have gone.
    met, patience = _NAMELESS in os.path.realpath(path), _TO_MEET
    while len(data) <= most:
        try:
            piece = os.read(descriptor, _PIECE)
        except BlockingIOError:
            met = True
            if not _ready(descriptor, select.POLLIN, _SILENT):
                words = f"Nothing came from this pipe in {_SILENT:.0f} s"
                raise OSError(errno.ETIMEDOUT, words, str(path)) from None
            continue
        data += piece
        if piece:
            met = True
        elif met:
            break
        elif not patience:
            raise OSError(errno.ETIMEDOUT, "Nobody writes to this pipe", str(path))
        else:
            # A writer that is there and says nothing yet is seen by the next read alone.
            met, patience = _ready(descriptor, select.POLLIN, patience), 0.0
    return bytes(data)


def _open_to_write(path: Path) -> int:
    """Open a device or a pipe, whose reader may come a moment later."""
    end = time.monotonic() + _TO_MEET
    while True:
        try:
            return os.open(path, os.O_WRONLY | _AT_ONCE)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() >= end:
                raise OSError(errno.ENXIO, "Nobody reads it", str(path)) from None
            time.sleep(_RETRY)


def _own_output(found: os.stat_result) -> int | None:
    """Return the descriptor of this process's output that a path names, such as /dev/stdout."""
    for descriptor in (1, 2):
        try:
            if os.path.samestat(found, os.fstat(descriptor)):
                return descriptor
        except OSError:
            continue
    return None
