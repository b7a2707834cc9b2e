"""The body of an answer that comes in chunks; asked for HTTP/1.0, few servers send one."""


class Chunked:
    """A stream that holds what the chunks of another hold; errors are negative."""

    def __init__(self, stream) -> None:
        self.close = stream.close
        self._stream = stream
        self._left = 0  # of this chunk; -1 behind the last one

    def readinto(self, buffer) -> int:
        """Fill `buffer` as far as this chunk goes; 0 behind the last one."""
        if not self._left:
            self._left = self._next()
        if self._left < 0:
            return 0 if self._left == -1 else -5
        view = memoryview(buffer)[: self._left]
        got = self._stream.readinto(view)
        if not got:
            return -5
        if got > 0:
            self._left -= got
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
                    return int(line.split(b";")[0], 16) or -1
                except ValueError:
                    break
            else:
                line = b""
        return -2
