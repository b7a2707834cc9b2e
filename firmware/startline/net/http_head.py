"""The head of an HTTP answer: by RFC 9112, and by what servers write all the same."""

from . import StepFailed

if False:  # for mypy; a device has none of these
    from agent_types import Fill

_BUDGET = 8192  # bytes for all heads of an exchange
_LOOKED_AT = 160  # bytes of a line


class HttpHead:
    """What the final head of an answer says, read through `fill(bytearray)` -> how many bytes.

    `status`; `length` of the body, -1 where the stream's end ends it; `chunked`, which has
    lengths of its own; `retry_after` and `date`, in lower case. All of it is that of one head: what an
    interim answer says of itself must not stand for the final one. Raises StepFailed where it is cut,
    ValueError where it is none.
    """

    def __init__(self, fill: "Fill") -> None:
        self._fill = fill
        self._left = _BUDGET
        self.status = 0
        while self.status < 200:  # an interim answer; the budget ends this
            self._read(self.status > 0)

    def _read(self, interim: bool) -> None:
        """Read one head."""
        self.status = self._status(interim)
        self.length = -1
        self.chunked = False
        self.retry_after = self.date = b""
        lengths = []
        field = b"-"  # the field so far: one that is folded goes on in the next line
        while field:
            line = self._line()
            if line[:1] == b" ":
                field += line
                continue
            name, colon, value = field.lower().partition(b":")
            name = name.strip()
            value = value.strip()
            if not colon:
                pass  # no field at all
            elif name == b"content-length":
                lengths += value.split(b",")
            elif name == b"transfer-encoding":
                # The last of several is the outermost one.
                self.chunked = value[value.rfind(b",") + 1 :].strip() == b"chunked"
            elif name == b"retry-after":
                self.retry_after = value
            elif name == b"date":
                self.date = value
            field = line
        if self.status in (204, 304):
            self.length = 0
            self.chunked = False
        elif self.status >= 200 and not self.chunked:
            self._take(lengths)

    def _take(self, lengths: list[bytes]) -> None:
        """Take what Content-Length says: it may be said again, and not otherwise."""
        for text in lengths:
            digits = text.strip()
            # Of a longer line only the beginning is here, which is another number.
            if not digits.isdigit() or len(digits) > 99 or self.length not in (-1, int(digits)):
                raise ValueError
            self.length = int(digits)

    def _status(self, interim: bool) -> int:
        """Read up to the next status line and return its status.

        Empty lines may come before it. An interim answer has no body by the book; what a server
        sends as one all the same, such as the end of chunks that never were, is passed over.
        """
        line = self._line()
        while not line or (interim and line[:5] != b"HTTP/"):
            line = self._line()
        parts = line.split(None, 2)
        # Not `int` alone: that takes signs and blanks, and +20 is no interim answer.
        if (
            len(parts) < 2
            or parts[0][:7] != b"HTTP/1."
            or len(parts[1]) != 3
            or not parts[1].isdigit()
            or parts[1] < b"100"
        ):
            raise ValueError
        return int(parts[1])

    def _line(self) -> bytes:
        """Return the next line without its end, or as much of it as is looked at."""
        byte = bytearray(1)
        line = bytearray()
        while byte != b"\n":
            if not self._fill(byte):
                raise StepFailed("answer", "cut")
            self._left -= 1
            if self._left < 0:
                raise ValueError
            if byte == b"\t":
                byte[0] = 32
            # Padding may be of any length, and says nothing.
            if len(line) < _LOOKED_AT and not (byte == b" " and line[-1:] == b" "):
                line += byte
        return bytes(line).rstrip(b"\r\n")
