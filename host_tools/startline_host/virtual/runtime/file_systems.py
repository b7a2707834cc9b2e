"""`vfs.VfsLfs2` and `vfs.VfsFat`: the VM's own, with what makes them as C on a chip.

Ctrl-C is noticed before an operation and in none (open_file.py), the flash under one starts no
garbage collection (volume.py), and files have the times of the chip's clock (file_times.py).
"""

import vfs as _vfs

from .chip import current
from .open_file import wrap
from .partition import Partition
from .volume import Volume


class _ChipTime:
    """Who knows the chip's time for the computer's: a `FileTimes`, or nobody."""

    times = None


def tell_times(times) -> None:
    """Give files the times of a `FileTimes`."""
    _ChipTime.times = times


def _interruptible(name: str):
    """Return a method that does what `native`'s does, and lets Ctrl-C interrupt before that."""

    def call(self, *args):
        current().console.check()
        return getattr(self.native, name)(*args)

    return call


class _FileSystem:
    """A file system of the VM's own, `native`."""

    _resolution = 1

    def __init__(self, native, device) -> None:
        self.native = native
        self._label = device.row.label if isinstance(device, Partition) else None

    def __repr__(self) -> str:
        return repr(self.native)

    def open(self, path: str, mode: str = "r"):
        """Open a file."""
        current().console.check()
        file = self.native.open(path, mode)
        name = self._name(path) if mode.strip("rbt") else None
        if name is None:
            return wrap(file, mode)
        if "w" in mode:
            _ChipTime.times.written(name)
        return wrap(file, mode, lambda: _ChipTime.times.written(name))

    def stat(self, path: str) -> tuple:
        """Return what `os.stat` does."""
        current().console.check()
        found = self.native.stat(path)
        times = _ChipTime.times
        if not times:
            return found
        name = self._name(path) or ""
        return found[:7] + (times.of_chip(found[8], self._resolution, name),) * 3

    def rename(self, old: str, new: str) -> None:
        """Give a file or a folder another name."""
        current().console.check()
        self.native.rename(old, new)
        if self._name(old):
            _ChipTime.times.renamed(self._name(old), self._name(new))

    def ilistdir(self, *args):
        """Return an iterator over a folder's entries."""
        current().console.check()
        return _entries(self.native.ilistdir(*args))

    def mount(self, *args):
        """Be mounted."""
        return self.native.mount(*args)

    def umount(self):
        """Be no longer mounted."""
        return self.native.umount()

    chdir = _interruptible("chdir")
    getcwd = _interruptible("getcwd")
    mkdir = _interruptible("mkdir")
    remove = _interruptible("remove")
    rmdir = _interruptible("rmdir")
    statvfs = _interruptible("statvfs")

    def _name(self, path: str):
        """Return what a file's times are kept under, None where none are."""
        if not _ChipTime.times or self._label is None:
            return None
        if path[:1] != "/":
            path = self.native.getcwd().rstrip("/") + "/" + path
        return self._label + ":" + path


class VfsLfs2(_FileSystem):
    """LittleFS."""

    def __init__(self, device, **options) -> None:
        super().__init__(_vfs.VfsLfs2(Volume.of(device), **options), device)

    @staticmethod
    def mkfs(device, **options) -> None:
        """Make an empty file system."""
        _vfs.VfsLfs2.mkfs(Volume.of(device), **options)


class VfsFat(_FileSystem):
    """FAT, which counts time in steps of two seconds."""

    _resolution = 2

    def __init__(self, device) -> None:
        super().__init__(_vfs.VfsFat(Volume.of(device)), device)

    @staticmethod
    def mkfs(device) -> None:
        """Make an empty file system."""
        _vfs.VfsFat.mkfs(Volume.of(device))


def _entries(real):
    for entry in real:
        current().console.check()
        yield entry
