"""The VM's `socket` module of a race's lifetime: it never blocks, and the link may go as power does.

The time server is here, too; it answers what `environment.Environment` says.
"""

import errno
from struct import pack

from vm.fake_socket import SEND_WAYS, FakeNetwork, RawSocket
from vm.virtual_time import EPOCH

_LINK_WAYS = ("unsent", "half", "all")
"""Where the link goes while a request is sent; the device sees its connection reset."""
_FROM_1900 = 2208988800
_TRIP_US = 2000
_HANDSHAKE = 0x16
_RECORD_HEAD = 5


def make(time) -> "RaceNetwork":
    """Return the network of readers that race."""
    return RaceNetwork(time)


class RaceNetwork(FakeNetwork):
    """What a life's sockets are connected to.

    `world` is the `Environment` of a reader that races, None for a unit that binds: that one waits.
    """

    world = None
    links = 0
    """So often the link has gone in this lifetime."""

    def socket(self, _family=2, kind=1):
        """Make a socket."""
        if not self.world:
            return super().socket()
        return SntpSocket(self) if kind == self.SOCK_DGRAM else RaceSocket(self)


class RaceSocket(RawSocket):
    """A socket whose connection is kept, and carries records."""

    _broken = False

    def setblocking(self, blocking) -> None:
        """Take the chip's word: nothing here ever blocks."""

    def connect(self, address) -> None:
        """Connect; power may go here, or before the handshake is through."""
        self._live()
        if self._net.power_plan.point("connect", 2) == 1:
            self._break()
            raise OSError(errno.ECONNREFUSED)
        super().connect(address)

    def send(self, data) -> int:
        """Take a record."""
        if data[0] == _HANDSHAKE:
            self._net.power_plan.moment("handshake")
            return len(data)
        peer = self._connected()
        self._check(peer)
        body = bytes(data[_RECORD_HEAD:])
        size = len(body)
        if peer.answered():
            peer.begin()
        peer.intended += body
        way = self._net.power_plan.point("send", len(SEND_WAYS) + len(_LINK_WAYS))
        if way is None:
            self._pass(body)
            return len(data)
        part = (0, 1, size // 2, size - 1, size, 0, size // 2, size)[way]
        if part:
            self._pass(body[:part])
        if way < len(SEND_WAYS):
            self._net.power_plan.cut()
        self._break()
        raise OSError(errno.ECONNRESET)

    write = send

    def recv(self, size: int) -> bytes:
        """Return some of the answer. Raises OSError(EAGAIN) for nothing yet."""
        peer = self._connected()
        self._check(peer)
        if self._late(peer):
            raise OSError(errno.EAGAIN)
        at = peer.sent
        if at in peer.marks and self._passed != (peer.count, at):
            self._passed = (peer.count, at)
            way = self._net.power_plan.point("recv", 2)
            if way == 0:
                self._net.power_plan.cut()
            elif way == 1:
                self._break()
                raise OSError(errno.ECONNRESET)
        stop = min(at + size, peer.stop(False))
        data = peer.answer[at:stop]
        if not data:
            if peer.end == "reset":
                raise OSError(errno.ECONNRESET)
            if peer.end == "keep":
                raise OSError(errno.EAGAIN)
        peer.sent = stop
        return data

    def _break(self) -> None:
        """Let the link go: both ends see that, this one by its next call."""
        self._broken = True
        self._net.links += 1
        if self._peer:
            self._peer.hang_up()

    def _check(self, peer) -> None:
        if self._broken or peer.gone:
            raise OSError(errno.ECONNRESET)


class SntpSocket:
    """A socket to a time server, which takes the same time to answer each time."""

    def __init__(self, net: RaceNetwork) -> None:
        self._net = net
        self._answer = b""
        self._ready_us = 0
        net.open.append(self)

    def settimeout(self, seconds) -> None:
        """Take the chip's word: nothing here ever blocks."""

    def connect(self, address) -> None:
        """Connect to the one server that there is."""

    def send(self, data) -> int:
        """Take a question; the answer repeats its last eight bytes."""
        net = self._net
        offset = net.world.ntp_offset("")
        if offset is not None:
            came = EPOCH * 1000000 + net.time.now_us + _TRIP_US // 2 + int(offset * 1000000)
            moment = pack(">II", came // 1000000 + _FROM_1900 & 0xFFFFFFFF, _fraction(came))
            head = b"\x24\x01\x06\xec" + bytes(4) + pack(">I", 20) + b"GPS\0" + moment
            self._answer = head + bytes(data[40:48]) + moment + moment
            self._ready_us = net.time.now_us + _TRIP_US
        return len(data)

    def recv(self, size: int) -> bytes:
        """Return the answer. Raises OSError(EAGAIN) for none."""
        if not self._answer or self._net.time.now_us < self._ready_us:
            raise OSError(errno.EAGAIN)
        answer, self._answer = self._answer, b""
        return answer[:size]

    def close(self) -> None:
        """Close it."""
        if self in self._net.open:
            self._net.open.remove(self)

    drop = close

    def ahead(self) -> int:
        """Return 1: no stream lies on this."""
        return 1


def _fraction(unix_us: int) -> int:
    return (unix_us % 1000000 << 32) // 1000000
