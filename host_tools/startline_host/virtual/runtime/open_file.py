"""An open file of a mounted file system: Ctrl-C is noticed between two operations, in none.

A file system is C on a chip, and an interrupt waits there until the operation has returned. This
VM's signal would jump out of the middle and leave its caches wrong, so that it is asked before
each operation whether the program is to stop, which also answers the console in time.
"""

import io

from .buffers import writable_view
from .chip import current

_FLUSH = 1
_CLOSE = 4
_INVALID = -22


def wrap(real, mode: str, written=None):
    """Return `real`, a file of the VM's own, as the program gets it.

    `written()` is called when it was changed.
    """
    return FileIO(real, written) if "b" in mode else TextIOWrapper(real, written)


class FileIO(io.IOBase):
    """A binary file, by the name of the port's type."""

    def __init__(self, real, written) -> None:
        self._real = real
        self._written = written

    def __repr__(self) -> str:
        return repr(self._real)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback) -> None:
        self._real.close()

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def read(self, *size):
        current().console.check()
        return self._real.read(*size)

    def readinto(self, buffer, *size) -> int:
        current().console.check()
        return self._real.readinto(writable_view(buffer), *size)

    def readline(self, *size):
        current().console.check()
        return self._real.readline(*size)

    def readlines(self) -> list:
        current().console.check()
        return self._real.readlines()

    def write(self, data, *part) -> int:
        current().console.check()
        count = self._real.write(data, *part)
        if self._written:
            self._written()
        return count

    def flush(self) -> None:
        current().console.check()
        self._real.flush()

    def seek(self, offset: int, *whence) -> int:
        current().console.check()
        return self._real.seek(offset, *whence)

    def tell(self) -> int:
        return self._real.tell()

    def close(self) -> None:
        self._real.close()

    def ioctl(self, request: int, arg: int) -> int:
        """Do what C code asks of a stream beside reading and writing."""
        if request == _FLUSH:
            self._real.flush()
        elif request == _CLOSE:
            self._real.close()
        else:
            return _INVALID
        return 0


class TextIOWrapper(FileIO):
    """A text file, by the name of the port's type."""
