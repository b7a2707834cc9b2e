"""The `tls` of a lifetime: the calls of the VM's, and no cipher between them.

Cuts at the first byte behind the handshake are what matters here; the whole-chip runs have real
TLS on the wire.
"""

import io


def ahead() -> int:
    """Return how many bytes come in one record; `stand_ins` puts the net's answer here."""
    return 1


HANDSHAKE = b"\x16\x03\x01\x00\x05hello"
"""What comes before all else on a stream of records, each with five bytes before it."""
CERT_NONE = 0
CERT_REQUIRED = 2
PROTOCOL_TLS_CLIENT = 0


class SSLContext:
    """A context that insists on what makes a certificate count."""

    def __init__(self, _protocol: int) -> None:
        self.verify_mode = CERT_NONE
        self._roots = 0

    def load_verify_locations(self, cadata) -> None:
        """Take a CA certificate."""
        self._roots += len(cadata) > 0

    def wrap_socket(self, stream, server_hostname=None, do_handshake_on_connect=True):
        """Return the stream as it is, or, where it is not to be waited for, one of records.

        Raises ValueError where nothing would be verified.
        """
        if self.verify_mode != CERT_REQUIRED or not self._roots or not server_hostname:
            raise ValueError("nothing verifies this connection")
        return _FakeTls(stream) if do_handshake_on_connect else _HeldTls(stream)


class _FakeTls(io.IOBase):
    """Passes bytes on, out of whole records as TLS does.

    A stream's negative error numbers become exceptions, as C makes them.
    """

    def __init__(self, stream) -> None:
        self._stream = stream
        self._kept = b""

    def readinto(self, buffer):
        """Fill `buffer`, short of the end, as a stream of the VM's does."""
        size = len(buffer)
        got = 0
        while got < size:
            if not self._kept and not self._take():
                break
            piece = self._kept[: size - got]
            buffer[got : got + len(piece)] = piece
            self._kept = self._kept[len(piece) :]
            got += len(piece)
        return got

    def _take(self) -> int:
        """Read the next record; return its length. Raises OSError."""
        record = bytearray(ahead())
        got = _checked(self._stream.readinto(record)) or 0
        self._kept = bytes(record[:got])
        return got

    def write(self, data):
        return _checked(self._stream.write(data))

    def close(self) -> None:
        """Nothing: the socket below has its own owner."""

    def ioctl(self, _request, _more) -> int:
        return 0


class _HeldTls(_FakeTls):
    """Writes whole records, the handshake's first; None is for what is not to be had at once."""

    _shaken = False

    def readinto(self, buffer):
        """Fill some of `buffer`; None for nothing yet."""
        if not self._kept:
            record = bytearray(ahead())
            got = _checked(self._stream.readinto(record))
            if not got:
                return got
            self._kept = bytes(record[:got])
        piece = self._kept[: len(buffer)]
        buffer[: len(piece)] = piece
        self._kept = self._kept[len(piece) :]
        return len(piece)

    def write(self, data):
        """Write a record; None while it is held back."""
        if not self._shaken:
            _checked(self._stream.write(HANDSHAKE))
            self._shaken = True
        head = b"\x17\x03\x03" + bytes((len(data) >> 8, len(data) & 255))
        done = _checked(self._stream.write(head + bytes(data)))
        return done and len(data)


def _checked(done):
    if done is not None and done < 0:
        raise OSError(-done)
    return done
