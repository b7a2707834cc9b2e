"""The error numbers of the chip's C library; the VM's own are the host's."""

EPERM = 1
ENOENT = 2
EIO = 5
EBADF = 9
EAGAIN = 11
ENOMEM = 12
EACCES = 13
EEXIST = 17
ENODEV = 19
EISDIR = 21
EINVAL = 22
EOPNOTSUPP = 95
ECONNRESET = 104
ENOBUFS = 105
ECONNREFUSED = 111
EADDRINUSE = 112
ECONNABORTED = 113
ETIMEDOUT = 116
EHOSTUNREACH = 118
EINPROGRESS = 119
EALREADY = 120
ENOTCONN = 128


class _Fixed(dict):
    """A dictionary in ROM."""

    def _refuse(self, *_) -> None:
        raise TypeError

    __setitem__ = __delitem__ = pop = popitem = clear = update = setdefault = _refuse


errorcode = _Fixed(
    {value: name for name, value in globals().items() if name[0] == "E" and isinstance(value, int)}
)
