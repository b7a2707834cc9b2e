"""`socket`: real sockets behind the port's addresses and error numbers, to loopback only."""

import io as _io
import select as _select
import socket as _real

from .. import socket_addresses as _addresses
from .. import socket_errors as _errors
from ..buffers import byte_view as _byte_view
from ..buffers import c_float as _c_float
from ..buffers import c_int as _c_int
from ..buffers import c_text as _c_text
from ..buffers import writable_view as _writable_view
from ..chip import current as _current
from ..socket_arguments import kind_of as _kind_of
from ..socket_arguments import refuse_names as _refuse_names
from ..tcp_attempt import Asking as _Asking
from ..tcp_attempt import Attempt as _Attempt
from ..timers import run_due as _run_due
from ..world import is_loopback as _is_loopback
from .not_imitated import refuse as _refuse
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
_NUMBER_OPTIONS = (SO_REUSEADDR, SO_BROADCAST, TCP_NODELAY)
_MEMBERSHIP_SIZE = 8
_POLL, _CLOSE = 3, 4
_INVALID = -22
_WRITABLE, _HUNG_UP = 4, 16
_PATIENCE = 18.0
"""Seconds for which the chip's TCP repeats what is not answered."""


def getaddrinfo(host, port, *numbers, **names) -> list:
    """Return [(family, type, protocol, host, (address, port))]: one address, as lwIP does.

    `numbers` are family, type, protocol and flags.
    """
    _refuse_names(names)
    numbers = [_c_int(number) for number in numbers]
    kind = numbers[1] if len(numbers) > 1 else 0
    proto = numbers[2] if len(numbers) > 2 else 0
    host = _c_text(host).decode()
    address = _addresses.resolve(host or "0.0.0.0", _sleep_ms)
    return [
        (AF_INET, kind or SOCK_STREAM, proto, host or "0.0.0.0", (address, _addresses.port(port)))
    ]


class socket(_io.IOBase):
    """A socket. While the link carries nothing, it waits as long as its timeout says."""

    def __init__(self, *numbers, **names) -> None:
        """Make a socket of (family, type, protocol), or take a real one that was accepted."""
        _refuse_names(names)
        accepted = len(numbers) == 1 and isinstance(numbers[0], _real.socket)
        kind = SOCK_STREAM if accepted else _kind_of(numbers)
        if kind == SOCK_RAW:
            _refuse("socket.SOCK_RAW")
        self._timeout = None
        self._is_stream = kind == SOCK_STREAM
        self._is_new = self._is_stream and not accepted
        self._goes_nowhere = False
        self._stands = accepted
        self._attempt = None
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
        """Connect to (host, port). Raises OSError(104, 113, 116, 118 to 120, 127, 128 or -202)."""
        target, port = _addresses.address(address, _sleep_ms)
        self._is_new = False
        self._need_open()
        self._look_at_attempt()
        if self._stands:
            raise _errors.OSError(_errors.EISCONN)
        if self._attempt:
            self._attempt.connect_again()
            self._attempt = None
        if not _current().station.is_connected():
            if self._is_stream:
                self._try(None, lasts=False)
            raise _errors.OSError(_errors.EHOSTUNREACH)
        packed = self._pack(target, port) if _is_loopback(target) else None
        if self._is_stream:
            self._connect_stream(packed)
        elif packed:
            self._call(self._real.connect, packed)
        else:
            self._goes_nowhere = True

    def _connect_stream(self, packed) -> None:
        """Connect to a real address, or to one that never answers."""
        self._try(_Asking(self._real, packed, self._call))
        if self._timeout == 0:
            self._look_at_attempt()
            raise _errors.OSError(_errors.EINPROGRESS)
        self._attempt.connect(self._timeout)
        self._end_attempt()

    def _look_at_attempt(self) -> None:
        if self._attempt and self._attempt.stands():
            self._end_attempt()

    def _end_attempt(self) -> None:
        """Note that the connection stands."""
        self._attempt = None
        self._stands = True

    def _try(self, answered, lasts: bool = True) -> None:
        self._attempt = _Attempt(_current(), _sleep_ms, answered, lasts)

    def bind(self, address) -> None:
        """Bind to (host, port), on the loopback interface whatever the host."""
        _, port = _addresses.address(address, _sleep_ms)
        self._call(self._real.bind, _addresses.pack("127.0.0.1", port))
        self._is_new = False

    def listen(self, backlog: int = 2) -> None:
        """Listen."""
        self._call(self._real.listen, max(0, _c_int(backlog)))
        self._is_new = False
        self._stands = True

    def accept(self) -> tuple:
        """Return (socket, (address, port))."""
        self._wait_for_input(self._timeout)
        real, packed = self._call(self._real.accept)
        return socket(real), _addresses.unpack(packed)

    def send(self, data) -> int:
        """Send, and return how many bytes went."""
        return self._send(self._real.send, _byte_view(data))

    def sendall(self, data) -> None:
        """Send everything. One that does not block raises OSError(116) where only a part went."""
        view = _byte_view(data)
        sent = self.send(view)
        if self._timeout == 0 and sent < len(view):
            raise _errors.OSError(_errors.ETIMEDOUT)
        while sent < len(view):
            sent += self.send(view[sent:])

    def write(self, data, length=None, offset=None):
        """Send as a stream does: None where nothing goes and the socket does not block."""
        view = _byte_view(data)
        if length is not None:
            view = view[:length] if offset is None else view[offset : offset + length]
        return self._or_none(self._send, self._real.write, view)

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
        source = _addresses.unpack(packed)
        return data, (source[0], self._told.get(source, source[1]))

    def read(self, size: int = -1):
        """Read `size` bytes, or until the end; of datagrams one."""
        size = _c_int(size)
        if not self._is_stream:
            return self._or_none(self.recv, 0xFFFF if size < 0 else size)
        return self._or_none(self._read, self._real.read, *(() if size < 0 else (size,)))

    def readinto(self, buffer, size=None):
        """Read into a buffer, until it is full or the stream ends; of datagrams one."""
        view = _writable_view(buffer)
        view = view if size is None else view[: _c_int(size)]
        if self._is_stream:
            return self._or_none(self._read, self._real.readinto, view)
        data = self._or_none(self.recv, len(view))
        if data is None:
            return None
        view[: len(data)] = data
        return len(data)

    def readline(self):
        """Read a line."""
        return self._or_none(self._read, self._real.readline)

    def sendto(self, data, address) -> int:
        """Send a datagram to (dotted address, port); what is not for loopback is lost on the way."""
        view = _byte_view(data)
        target, port = _addresses.dotted(address)
        self._need_open()
        chip = _current()
        if not chip.station.is_connected():
            raise _errors.OSError(_errors.EHOSTUNREACH)
        if not _is_loopback(target) or not chip.station.traffic_passes():
            return len(view)
        return self._call(self._real.sendto, view, self._pack(target, port))

    def settimeout(self, seconds) -> None:
        """Set the timeout of each call: None for none, 0 for not blocking."""
        self._timeout = None if seconds is None else _c_float(seconds)
        if self._is_open:
            self._real.settimeout(seconds)

    def setblocking(self, blocking) -> None:
        """Set the timeout to none, or to zero."""
        self.settimeout(None if blocking else 0)

    def setsockopt(self, level: int, option: int, value) -> None:
        """Set SO_REUSEADDR; other options that the port knows are accepted."""
        if option in _NUMBER_OPTIONS:
            value = _c_int(value)
        elif option == IP_ADD_MEMBERSHIP and len(_byte_view(value)) != _MEMBERSHIP_SIZE:
            raise ValueError
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
        return _addresses.pack(address, real)

    def _ready(self, events: int) -> int:
        if not self._is_open:
            return 32  # POLLNVAL
        self._look_at_attempt()
        if self._attempt:
            return self._attempt.ready() & events
        if self._is_new:
            return events & _WRITABLE | _HUNG_UP
        poll = _select.poll()
        poll.register(self._real, events)
        ready = poll.poll(0)
        return ready[0][1] & events if ready else 0  # the port tells no errors unasked

    def _read(self, function, *args):
        self._wait_for_input(self._timeout)
        return self._call(function, *args)

    def _or_none(self, function, *args):
        """Read or write as a stream does: None where nothing moves and the socket does not block."""
        try:
            return function(*args)
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
                raise _errors.OSError(_errors.when_over(timeout))
            raise _errors.of_chip(error)

    def _patience(self) -> float:
        return _PATIENCE if self._timeout is None else min(self._timeout, _PATIENCE)

    def _wait_for_input(self, timeout):
        """Return the timeout once there is something to read, or the real call is to say that not.

        Raises OSError(116) when it is over, OSError(128) for a socket that was never connected.
        """
        self._need_connection()
        if self._attempt:
            self._attempt.receive(timeout)
            self._end_attempt()
        if timeout == 0:
            _current().console.check()
            return timeout
        self._wait_for_link()
        chip = _current()
        milliseconds = -1 if timeout is None else chip.crystal.real_ms(int(timeout * 1000))
        poll = _select.poll()
        poll.register(self._real, _select.POLLIN)
        chip.console.watch(poll)
        ready = _poll_with_callbacks(chip, poll, milliseconds)
        for item in ready:
            chip.console.heard(item[0])
        if not ready:
            raise _errors.OSError(_errors.when_over(timeout))
        return timeout

    def _send(self, function, view) -> int:
        """Send by one of the real socket's ways, once something can be. Raises OSError."""
        self._need_connection()
        if self._attempt:
            self._attempt.send(self._timeout)
            self._end_attempt()
        self._wait_for_link()
        return len(view) if self._goes_nowhere else self._call(function, view)

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
