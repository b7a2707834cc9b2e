"""A socket that never blocks, as a stream for TLS, which sends nothing before the server is verified."""

import io

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Buffer

_APPLICATION = 0x17  # the type of a TLS record that holds what is sent over it


class HeldStream(io.IOBase):
    """A socket that never blocks, as a stream for TLS to stand on.

    It keeps back the first record that holds more than the handshake: `held` tells that there is
    one, and so that the server is verified; it goes out once `free` is set.
    """

    free = held = False
    _left = 0  # of the record that is being written

    def __init__(self, sock: "Any") -> None:
        self.sock = sock
        self.close = sock.close

    def readinto(self, data: "Buffer") -> "int | None":
        """Fill some of `data`; None for nothing yet."""
        try:
            got = self.sock.readinto(data)
        except OSError as error:
            return _stream_error(error)
        if got == len(data) == 2:  # TLS reads nothing of that length but an alert's body
            self.alert = data[1]
        return got

    def write(self, data: "Buffer") -> "int | None":
        """Send some of `data`; None for not yet."""
        if not self.free and not self._left:
            if data[0] == _APPLICATION:
                self.held = True
                return None
            self._left = 5 + (data[3] << 8 | data[4])
        try:
            done = self.sock.write(data)
        except OSError as error:
            return _stream_error(error)
        self._left = max(0, self._left - (done or 0))
        return done

    def ioctl(self, *_: int) -> int:
        """Do nothing: there is nothing to control, and `Connection` closes the socket."""
        return 0


def _stream_error(error: OSError) -> "int | None":
    """Return what a stream says for an error: None for one that only says to come again."""
    # The rest as `stream_error` of the core's http_guard; to load that for this would cost 6 KiB of heap.
    number = error.errno
    if number == 11:  # EAGAIN, on every port
        return None
    return -number if isinstance(number, int) and number > 0 else -5
