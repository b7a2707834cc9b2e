"""LittleFS images of exactly a partition's size, as MicroPython's VfsLfs2 mounts them."""

from __future__ import annotations

import contextlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from littlefs import LittleFS, LittleFSError, UserContext

from startline_host.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

BLOCK = 4096
#: Disk version 2.0: firmware of any age mounts it, 2.1 is refused by older ones.
_DISK_VERSION = 0x0002_0000
#: For reading: a device with a newer LittleFS raises the version when it first writes.
_ANY_VERSION = 0
#: What vfs.VfsLfs2 uses over an esp32.Partition. A larger cache here would make inline files
#: that the device's cache cannot hold.
_READ = _PROGRAM = _LOOKAHEAD = 32
_CACHE = 4 * _READ
#: Every look at a name reads a folder's log. So it is split at this length, unless there is no
#: room, which leaves short logs of which most looks read one; no file's content lies in it; and it
#: is compacted in the end. Without, a bound boot reads its flash half as often again. Names are
#: written from the last to the first, and a folder's files before its folders: a log is split at its
#: end, so that those are the shortest that come first. In the order of names it is a sixth more.
_METADATA = 512
_NO_INLINE = 0xFFFF_FFFF
#: A log whose end is no multiple of this is compacted by a collection of garbage.
_COMPACTED = 128


def _open(
    size: int,
    context: UserContext,
    disk_version: int,
    *,
    program: int = _PROGRAM,
    metadata: int = BLOCK,
) -> LittleFS:
    return LittleFS(
        context,
        mount=False,
        block_size=BLOCK,
        block_count=size // BLOCK,
        read_size=_READ,
        prog_size=program,
        cache_size=_CACHE,
        lookahead_size=_LOOKAHEAD,
        metadata_max=metadata,
        inline_max=_NO_INLINE,
        disk_version=disk_version,
    )


def make_filesystem(files: Mapping[str, bytes], size: int) -> bytes:
    """Return an image of `size` bytes with the files (absolute POSIX path: content).

    The same files give the same bytes. Raises BadInput where they do not fit.
    """
    if size % BLOCK or size < 2 * BLOCK:
        raise BadInput(f"A file system cannot have {size} bytes: it is made of blocks of {BLOCK}.")
    with contextlib.suppress(LittleFSError):
        return _made(files, size, _METADATA)
    try:
        return _made(files, size, BLOCK)
    except LittleFSError as error:
        if error.code != LittleFSError.Error.LFS_ERR_NOSPC:
            raise
        total = sum(map(len, files.values()))
        raise BadInput(
            f"{total} bytes of files do not fit a file system of {size} bytes."
        ) from None


def _made(files: Mapping[str, bytes], size: int, metadata: int) -> bytes:
    context = UserContext(buffsize=size)
    fs = _open(size, context, _DISK_VERSION, metadata=metadata)
    fs.format()
    fs.mount()
    for path in sorted(files, key=lambda path: (-path.count("/"), path), reverse=True):
        parent = PurePosixPath(path).parent
        if parent != PurePosixPath("/"):
            fs.makedirs(str(parent), exist_ok=True)
        with fs.open(path, "wb") as file:
            file.write(files[path])
    fs.unmount()
    fs = _open(size, context, _DISK_VERSION, program=_COMPACTED)
    fs.mount()
    fs.fs_gc()  # type: ignore[no-untyped-call]
    fs.unmount()
    return bytes(context.buffer)


def read_filesystem(image: bytes) -> dict[str, bytes]:
    """Return every file of an image by its absolute path. Raises BadInput for a broken one."""
    if len(image) % BLOCK or not image:
        raise BadInput(f"A file system image of {len(image)} bytes is not made of whole blocks.")
    fs = _open(len(image), UserContext(buffer=bytearray(image)), _ANY_VERSION)
    try:
        fs.mount()
        return {path: _content(fs, path) for path in _paths(fs)}
    except LittleFSError as error:
        raise _broken(len(image), error) from None


def list_filesystem(
    size: int, read: Callable[[int, int], bytes], wanted: Container[str] = ()
) -> dict[str, bytes]:
    """Return every file by its path, with the content of those `wanted` and b"" for the others.

    `read(offset, length)` gives the bytes of the partition, of which only what is needed is read.
    Raises BadInput for a broken file system, and whatever `read` raises.
    """
    context = _ReadOnly(size, read)
    fs = _open(size, context, _ANY_VERSION)
    try:
        fs.mount()
        return {path: _content(fs, path) if path in wanted else b"" for path in _paths(fs)}
    except LittleFSError as error:
        if context.failure is not None:
            raise context.failure from None
        raise _broken(size, error) from None


def salvage_filesystem(
    size: int, read: Callable[[int, int], bytes], wanted: Callable[[str], bool]
) -> dict[str, bytes | None]:
    """Return as much of a file system as can be read: every file that it names, {} for nothing.

    Those `wanted` come with their content, or None where that cannot be read; the others with b"".
    `read(offset, length)` gives the bytes of the partition. Raises whatever it raises.
    """
    context = _ReadOnly(size, read)
    fs = _open(size, context, _ANY_VERSION)
    found: dict[str, bytes | None] = {}
    with contextlib.suppress(LittleFSError):
        fs.mount()
        for path in _paths(fs):
            found[path] = None if wanted(path) else b""
            if wanted(path):
                with contextlib.suppress(LittleFSError):
                    found[path] = _content(fs, path)
    if context.failure is not None:
        raise context.failure from None
    return found


class _ReadOnly(UserContext):
    """Takes the bytes of a file system from elsewhere; what fails there is kept for the caller."""

    def __init__(self, size: int, read: Callable[[int, int], bytes]) -> None:
        super().__init__(buffer=bytearray())
        self.in_size = size
        self.failure: Exception | None = None
        self._read = read

    def read(self, _configuration: object, block: int, offset: int, size: int) -> bytearray:
        try:
            return bytearray(self._read(block * BLOCK + offset, size))
        except Exception as error:  # noqa: BLE001 - the C code in between lets none through
            self.failure = self.failure or error
            return bytearray(size)


def _paths(fs: LittleFS) -> list[str]:
    return [
        str(PurePosixPath(folder) / name) for folder, _, names in fs.walk("/") for name in names
    ]


def _content(fs: LittleFS, path: str) -> bytes:
    with fs.open(path, "rb") as file:
        return bytes(file.read())


def _broken(size: int, error: LittleFSError) -> BadInput:
    return BadInput(f"This is not an intact file system of {size} bytes: {error}.")
