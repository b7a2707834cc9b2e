"""The body of an answer that comes in chunks; asked for HTTP/1.0, few servers send one."""

if False:  # for mypy; a device has none of these
    from agent_types import Buffer, Stream


class ChunkedBody:
    """A stream that holds what the chunks of another hold; errors are negative."""

    def __init__(self, stream: "Stream") -> None:
        self.close = stream.close
        self._stream = stream
        self._left = 0  # of this chunk; -1 behind the last one

    def readinto(self, data: "Buffer") -> int:
        """Fill `data`, short of the last chunk's end."""
        view = memoryview(data)
        got = 0
        while got < len(view):
            if not self._left:
                self._left = self._next()
            if self._left < 0:
                return got if self._left == -1 else -5
            piece = view[got : got + self._left]
            if self._stream.readinto(piece) != len(piece):
                return -5
            got += len(piece)
            self._left -= len(piece)
        return got

    def _next(self) -> int:
        """Return the length of the next chunk, -1 behind the last one, -2 for what is none."""
        byte = bytearray(1)
        line = b""
        for _ in range(200):
            if self._stream.readinto(byte) != 1:
                break
            if byte != b"\n":
                line += byte
            elif line.strip():  # otherwise it was the end of the chunk before
                try:
                    return size_of(line) or -1
                except ValueError:
                    break
            else:
                line = b""
        return -2


def size_of(line: bytes) -> int:
    """Return how many bytes a chunk has, by its first line. Raises ValueError for what is none."""
    size = int(line.split(b";")[0].strip(), 16)
    # More is past what any list needs, and what a slice on the chip can take.
    if not 0 <= size < 1 << 28:
        raise ValueError
    return size
