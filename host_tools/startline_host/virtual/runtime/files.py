"""What stands between the VM and a mounted file system: source text on its way to the compiler.

The VM's importer asks a file system in Python for `stat` and then at once for `open`; a program's
own `os.stat` comes through the stand-in for `os`, which says so. So an import's reads are known
from the program's, and only those get the text as the chip's compiler reads it.
"""

import io
from os import ilistdir as _vfs_ilistdir
from os import stat as _vfs_stat

import vfs as _vfs

from .chip import current
from .open_file import wrap
from .source import fold
from .volume import Volume

_DIRECTORY = 0x4000
_FILE = 0x8000
_NOT_A_DIRECTORY = 20
_FOLDERS = ("/", "/lib")


class _ExpectedSource:
    """The path of the source file that is to be compiled next, and who asks for `stat`."""

    path = None
    by_program = False


class _ImportWatch:
    """Who wants to know of a new module, and who knows the chip's time for the computer's."""

    uncover = None
    of_chip = None


def _interruptible(name: str):
    """Return a method that does what `real`'s does, and lets Ctrl-C interrupt before that."""

    def call(self, *args):
        current().console.check()
        return getattr(self.real, name)(*args)

    return call


class SourceFiles:
    """A file system, `real`, whose source files are compiled as on the chip."""

    def __init__(self, real) -> None:
        self.real = real
        self._is_lfs = isinstance(real, _vfs.VfsLfs2)
        self._is_native = isinstance(real, (_vfs.VfsLfs2, _vfs.VfsFat))

    def __repr__(self) -> str:
        return repr(self.real)

    def __getattr__(self, name: str):
        return getattr(self.real, name)

    def open(self, path: str, mode: str = "r"):
        """Open a file; one that the importer has just found gives its text for the compiler."""
        expected, _ExpectedSource.path = _ExpectedSource.path, None
        if path == expected and mode == "rb":
            return self._open_module(path)
        current().console.check()
        if mode[:1] in "wa":
            _written(path)
        file = self.real.open(path, mode)
        return wrap(file, mode) if self._is_native else file

    def _open_module(self, path: str):
        file = self.real.open(path, "rb")
        if not path.endswith(".py"):
            return file
        with file:
            return io.BytesIO(fold(file.read()))

    def ilistdir(self, *args):
        """Return an iterator over a folder's entries."""
        current().console.check()
        return _entries(self.real.ilistdir(*args))

    chdir = _interruptible("chdir")
    getcwd = _interruptible("getcwd")
    mkdir = _interruptible("mkdir")
    remove = _interruptible("remove")
    rename = _interruptible("rename")
    rmdir = _interruptible("rmdir")
    statvfs = _interruptible("statvfs")

    def stat(self, path: str) -> tuple:
        """Return what `os.stat` does; the importer gets the mode alone, as it does from C code."""
        _ExpectedSource.path = None
        if _ExpectedSource.by_program:
            current().console.check()
            return self._with_times(self.real.stat(path))
        mode = self._mode(path) if self._is_lfs else self.real.stat(path)[0]
        if mode == _FILE and path.endswith((".py", ".mpy")):
            _ExpectedSource.path = path
        return (mode, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    def _with_times(self, found: tuple) -> tuple:
        if not self._is_lfs or not _ImportWatch.of_chip:
            return found
        return found[:7] + tuple(_ImportWatch.of_chip(seconds) for seconds in found[7:])

    def _mode(self, path: str) -> int:
        """Look only at the directory entry: `stat` of a LittleFS also reads the file's time."""
        try:
            self.real.ilistdir(path)
            return _DIRECTORY
        except OSError as error:
            if error.errno == _NOT_A_DIRECTORY:
                return _FILE
            raise


class VfsLfs2(SourceFiles):
    """Stand in for `vfs.VfsLfs2`."""

    def __init__(self, device, **options) -> None:
        super().__init__(_vfs.VfsLfs2(Volume.of(device), **options))

    @staticmethod
    def mkfs(device, **options) -> None:
        """Make an empty file system."""
        _vfs.VfsLfs2.mkfs(Volume.of(device), **options)


class VfsFat(SourceFiles):
    """Stand in for `vfs.VfsFat`."""

    def __init__(self, device) -> None:
        super().__init__(_vfs.VfsFat(Volume.of(device)))

    @staticmethod
    def mkfs(device) -> None:
        """Make an empty file system."""
        _vfs.VfsFat.mkfs(Volume.of(device))


def _entries(real):
    for entry in real:
        current().console.check()
        yield entry


def tell_times(of_chip) -> None:
    """Give files the times of `of_chip(seconds)`, which takes those of the computer."""
    _ImportWatch.of_chip = of_chip


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
        return _vfs.mount()
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
    if isinstance(device, SourceFiles):
        return device
    if hasattr(device, "open"):
        return SourceFiles(device)
    try:
        return VfsLfs2(device)
    except Exception:
        # As the port does: a device may not even know how LittleFS reads. FAT is what is left.
        return VfsFat(device)
