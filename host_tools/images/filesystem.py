"""LittleFS images of exactly a partition's size, as MicroPython's VfsLfs2 mounts them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from littlefs import LittleFS, LittleFSError, UserContext

from host_tools.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = 4096
#: Disk version 2.0: firmware of any age mounts it, 2.1 is refused by older ones.
_DISK_VERSION = 0x0002_0000
#: For reading: a device with a newer LittleFS raises the version when it first writes.
_ANY_VERSION = 0
#: What vfs.VfsLfs2 uses over an esp32.Partition. A larger cache here would make inline files
#: that the device's cache cannot hold.
_READ = _PROGRAM = _LOOKAHEAD = 32
_CACHE = 4 * _READ


def _open(size: int, context: UserContext, disk_version: int) -> LittleFS:
    return LittleFS(
        context,
        mount=False,
        block_size=BLOCK,
        block_count=size // BLOCK,
        read_size=_READ,
        prog_size=_PROGRAM,
        cache_size=_CACHE,
        lookahead_size=_LOOKAHEAD,
        disk_version=disk_version,
    )


def make_filesystem(files: Mapping[str, bytes], size: int) -> bytes:
    """Return an image of `size` bytes with the files (absolute POSIX path: content).

    The same files give the same bytes. Raises BadInput where they do not fit.
    """
    if size % BLOCK or size < 2 * BLOCK:
        raise BadInput(f"A file system cannot have {size} bytes: it is made of blocks of {BLOCK}.")
    context = UserContext(buffsize=size)
    fs = _open(size, context, _DISK_VERSION)
    try:
        fs.format()
        fs.mount()
        for path, content in sorted(files.items()):
            parent = PurePosixPath(path).parent
            if parent != PurePosixPath("/"):
                fs.makedirs(str(parent), exist_ok=True)
            with fs.open(path, "wb") as file:
                file.write(content)
        fs.unmount()
    except LittleFSError as error:
        if error.code != LittleFSError.Error.LFS_ERR_NOSPC:
            raise
        total = sum(map(len, files.values()))
        raise BadInput(
            f"{total} bytes of files do not fit a file system of {size} bytes."
        ) from None
    return bytes(context.buffer)


def read_filesystem(image: bytes) -> dict[str, bytes]:
    """Return every file of an image by its absolute path. Raises BadInput for a broken one."""
    if len(image) % BLOCK or not image:
        raise BadInput(f"A file system image of {len(image)} bytes is not made of whole blocks.")
    fs = _open(len(image), UserContext(buffer=bytearray(image)), _ANY_VERSION)
    files: dict[str, bytes] = {}
    try:
        fs.mount()
        for folder, _folders, names in fs.walk("/"):
            for name in names:
                path = str(PurePosixPath(folder) / name)
                with fs.open(path, "rb") as file:
                    files[path] = file.read()
    except LittleFSError as error:
        raise BadInput(f"This is no intact file system of {len(image)} bytes: {error}.") from None
    return files
