"""`socket`: real sockets behind the port's addresses and error numbers, to loopback only."""

import io as _io
import select as _select
import socket as _real

from .. import socket_errors as _errors
from ..buffers import byte_view as _byte_view
from ..buffers import c_int as _c_int
from ..buffers import c_text as _c_text
from ..chip import current as _current
from ..timers import run_due as _run_due
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
SO_BINDTODEVICE = 4107
TCP_NODELAY = 1
IP_ADD_MEMBERSHIP = 3
MSG_PEEK = 1
MSG_DONTWAIT = 8

_KNOWN_OPTIONS = (SO_REUSEADDR, SO_BROADCAST, SO_BINDTODEVICE, TCP_NODELAY, IP_ADD_MEMBERSHIP, 20)
_POLL, _CLOSE = 3, 4
_INVALID = -22
_WRITABLE, _HUNG_UP = 4, 16
_PATIENCE = 18.0
"""Seconds that the chip's TCP keeps asking an address that does not answer."""


def _resolve(host) -> str:
    """Return a host's address. Raises OSError(-202), after a while when the world stalls."""
    host = _c_text(host).decode()
    if _is_dotted(host):
        return host
    chip = _current()
    fault, stall_ms = chip.world.dns_fault()
    if fault == "stall":
        _sleep_ms(stall_ms)
    address = chip.world.resolve(host)
    if fault or not address or not chip.station.traffic_passes():
        raise _errors.OSError(_errors.NO_NAME)
    return address


def _port(port) -> int:
    try:
        number = int(port)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFFFF:
        raise _errors.OSError(_errors.NO_SERVICE)
    return number


def _address(pair) -> tuple:
    """Return (address, port) of what a program gives as such, its name resolved."""
    host, port = _pair(pair)
    return _resolve(host or "0.0.0.0"), _port(port)


def _pair(pair) -> tuple:
    if not isinstance(pair, (tuple, list)):
        raise TypeError("object '%s' isn't a tuple or list" % type(pair).__name__)
    if len(pair) != 2:
        raise ValueError("requested length 2 but object has length %d" % len(pair))
    return pair[0], pair[1]


def getaddrinfo(host, port, *numbers, **names) -> list:
    """Return [(family, type, protocol, host, (address, port))]: one address, as lwIP does.

    `numbers` are family, type, protocol and flags.
    """
    _refuse_names(names)
    kind = numbers[1] if len(numbers) > 1 else 0
    proto = numbers[2] if len(numbers) > 2 else 0
    host = _c_text(host).decode()
    address = _resolve(host or "0.0.0.0")
    return [(AF_INET, kind or SOCK_STREAM, proto, host or "0.0.0.0", (address, _port(port)))]


def _pack(address: str, port: int):
    return _real.getaddrinfo(address, port)[0][-1]


def _unpack(packed) -> tuple:
    _, address, port = _real.sockaddr(packed)
    return ".".join(str(part) for part in address), port


def _refuse_names(names: dict) -> None:
    if names:
        raise TypeError("function doesn't take keyword arguments")


def _kind_of(numbers: tuple) -> int:
    """Return the type among (family, type, protocol), which are whole numbers."""
    if len(numbers) > 3:
        raise TypeError("function expected at most 3 arguments, got %d" % len(numbers))
    numbers = [_c_int(number) for number in numbers]
    return numbers[1] if len(numbers) > 1 else SOCK_STREAM


class socket(_io.IOBase):
    """A socket. While the link carries nothing, it waits as long as its timeout says."""

    def __init__(self, *numbers, **names) -> None:
        """Make a socket of (family, type, protocol), or take a real one that was accepted."""
        _refuse_names(names)
        accepted = len(numbers) == 1 and isinstance(numbers[0], _real.socket)
        kind = SOCK_STREAM if accepted else _kind_of(numbers)
        self._timeout = None
        self._is_stream = kind == SOCK_STREAM
        self._is_new = self._is_stream and not accepted
        self._goes_nowhere = False
        self._is_open = True
        self._told: dict = {}
        self._real = numbers[0] if accepted else self._call(_real.socket, _real.AF_INET, kind)

    def __repr__(self) -> str:
        return "<socket>"

    def close(self) -> None:
        """Close. Whatever else is called then ends with OSError(9), or (128) if it was never used.

        The VM goes on using the number of a closed descriptor, which may be another's by now.
        """
        if self._is_open:
            self._is_open = False
            self._real.close()

    def connect(self, address) -> None:
        """Connect to (host, port). Raises OSError(104, 116, 118, 119 or -202) as the port does."""
        target, port = _address(address)
        self._is_new = False
        self._need_open()
        if not _current().station.is_connected():
            raise _errors.OSError(_errors.EHOSTUNREACH)
        if not _is_loopback(target):
            self._goes_nowhere = True
            if self._timeout == 0:
                raise _errors.OSError(_errors.EINPROGRESS)
            _sleep_ms(int(self._patience() * 1000))
            raise _errors.OSError(_errors.ETIMEDOUT)
        self._wait_for_link()
        self._call(self._real.connect, self._pack(target, port))

    def bind(self, address) -> None:
        """Bind to (host, port), on the loopback interface whatever the host."""
        self._call(self._real.bind, _pack("127.0.0.1", _address(address)[1]))
        self._is_new = False

    def listen(self, backlog: int = 2) -> None:
        """Listen."""
        self._call(self._real.listen, backlog)
        self._is_new = False

    def accept(self) -> tuple:
        """Return (socket, (address, port))."""
        self._wait_for_input(self._timeout)
        real, packed = self._call(self._real.accept)
        return socket(real), _unpack(packed)

    def send(self, data) -> int:
        """Send, and return how many bytes went."""
        view = _byte_view(data)
        self._need_connection()
        self._wait_for_link()
        return self._call(self._real.send, view)

    def sendall(self, data) -> None:
        """Send everything. One that does not block raises OSError(116) where only a part went."""
        view = _byte_view(data)
        sent = self.send(view)
        if self._timeout == 0 and sent < len(view):
            raise _errors.OSError(_errors.ETIMEDOUT)
        while sent < len(view):
            sent += self.send(view[sent:])

    def write(self, data, length=None, offset=None) -> int:
        """Send as a stream does."""
        view = _byte_view(data)
        if length is not None:
            view = view[:length] if offset is None else view[offset : offset + length]
        self._need_connection()
        self._wait_for_link()
        return self._call(self._real.write, view)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive at most `size` bytes; `flags` are MSG_PEEK and MSG_DONTWAIT."""
        size, flags = _c_int(size), _c_int(flags)
        timeout = self._wait_for_input(0 if flags & MSG_DONTWAIT else self._timeout)
        return self._call(self._real.recv, size, *_host_flags(flags), timeout=timeout)

    def recvfrom(self, size: int, flags: int = 0) -> tuple:
        """Return (data, (address, port))."""
        size, flags = _c_int(size), _c_int(flags)
        timeout = self._wait_for_input(0 if flags & MSG_DONTWAIT else self._timeout)
        data, packed = self._call(self._real.recvfrom, size, *_host_flags(flags), timeout=timeout)
        source = _unpack(packed)
        return data, (source[0], self._told.get(source, source[1]))

    def read(self, size: int = -1):
        """Read `size` bytes, or until the end; of datagrams one."""
        if not self._is_stream:
            return self._read_datagram(0xFFFF if size < 0 else size)
        self._wait_for_input(self._timeout)
        return self._call(self._real.read, *(() if size < 0 else (size,)))

    def readinto(self, buffer, size=None):
        """Read into a buffer, until it is full or the stream ends; of datagrams one."""
        if not self._is_stream:
            return self._receive_datagram(buffer, size)
        self._wait_for_input(self._timeout)
        return self._call(self._real.readinto, buffer, *(() if size is None else (size,)))

    def readline(self):
        """Read a line."""
        self._wait_for_input(self._timeout)
        return self._call(self._real.readline)

    def sendto(self, data, address) -> int:
        """Send a datagram to (dotted address, port); what is not for loopback is lost on the way."""
        view = _byte_view(data)
        target, port = _pair(address)
        if not _is_dotted(target):
            raise ValueError("invalid arguments")
        self._need_open()
        chip = _current()
        if not chip.station.is_connected():
            raise _errors.OSError(_errors.EHOSTUNREACH)
        if not _is_loopback(target) or not chip.station.traffic_passes():
            return len(view)
        return self._call(self._real.sendto, view, self._pack(target, port))

    def settimeout(self, seconds) -> None:
        """Set the timeout of each call: None for none, 0 for not blocking."""
        if seconds is not None and not isinstance(seconds, (int, float, bool)):
            raise TypeError("can't convert %s to float" % type(seconds).__name__)
        self._timeout = seconds
        if self._is_open:
            self._real.settimeout(seconds)

    def setblocking(self, blocking) -> None:
        """Set the timeout to none, or to zero."""
        self.settimeout(None if blocking else 0)

    def setsockopt(self, level: int, option: int, value) -> None:
        """Set SO_REUSEADDR; other options that the port knows are accepted."""
        if option in _KNOWN_OPTIONS:
            self._need_open()
        if (level, option) == (SOL_SOCKET, SO_REUSEADDR):
            self._call(self._real.setsockopt, _real.SOL_SOCKET, _real.SO_REUSEADDR, value)
        elif option not in _KNOWN_OPTIONS:
            print("Warning: lwip.setsockopt() option not implemented")

    def makefile(self, mode="rb", buffering=0):
        """Return the socket: it is a stream already."""
        return self

    def fileno(self) -> int:
        """Return the descriptor, -1 once it is closed."""
        return self._real.fileno() if self._is_open else -1

    def ioctl(self, request: int, argument: int) -> int:
        """Answer the stream protocol: 3 poll, 4 close.

        It has no descriptor to wait on: a stream on top, such as TLS, may hold bytes already.
        """
        if request == _POLL:
            return self._ready(argument)
        if request == _CLOSE:
            self.close()
            return 0
        return _INVALID

    def _pack(self, address: str, port: int):
        """Return the real address, and remember what the program calls it."""
        real = _current().world.real_port(address, port)
        if real != port:
            self._told[address, real] = port
        return _pack(address, real)

    def _ready(self, events: int) -> int:
        if not self._is_open:
            return 32  # POLLNVAL
        if self._goes_nowhere:
            return 0
        if self._is_new:
            return events & _WRITABLE | _HUNG_UP
        poll = _select.poll()
        poll.register(self._real, events)
        ready = poll.poll(0)
        return ready[0][1] & events if ready else 0  # the port tells no errors unasked

    def _receive_datagram(self, buffer, size):
        view = _byte_view(buffer)
        size = len(view) if size is None else min(size, len(view))
        data = self._read_datagram(size)
        view[: len(data or b"")] = data or b""
        return None if data is None else len(data)

    def _read_datagram(self, size: int):
        """Return one datagram, None where there is none and the socket does not block."""
        try:
            return self.recv(size)
        except OSError as error:
            if error.errno == _errors.EAGAIN:
                return None
            raise

    def _call(self, function, *args, timeout=False):
        """Call the real socket, with the chip's error numbers."""
        self._need_open()
        try:
            return function(*args)
        except OSError as error:
            timeout = self._timeout if timeout is False else timeout
            if error.errno == _errors.EAGAIN and timeout != 0:
                raise _errors.OSError(_errors.ETIMEDOUT)
            raise _errors.of_chip(error)

    def _patience(self) -> float:
        return _PATIENCE if self._timeout is None else min(self._timeout, _PATIENCE)

    def _wait_for_input(self, timeout):
        """Return the timeout once there is something to read, or the real call is to say that not.

        Raises OSError(116) when it is over, OSError(128) for a socket that was never connected.
        """
        self._need_connection()
        if timeout == 0:
            _current().console.check()
            return timeout
        self._wait_for_link()
        chip = _current()
        milliseconds = -1 if timeout is None else int(timeout * 1000)
        poll = _select.poll()
        poll.register(self._real, _select.POLLIN)
        chip.console.watch(poll)
        ready = _poll_with_callbacks(chip, poll, milliseconds)
        for item in ready:
            chip.console.heard(item[0])
        if not ready:
            raise _errors.OSError(_errors.ETIMEDOUT)
        return timeout

    def _need_connection(self) -> None:
        """Raise OSError(128) for a stream that was never connected, OSError(9) for what is closed."""
        if self._is_new:
            raise _errors.OSError(_errors.ENOTCONN)
        self._need_open()

    def _need_open(self) -> None:
        if not self._is_open:
            raise _errors.OSError(_errors.EBADF)

    def _wait_for_link(self) -> None:
        """Return at once while traffic passes. Raises OSError(116) when the timeout is over."""
        chip = _current()
        chip.console.check()
        waited = 0.0
        while not chip.station.traffic_passes():
            if waited >= self._patience():
                raise _errors.OSError(_errors.ETIMEDOUT)
            _sleep_ms(50)
            waited += 0.05


def _host_flags(flags: int) -> tuple:
    """Return the flags that the real call takes, none where there are none."""
    host = (_real.MSG_PEEK if flags & MSG_PEEK else 0) | (
        _real.MSG_DONTWAIT if flags & MSG_DONTWAIT else 0
    )
    return (host,) if host else ()


def _poll_with_callbacks(chip, poll, milliseconds: int) -> list:
    """Wait; timers and UART handlers run meanwhile, as they do on the chip."""
    while chip.timers or chip.interrupts:
        pause = max(1, _run_due(chip))
        if 0 <= milliseconds < pause:
            break
        ready = poll.poll(pause)
        if ready:
            return ready
        milliseconds -= pause if milliseconds > 0 else 0
    return poll.poll(milliseconds)
