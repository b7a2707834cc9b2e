"""One process at a time on a port, whatever kind of port it is."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import urlsplit

import platformdirs

from startline_host.device.ports import PortInUse
from startline_host.util import printable

if sys.platform == "win32":
    import msvcrt

    # A Windows lock hides the bytes that it covers: it is put behind the owner's line.
    _LOCKED_BYTE = 1 << 16

    def try_lock(file: BinaryIO) -> None:
        """Lock a file for as long as it is open. Raises OSError where another one has."""
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def try_lock(file: BinaryIO) -> None:
        """Lock a file for as long as it is open. Raises OSError where another one has."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def canonical(url: str) -> str:
    """Return the one spelling of a port: links followed, options and case of a URL dropped."""
    if "://" in url:
        parts = urlsplit(url)
        return f"{parts.scheme.lower()}://{parts.netloc.lower()}"
    return url.upper() if sys.platform == "win32" else os.path.realpath(url)


class PortLock:
    """The right to use a port: held from `with` to its end, or to the end of this process.

    The operating system lets go of it when the process dies, however it dies. Raises PortInUse
    where another process holds it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        path = lock_path(self.url)
        file = path.open("a+b")
        try:
            try_lock(file)
        except OSError:
            file.close()
            raise PortInUse(
                f"The port {self.url} is in use by {_owner(path)}.", "Wait for it or end it."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()} {_own_command()}\n".encode())
        file.flush()
        self._file = file
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def lock_path(url: str) -> Path:
    """Return the lock file of a port, in a folder of the user's own that is made when missing."""
    folder = platformdirs.user_cache_path("startline") / "ports"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir())  # A home that cannot be written to.
    name = hashlib.sha256(os.fsencode(canonical(url))).hexdigest()[:16]
    return folder / f"port-{name}.lock"


def _owner(path: Path) -> str:
    pid, _, command = path.read_text(encoding="utf-8", errors="replace").strip().partition(" ")
    return f"process {pid} ({printable(command)})" if pid.isdecimal() else "another process"


def _own_command() -> str:
    # The program and its verb: the words after them may hold what is nobody's business.
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
