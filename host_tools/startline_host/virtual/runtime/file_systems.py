"""`vfs.VfsLfs2` and `vfs.VfsFat`: the VM's own, with what makes them as C on a chip.

Ctrl-C is noticed before an operation and in none (open_file.py), the flash under one starts no
garbage collection (volume.py), and files have the times of the chip's clock (file_times.py).
"""

import vfs as _vfs

from .chip import current
from .open_file import wrap
from .volume import Volume


class _ChipTime:
    """Who knows the chip's time for the computer's."""

    of_chip = None


def tell_times(of_chip) -> None:
    """Give files the times of `of_chip(seconds, resolution)`, which takes the computer's."""
    _ChipTime.of_chip = of_chip


def _interruptible(name: str):
    """Return a method that does what `native`'s does, and lets Ctrl-C interrupt before that."""

    def call(self, *args):
        current().console.check()
        return getattr(self.native, name)(*args)

    return call


class _FileSystem:
    """A file system of the VM's own, `native`."""

    _resolution = 1

    def __init__(self, native) -> None:
        self.native = native

    def __repr__(self) -> str:
        return repr(self.native)

    def open(self, path: str, mode: str = "r"):
        """Open a file."""
        current().console.check()
        return wrap(self.native.open(path, mode), mode)

    def stat(self, path: str) -> tuple:
        """Return what `os.stat` does."""
        current().console.check()
        found = self.native.stat(path)
        of_chip = _ChipTime.of_chip
        if not of_chip:
            return found
        return found[:7] + tuple(of_chip(seconds, self._resolution) for seconds in found[7:])

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
    rename = _interruptible("rename")
    rmdir = _interruptible("rmdir")
    statvfs = _interruptible("statvfs")


class VfsLfs2(_FileSystem):
    """LittleFS."""

    def __init__(self, device, **options) -> None:
        super().__init__(_vfs.VfsLfs2(Volume.of(device), **options))

    @staticmethod
    def mkfs(device, **options) -> None:
        """Make an empty file system."""
        _vfs.VfsLfs2.mkfs(Volume.of(device), **options)


class VfsFat(_FileSystem):
    """FAT, which counts time in steps of two seconds."""

    _resolution = 2

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
