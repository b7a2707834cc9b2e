"""What stands between the VM and a mounted file system: source text on its way to the compiler.

The VM's importer asks a file system in Python for `stat` and then at once for `open`; a program's
own `os.stat` comes through the stand-in for `os`, which says so. So an import's reads are known
from the program's, and only those get the text as the chip's compiler reads it.
"""

import io
from os import ilistdir as _vfs_ilistdir
from os import stat as _vfs_stat

import vfs as _vfs

from .file_systems import VfsFat, VfsLfs2
from .source import fold

_DIRECTORY = 0x4000
_FILE = 0x8000
_NOT_A_DIRECTORY = 20
_CHUNK = 256
_FOLDERS = ("/", "/lib")


class _ExpectedSource:
    """The path of the source file that is to be compiled next, and who asks for `stat`."""

    path = None
    by_program = False


class _ImportWatch:
    """Who wants to know of a new module."""

    uncover = None


class SourceFiles:
    """A file system, `real`, whose source files are compiled as on the chip."""

    def __init__(self, real) -> None:
        self.real = real
        # Imports read past what a program's operations go through.
        self._native = getattr(real, "native", real)
        self._is_lfs = isinstance(real, VfsLfs2)

    def __repr__(self) -> str:
        return repr(self.real)

    def __getattr__(self, name: str):
        return getattr(self.real, name)

    def open(self, path: str, mode: str = "r"):
        """Open a file; one that the importer has just found gives its text for the compiler."""
        expected, _ExpectedSource.path = _ExpectedSource.path, None
        if path == expected and mode == "rb":
            return self._open_module(path)
        if mode[:1] in "wa":
            _written(path)
        return self.real.open(path, mode)

    def _open_module(self, path: str):
        file = self._native.open(path, "rb")
        if not path.endswith(".py"):
            return file
        if hasattr(file, "ioctl"):
            return _SourceStream(file)
        with file:
            return io.BytesIO(fold(file.read()))

    def stat(self, path: str) -> tuple:
        """Return what `os.stat` does; the importer gets the mode alone, as it does from C code."""
        _ExpectedSource.path = None
        if _ExpectedSource.by_program:
            return self.real.stat(path)
        mode = self._mode(path) if self._is_lfs else self._native.stat(path)[0]
        if mode == _FILE and path.endswith((".py", ".mpy")):
            _ExpectedSource.path = path
        return (mode, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    def _mode(self, path: str) -> int:
        """Look only at the directory entry: `stat` of a LittleFS also reads the file's time."""
        try:
            self._native.ilistdir(path)
            return _DIRECTORY
        except OSError as error:
            if error.errno == _NOT_A_DIRECTORY:
                return _FILE
            raise


class _SourceStream(io.IOBase):
    """Source text behind a stream of a program's own file system, which has what C code needs."""

    def __init__(self, real) -> None:
        self._real = real
        self._text = None

    def readinto(self, buffer) -> int:
        if self._text is None:
            self._text = io.BytesIO(fold(self._read()))
        return self._text.readinto(buffer)

    def ioctl(self, request: int, arg: int) -> int:
        return self._real.ioctl(request, arg)

    def _read(self) -> bytes:
        text = b""
        buffer = bytearray(_CHUNK)
        while True:
            count = self._real.readinto(buffer)
            if not count:
                return text
            text += buffer[:count]


def watch(uncover) -> None:
    """Call `uncover(folder, entry)` for what lies where modules are looked for, now and later."""
    _ImportWatch.uncover = uncover
    for folder in _FOLDERS:
        try:
            for entry in _vfs_ilistdir(folder):
                uncover(folder, entry[0])
        except OSError:
            continue


def _written(path: str) -> None:
    folder, _, entry = path.lstrip("/").rpartition("/")
    if _ImportWatch.uncover and "/" + folder in _FOLDERS:
        _ImportWatch.uncover("/" + folder, entry)


def expect_source(path: str) -> None:
    """Say that the file opened next is one to compile."""
    _ExpectedSource.path = path


def stat(path: str) -> tuple:
    """Stand in for `os.stat`."""
    _ExpectedSource.by_program = True
    try:
        return _vfs_stat(path)
    finally:
        _ExpectedSource.by_program = False


def mount(*what, **options):
    """Stand in for `vfs.mount`: of a file system or of a block device, or the list of both."""
    if not what:
        return [(getattr(files, "real", files), path) for files, path in _vfs.mount()]
    device, *rest = what
    _vfs.mount(_wrap(device), *rest, **options)
    return None


def umount(what) -> None:
    """Stand in for `vfs.umount`, by mount point or by file system."""
    for files, _ in _vfs.mount():
        if isinstance(files, SourceFiles) and files.real is what:
            what = files
    _vfs.umount(what)


def _wrap(device):
    if hasattr(device, "open"):
        return SourceFiles(device)
    try:
        return SourceFiles(VfsLfs2(device))
    except Exception:
        # As the port does: a device may not even know how LittleFS reads. FAT is what is left.
        return SourceFiles(VfsFat(device))
