"""`sys.stdin` and `sys.stdout` as the port has them: text is cooked, `.buffer` is not."""

import io

from .buffers import byte_view, writable_view

_POLL = 3
_READABLE = 1
_FILENO = 10


def _part(data, length, offset):
    """Return the part of `data` that stream methods select with their optional arguments."""
    view = memoryview(data.encode() if isinstance(data, str) else data)
    if length is None:
        return view
    if offset is None:
        return view[:length]
    return view[offset : offset + length]


class RawOut(io.IOBase):
    """`sys.stdout.buffer`: bytes go to the line as they are."""

    def __init__(self, console) -> None:
        self._console = console

    def write(self, data, length=None, offset=None) -> int:
        part = _part(data, length, offset)
        self._console.raw(part)
        self._console.check()
        return len(part)

    def flush(self) -> None:
        pass

    def ioctl(self, request: int, arg: int) -> int:
        return 1 if request == _FILENO else 0


class TextOut(io.IOBase):
    """`sys.stdout`: line ends are cooked."""

    def __init__(self, console, real) -> None:
        self._console = console
        self._write = real.buffer.write
        self.buffer = RawOut(console)

    def write(self, data, length=None, offset=None) -> int:
        if length is None:
            written = self._write(data)  # takes no memory: the heap may be locked
            self._console.check()
            return written
        part = _part(data, length, offset)
        self._write(part)
        self._console.check()
        return len(part)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def ioctl(self, request: int, arg: int) -> int:
        return 1 if request == _FILENO else 0


class RawIn(io.IOBase):
    """`sys.stdin.buffer`: bytes as they come; Ctrl-C ends a wait."""

    def __init__(self, console) -> None:
        self._console = console

    def readinto(self, buffer, length=None) -> int:
        view = writable_view(buffer)
        size = len(view) if length is None else min(length, len(view))
        for index in range(size):
            view[index] = self._console.read()
        return size

    def read(self, length=-1) -> bytes:
        if length < 0:
            return self.readline()
        data = bytearray(length)
        self.readinto(data)
        return bytes(data)

    def readline(self, length=-1) -> bytes:
        line = bytearray()
        while length < 0 or len(line) < length:
            line.append(self._console.read())
            if line[-1] == 10:
                break
        return bytes(line)

    def close(self) -> None:
        pass

    def ioctl(self, request: int, arg: int) -> int:
        if request == _POLL:
            return arg & _READABLE if self._console.has_input() else 0
        return 0  # for _FILENO this is the descriptor


class TextIn(RawIn):
    """`sys.stdin`: a carriage return is read as a newline."""

    def __init__(self, console) -> None:
        super().__init__(console)
        self.buffer = RawIn(console)

    def readinto(self, buffer, length=None) -> int:
        size = super().readinto(buffer, length)
        view = byte_view(buffer)
        for index in range(size):
            if view[index] == 13:
                view[index] = 10
        return size

    def read(self, length=-1) -> str:
        return super().read(length).decode()

    def readline(self, length=-1) -> str:
        line = bytearray()
        while length < 0 or len(line) < length:
            byte = self._console.read()
            line.append(10 if byte == 13 else byte)
            if line[-1] == 10:
                break
        return bytes(line).decode()
