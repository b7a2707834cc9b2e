"""What the role stands on: a chip, its time and flash, a network without a cipher, `select`, `asyncio`.

As little as can stand in for them, so that the heap is the role's. Time passes only by being asked
for, waited for, or read for.
"""

import sys

import fake_tls
from small_chip import SmallChip

NOW = 1795000000
"""Unix time at power-on."""
SECTOR = 4096
_SECTORS = 16
_MASK = (1 << 30) - 1
_ASKED_US = 40
"""What looking at the clock costs, so that a loop that only looks comes to an end."""
_READ_US = 20
_RUSH_US = 50
"""What a byte costs of an answer that is always there faster than it is read."""
_CONNECTION = 544
"""What an SSLSocket takes of the heap, in the 64-bit VM."""
_HELD_US = 2000000
"""A reader's program that waits for so long in one call has lost its race."""
_RESET = 104
_AGAIN = 11


class Held(BaseException):
    """The reader's program was held without end."""


class JournalFlash:
    """A partition in memory, as NOR flash."""

    def __init__(self, data: bytearray) -> None:
        self.data = data
        self.size = len(data)
        self.erased = []

    def read(self, offset: int, length: int) -> bytearray:
        return bytearray(memoryview(self.data)[offset : offset + length])

    def program(self, offset: int, data) -> None:
        self.data[offset : offset + len(data)] = data

    def erase(self, offset: int) -> None:
        for at in range(offset, offset + SECTOR, 512):
            self.data[at : at + 512] = b"\xff" * 512

    def erase_all(self) -> None:
        for offset in range(0, self.size, SECTOR):
            self.erase(offset)


class RacingChip(SmallChip):
    """The chip as the agent sees it, with one access point that is always there."""

    def __init__(self, fctry: str) -> None:
        with open(fctry, "rb") as file:
            identity = bytearray(file.read())
        blank = JournalFlash(bytearray(b"\xff" * SECTOR))
        self.race = JournalFlash(bytearray(b"\xff" * _SECTORS * SECTOR))
        self._parts = {
            "fctry": JournalFlash(identity),
            "nvs": blank,
            "bind": blank,
            "race": self.race,
        }
        self.now_us = 0
        self.turn_us = 0  # when the reader's program last had its turn

    def pass_us(self, us: int) -> None:
        """Let time go by in a call that the reader's program waits for. Raises Held."""
        self.now_us += us
        if self.now_us - self.turn_us > _HELD_US:
            raise Held

    def us(self) -> int:
        self.pass_us(_ASKED_US)
        return self.now_us & _MASK

    def ms(self) -> int:
        self.pass_us(_ASKED_US)
        return self.now_us // 1000 & _MASK

    def since(self, ms: int) -> int:
        return self.ms() - ms & _MASK

    def sleep(self, ms: int) -> None:
        self.now_us += ms * 1000
        self.turn_us = self.now_us

    def flash(self, label: str):
        return self._parts[label]

    def blob(self) -> bytes:
        return b""

    def unix(self) -> int:
        return NOW + self.now_us // 1000000

    def get_i32(self, key: str) -> int:
        raise OSError(-4354)

    def set_i32(self, key: str, value: int) -> None:
        pass

    def commit(self) -> None:
        pass


class Answer:
    """Bytes that a server sends: `size` of them, at first those in `raw`, or in the file `source`.

    Behind the `length` bytes of a file that begin at `at` its last 4096 come again and again.
    `end` is what comes then: "keep", "close", "reset", "stall"; `slow_us` how long each byte takes,
    and `rush` that all are there at once, faster than they are read.
    """

    slow_us = 0
    rush = False
    source = raw = None
    sent = start_us = at = length = 0

    def __init__(self, size: int, end: str) -> None:
        self.size = size
        self.end = end

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes, or fewer."""
        at = self.sent
        if self.raw is not None:
            data = self.raw[at : at + count]
        else:
            if at >= self.length:
                at = self.length - 4096 + (at - self.length) % 4096
            self.source.seek(self.at + at)
            data = self.source.read(min(count, self.length - at))
        self.sent += len(data)
        return data


class CloudSocket:
    """A socket to the one cloud that there is; what was answered to requests comes in their order."""

    def __init__(self, net) -> None:
        self.net = net
        self.received = b""
        self.answers = []
        self.shut = False
        self._weight = bytearray(_CONNECTION)
        net.open += 1

    def setblocking(self, blocking) -> None:
        pass

    def connect(self, address) -> None:
        pass

    def write(self, data) -> int:
        self._check()
        self.net.moved += 1
        if data[0] == fake_tls.HANDSHAKE[0]:
            return len(data)
        self.received += bytes(memoryview(data)[5:])
        self.received = self.net.cloud.receive(self, self.received)
        return len(data)

    def readinto(self, data):
        """Fill some of `data`. Raises OSError for nothing yet."""
        self._check()
        net = self.net
        net.chip.pass_us(_READ_US)
        while self.answers:
            answer = self.answers[0]
            count = min(len(data), answer.size - answer.sent, 512)
            if answer.slow_us:
                come = (net.chip.now_us - answer.start_us) // answer.slow_us
                count = min(count, come - answer.sent)
            if count > 0:
                piece = answer.take(count)
                data[: len(piece)] = piece
                net.moved += 1
                if answer.rush:
                    net.chip.pass_us(_RUSH_US * len(piece))
                return len(piece)
            if answer.sent < answer.size or answer.end == "stall":
                break
            if answer.end == "close":
                return 0
            if answer.end == "reset":
                raise OSError(_RESET)
            self.answers.pop(0)
        raise OSError(_AGAIN)

    def _check(self) -> None:
        if self.shut:
            raise OSError(_RESET)

    def close(self) -> None:
        self.net.open -= not self.shut
        self.shut = True


class UnreachedSocket:
    """A socket to time servers, of which none can be reached."""

    def setblocking(self, blocking) -> None:
        pass

    def connect(self, address) -> None:
        raise OSError(113)

    def close(self) -> None:
        pass


class RacingNet:
    """The module `socket`; `cloud` takes requests, `hosts` has the names that were asked for.

    `moved` counts what went over it, `open` the sockets that are.
    """

    AF_INET, SOCK_STREAM, SOCK_DGRAM = 2, 1, 2

    def __init__(self, chip: RacingChip) -> None:
        import tls

        self.chip = chip
        self.cloud = None
        self.moved = self.open = 0
        self.hosts = set()
        self._weight = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)

    def getaddrinfo(self, host: str, port: int, *_) -> list:
        if port != 123:
            self.hosts.add(host)
        return [(2, 1, 0, "", (host, port))]

    def socket(self, family=2, kind=1):
        return UnreachedSocket() if kind == self.SOCK_DGRAM else CloudSocket(self)


class Poller:
    """A `poll` of the module `select`: everything is ready to be written to."""

    def register(self, what, mask=0) -> None:
        pass

    def poll(self, ms=0) -> tuple:
        return (1,)


class ReadySelect:
    """The module `select`."""

    POLLOUT = 4
    poll = Poller


class AsyncIo:
    """The module `asyncio`, as far as a task goes whose loop is the one who drives it."""

    def sleep_ms(self, ms: int):
        """Yield how long to wait."""
        yield ms


def install(fctry: str) -> RacingNet:
    """Put all of it in the place of the VM's modules; return the network, whose `chip` it is."""
    net = RacingNet(RacingChip(fctry))
    sys.modules["socket"] = net
    sys.modules["tls"] = fake_tls
    sys.modules["select"] = ReadySelect
    sys.modules["asyncio"] = AsyncIo()
    fake_tls.ahead = lambda: 512
    return net
