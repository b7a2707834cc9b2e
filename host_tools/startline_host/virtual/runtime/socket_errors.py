"""Error numbers of lwIP on the chip, and how they print: the VM only knows the host's."""

import builtins
import errno

EBADF = 9
EAGAIN = 11
EINVAL = 22
ECONNRESET = 104
ECONNABORTED = 113
ETIMEDOUT = 116
EHOSTUNREACH = 118
EINPROGRESS = 119
EALREADY = 120
EISCONN = 127
ENOTCONN = 128
NO_NAME = -202
NO_SERVICE = -201
_LEAST_TIMEOUT = 0.1

_BY_HOST_NUMBER = {
    32: ECONNRESET,  # EPIPE
    errno.ECONNREFUSED: ECONNRESET,  # a closed port answers with a reset
    errno.ECONNRESET: ECONNRESET,
    errno.EADDRINUSE: 112,
    errno.ECONNABORTED: ECONNABORTED,
    errno.ETIMEDOUT: ETIMEDOUT,
    errno.EHOSTUNREACH: EHOSTUNREACH,
    errno.EINPROGRESS: EINPROGRESS,
    errno.EALREADY: EALREADY,
    90: 122,  # EMSGSIZE
    106: EISCONN,
    errno.ENOTCONN: ENOTCONN,
}

NAMES = {
    112: "EADDRINUSE",
    113: "ECONNABORTED",
    114: "ENETUNREACH",
    116: "ETIMEDOUT",
    118: "EHOSTUNREACH",
    119: "EINPROGRESS",
    120: "EALREADY",
    127: "EISCONN",
    128: "ENOTCONN",
}
"""What the port prints for these numbers."""


class OSError(builtins.OSError):
    """An error that prints as the chip's, with the name of its number."""

    def __str__(self) -> str:
        number = self.errno
        if number in NAMES:
            return "[Errno %d] %s" % (number, NAMES[number])
        return str(builtins.OSError(number))


def when_over(timeout) -> int:
    """Return the number for a call whose time is over; the port counts it in tenths of a second."""
    return EAGAIN if timeout is not None and timeout < _LEAST_TIMEOUT else ETIMEDOUT


def of_chip(error) -> OSError:
    """Return the chip's error for one of the host's sockets."""
    number = error.errno
    return OSError(_BY_HOST_NUMBER.get(number, number))
