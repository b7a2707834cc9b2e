"""The VM's `socket` module of a lifetime: connections to the cloud model in the same process.

The chip's own `socket` stand-in lies on top and does names, links and error numbers.
"""

import errno
import sys

from flash import PowerCut

SEND_WAYS = ("before", "first", "half", "last", "after")
"""Where power goes while a request is sent: no byte of it, one, half, all but one, all."""


class BenchBroken(BaseException):
    """The bench itself went wrong; the program under test must not get to handle it."""


class FakeConnection:
    """The server's end; a cloud fills `answer` once it has seen enough.

    `intended` is what the device began to send, `received` what came of it. `end` is what follows
    the answer: "close", "reset" or "stall". `ready_us` is when the answer comes, `drip_us` how
    long each byte takes. `marks` are offsets of the answer at which power may go.
    """

    def __init__(self, cloud) -> None:
        self.cloud = cloud
        self.intended = self.received = b""
        self.answer = None
        self.end = "close"
        self.ready_us = 0
        self.drip_us = 0
        self.marks = ()
        self.sent = 0
        self.gone = False

    def stop(self, bytewise: bool) -> int:
        """Return the offset of the next place in the answer where power may go."""
        end = len(self.answer)
        if bytewise:
            return min(self.sent + 1, end)
        for mark in self.marks:
            if self.sent < mark < end:
                return mark
        return end

    def hang_up(self) -> None:
        """The other end is gone: by closing, or with its power."""
        if not self.gone:
            self.gone = True
            self.cloud.gone(self)


class FakeNetwork:
    """What a life's sockets are connected to; stands in `sys.modules` as `socket`."""

    AF_INET = 2
    AF_INET6 = 10
    SOCK_STREAM = 1
    SOCK_DGRAM = 2
    SOCK_RAW = 3
    SOL_SOCKET = 1
    SO_REUSEADDR = 2

    def __init__(self, time) -> None:
        self.time = time
        self.cloud = self.power_plan = None
        self.bytewise = False
        self.open: list = []
        self.made = self.open_before_end = 0

    def restart(self, cloud, power_plan, bytewise: bool) -> None:
        """Begin another lifetime."""
        self.cloud = cloud
        self.power_plan = power_plan
        self.bytewise = bytewise
        self.open.clear()

    def end_life(self) -> None:
        """Let every connection of a life go with it; `open_before_end` counts them."""
        self.open_before_end = len(self.open)
        for one in list(self.open):
            one.drop()

    def ahead(self) -> int:
        """Return how many bytes the current connection has in one piece for whoever reads it."""
        return self.open[-1].ahead() if self.open else 1

    # What a module `socket` has.

    def getaddrinfo(self, host: str, port: int, *_more) -> list:
        return [(self.AF_INET, self.SOCK_STREAM, 0, "", (host, port))]

    def socket(self, *_kind):
        return RawSocket(self)


def make(time) -> FakeNetwork:
    """Return the network of units that bind."""
    return FakeNetwork(time)


class RawSocket:
    """One socket of one life."""

    def __init__(self, net: FakeNetwork) -> None:
        net.made += 1
        net.open.append(self)
        self._net = net
        self._chip = net.power_plan.chip
        self._timeout = None
        self._peer = None
        self._passed = -1
        self._overdue = False

    def readable(self, milliseconds: int) -> bool:
        """Wait for something to read; negative is for ever."""
        longest = (1 << 60) if milliseconds < 0 else milliseconds * 1000
        late = self._late(self._connected())
        self._net.time.pass_us(min(late, longest))
        self._overdue = late > longest
        return not self._overdue

    def ahead(self) -> int:
        """Return the bytes up to the next place where power may go; one where each takes time."""
        peer = self._peer
        if not peer or not peer.answer or peer.drip_us:
            return 1
        return min(max(peer.stop(self._net.bytewise) - peer.sent, 1), 512)

    def settimeout(self, seconds) -> None:
        self._timeout = seconds

    def setsockopt(self, *_option) -> None:
        pass

    def connect(self, address) -> None:
        self._live()
        self._net.power_plan.moment("connect")
        self._peer = self._net.cloud.accept(address)

    def send(self, data) -> int:
        peer = self._connected()
        if peer.gone:
            raise OSError(errno.ECONNRESET)
        power_plan = self._net.power_plan
        size = len(data)
        peer.intended = peer.intended or bytes(data)
        ways = size + 1 if self._net.bytewise else len(SEND_WAYS)
        way = power_plan.point("send", ways)
        if way is None:
            self._pass(bytes(data))
            return size
        part = way if self._net.bytewise else (0, 1, size // 2, size - 1, size)[way]
        if part:
            self._pass(bytes(data[:part]))
        power_plan.cut()
        return 0

    write = send

    def recv(self, size: int) -> bytes:
        peer = self._connected()
        self._wait(self._late(peer))
        at = peer.sent
        if (self._net.bytewise or at in peer.marks) and self._passed != at:
            self._passed = at
            self._net.power_plan.moment("recv")
        stop = min(at + size, peer.stop(self._net.bytewise))
        data = peer.answer[at:stop]
        if data:
            peer.sent = stop
            if peer.drip_us:
                self._wait(peer.drip_us * len(data))
            return data
        if peer.end == "reset":
            raise OSError(errno.ECONNRESET)
        return b""

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.recv(size - len(data))
            if not more:
                break
            data += more
        return data

    def readinto(self, buffer) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close; the socket of a dead life was closed when it died."""
        if not self._chip.flash.dead:
            self.drop()

    def drop(self) -> None:
        """Close from outside."""
        if self in self._net.open:
            self._net.open.remove(self)
        if self._peer:
            self._peer.hang_up()

    def _pass(self, data: bytes) -> None:
        try:
            self._peer.cloud.receive(self._peer, data)
        except Exception as error:
            sys.print_exception(error, sys.stderr)
            raise BenchBroken(repr(error))

    def _live(self) -> None:
        if self._chip.flash.dead:
            raise PowerCut

    def _connected(self) -> FakeConnection:
        self._live()
        if self._peer is None:
            raise OSError(errno.ENOTCONN)
        return self._peer

    def _late(self, peer: FakeConnection) -> int:
        """Return in how many microseconds there is something to receive, or an end to see."""
        if peer.answer is None or (peer.end == "stall" and peer.sent == len(peer.answer)):
            return 1 << 60
        return max(0, peer.ready_us - self._net.time.now_us)

    def _wait(self, microseconds: int) -> None:
        """Wait, at most as long as the timeout says. Raises OSError(ETIMEDOUT)."""
        longest = None if self._timeout is None else int(self._timeout * 1_000_000)
        if longest is not None and microseconds > longest:
            if not self._overdue:  # whoever has just waited for nothing does not wait again
                self._net.time.pass_us(longest)
            self._overdue = False
            raise OSError(errno.ETIMEDOUT)
        self._net.time.pass_us(microseconds)
