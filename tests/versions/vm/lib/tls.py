"""TLS of Node's in the shape of MicroPython's module: it verifies, and says why it does not.

The bytes pass the caller's own stream unencrypted: the connection below does TLS. So deadlines
and counts of that stream are seen, and what a server's certificate is worth is decided for real.
"""

import io
import socket

CERT_NONE = 0
CERT_REQUIRED = 2
PROTOCOL_TLS_CLIENT = 0

# What mbedTLS says of each of Node's words; of several faults it says all.
_WORDS = (
    ("SIGNATURE", "The certificate is not correctly signed by the trusted CA"),
    ("CERT_HAS_EXPIRED", "The certificate validity has expired"),
    ("CERT_NOT_YET_VALID", "The certificate validity starts in the future"),
    ("ALTNAME", "The certificate Common Name does not match with the expected CN"),
)


class SSLContext:
    """What a connection trusts."""

    def __init__(self, _protocol: int) -> None:
        self.verify_mode = CERT_NONE
        self._roots = []

    def load_verify_locations(self, cadata: bytes) -> None:
        """Take a CA certificate, DER."""
        self._roots.append(bytes(cadata))

    def wrap_socket(self, stream, server_hostname=None):
        """Shake hands. Raises ValueError, OSError."""
        if self.verify_mode != CERT_REQUIRED or not self._roots or not server_hostname:
            raise ValueError("nothing verifies this connection")
        try:
            socket.last().secure(server_hostname, self._roots)
        except ValueError as error:
            words = [text for word, text in _WORDS if word in str(error)]
            raise ValueError("; ".join(words) or str(error))
        return _Tunnel(stream)


class _Tunnel(io.IOBase):
    """Passes bytes on; a stream's negative error numbers become exceptions, as C makes them."""

    def __init__(self, stream) -> None:
        self._stream = stream

    def readinto(self, buffer):
        return _checked(self._stream.readinto(buffer))

    def write(self, data):
        return _checked(self._stream.write(data))

    def close(self) -> None:
        """Nothing: the socket below has its own owner."""

    def ioctl(self, _request, _more) -> int:
        return 0


def _checked(done):
    if done is not None and done < 0:
        raise OSError(-done)
    return done
