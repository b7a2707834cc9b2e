"""`socket`: real sockets behind the port's addresses and error numbers, to loopback only."""

import errno as _errno
import io as _io
import select as _select
import socket as _real

from ..chip import current as _current
from ..world import is_dotted as _is_dotted
from ..world import is_loopback as _is_loopback
from .time import sleep_ms as _sleep_ms

AF_INET = 2
AF_INET6 = 10
SOCK_STREAM = 1
SOCK_DGRAM = 2
SOCK_RAW = 3
IPPROTO_IP = 0
IPPROTO_TCP = 6
IPPROTO_UDP = 17
SOL_SOCKET = 4095
SO_REUSEADDR = 4
SO_BROADCAST = 32
SO_KEEPALIVE = 8
TCP_NODELAY = 1
IP_ADD_MEMBERSHIP = 3

_NO_NAME = -202
_UNREACHABLE = 118
_TIMED_OUT = 116
_PATIENCE = 18.0
"""Seconds that the chip's TCP keeps asking an address that does not answer."""

_NUMBERS = {
    32: 104,
    _errno.ECONNREFUSED: 104,  # a closed port answers with a reset
    _errno.ECONNRESET: 104,
    _errno.EADDRINUSE: 112,
    _errno.ECONNABORTED: 113,
    _errno.ETIMEDOUT: _TIMED_OUT,
    _errno.EHOSTUNREACH: _UNREACHABLE,
    _errno.EINPROGRESS: 119,
    _errno.EALREADY: 120,
    _errno.ENOTCONN: 128,
}


def _resolve(host: str) -> str:
    """Return a host's address. Raises OSError(-202), after a while when the world stalls."""
    chip = _current()
    if _is_dotted(host):
        return host
    fault, stall_ms = chip.world.dns_fault()
    if fault == "stall":
        _sleep_ms(stall_ms)
    address = chip.world.resolve(host)
    if fault or not address or not chip.station.traffic_passes():
        raise OSError(_NO_NAME)
    return address


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0) -> list:
    """Return [(family, type, protocol, "", (address, port))]."""
    return [(AF_INET, type or SOCK_STREAM, 0, "", (_resolve(host or "0.0.0.0"), int(port)))]


def _pack(address: str, port: int):
    return _real.getaddrinfo(address, port)[0][-1]


def _unpack(packed) -> tuple:
    _, address, port = _real.sockaddr(packed)
    return ".".join(str(part) for part in address), port


class socket(_io.IOBase):
    """A socket. While the link carries nothing, it waits as long as its timeout says."""

    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=0, fileno=None) -> None:
        self._timeout = None
        self._real = fileno or _real.socket(_real.AF_INET, type)

    def close(self) -> None:
        """Close."""
        self._real.close()

    def connect(self, address) -> None:
        """Connect to (host, port). Raises OSError(104, 116, 118 or -202) as the port does."""
        target = _resolve(address[0])
        if not _current().station.is_connected():
            raise OSError(_UNREACHABLE)
        if not _is_loopback(target):
            _sleep_ms(int(self._patience() * 1000))
            raise OSError(_TIMED_OUT)
        self._wait_for_link()
        self._call(self._real.connect, _pack(target, address[1]))

    def bind(self, address) -> None:
        """Bind to (host, port), on the loopback interface whatever the host."""
        self._call(self._real.bind, _pack("127.0.0.1", address[1]))

    def listen(self, backlog: int = 2) -> None:
        """Listen."""
        self._call(self._real.listen, backlog)

    def accept(self) -> tuple:
        """Return (socket, (address, port))."""
        self._wait_for_input()
        real, packed = self._call(self._real.accept)
        return socket(fileno=real), _unpack(packed)

    def send(self, data) -> int:
        """Send, and return how many bytes went."""
        self._wait_for_link()
        return self._call(self._real.send, data)

    def sendall(self, data) -> None:
        """Send everything."""
        view = memoryview(data.encode() if isinstance(data, str) else data)
        while view:
            view = view[self.send(view) :]

    def write(self, data, length=None) -> int:
        """Send as a stream does."""
        self._wait_for_link()
        return self._call(self._real.write, data if length is None else memoryview(data)[:length])

    def recv(self, size: int) -> bytes:
        """Receive at most `size` bytes."""
        self._wait_for_input()
        return self._call(self._real.recv, size)

    def read(self, size: int = -1):
        """Read `size` bytes, or until the end."""
        self._wait_for_input()
        return self._call(self._real.read, *(() if size < 0 else (size,)))

    def readinto(self, buffer, size=None):
        """Read into a buffer."""
        self._wait_for_input()
        return self._call(self._real.readinto, buffer, *(() if size is None else (size,)))

    def readline(self):
        """Read a line."""
        self._wait_for_input()
        return self._call(self._real.readline)

    def sendto(self, data, address) -> int:
        """Send a datagram to (host, port); what is not for loopback is lost on the way."""
        target = _resolve(address[0])
        if not _is_loopback(target):
            return len(data)
        self._wait_for_link()
        return self._call(self._real.sendto, data, _pack(target, address[1]))

    def recvfrom(self, size: int) -> tuple:
        """Return (data, (address, port))."""
        self._wait_for_input()
        data, packed = self._call(self._real.recvfrom, size)
        return data, _unpack(packed)

    def settimeout(self, seconds) -> None:
        """Set the timeout of each call: None for none, 0 for not blocking."""
        self._timeout = seconds
        self._real.settimeout(seconds)

    def setblocking(self, blocking) -> None:
        """Set the timeout to none, or to zero."""
        self.settimeout(None if blocking else 0)

    def setsockopt(self, level: int, option: int, value) -> None:
        """Set SO_REUSEADDR; other options are accepted."""
        if (level, option) == (SOL_SOCKET, SO_REUSEADDR):
            self._call(self._real.setsockopt, _real.SOL_SOCKET, _real.SO_REUSEADDR, value)

    def makefile(self, mode="rb", buffering=0):
        """Return the socket: it is a stream already."""
        return self

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._real.fileno()

    def ioctl(self, request: int, argument: int) -> int:
        """Answer the stream protocol: 3 poll, 4 close, 10 the descriptor."""
        if request == 3:
            poll = _select.poll()
            poll.register(self._real, argument)
            ready = poll.poll(0)
            return ready[0][1] if ready else 0
        if request == 4:
            self.close()
            return 0
        if request == 10:
            return self.fileno()
        return -1

    def _call(self, function, *args):
        """Call the real socket, with the chip's error numbers."""
        try:
            return function(*args)
        except OSError as error:
            number = error.errno
            if number == _errno.EAGAIN and self._timeout != 0:
                number = _errno.ETIMEDOUT
            raise OSError(_NUMBERS.get(number, number))

    def _patience(self) -> float:
        return _PATIENCE if self._timeout is None else min(self._timeout, _PATIENCE)

    def _wait_for_input(self) -> None:
        """Return when there is something to read, or when the real call is to say that not."""
        self._wait_for_link()
        if self._timeout == 0:
            return
        console = _current().console
        milliseconds = -1 if self._timeout is None else int(self._timeout * 1000)
        poll = _select.poll()
        poll.register(self._real, _select.POLLIN)
        console.watch(poll)
        ready = poll.poll(milliseconds)
        for item in ready:
            console.heard(item[0])
        if not ready:
            raise OSError(_TIMED_OUT)

    def _wait_for_link(self) -> None:
        """Return at once while traffic passes. Raises OSError(116) when the timeout is over."""
        chip = _current()
        chip.console.check()
        waited = 0.0
        while not chip.station.traffic_passes():
            if waited >= self._patience():
                raise OSError(_TIMED_OUT)
            _sleep_ms(50)
            waited += 0.05
