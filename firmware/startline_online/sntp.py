"""Has the time from several servers, or over the cable, and gives the timekeeper what they agree on.

A packet of SNTP version 4 (RFC 4330 and 5905) has 48 bytes: leap indicator, version and mode u8,
stratum u8, poll u8, precision u8, root delay and root dispersion (16.16 bits of a second),
reference id (4), and four times (32.32 bits since 1900): of reference, of origin, of receipt, of
sending.
"""

from struct import unpack_from

from startline.net import StepFailed

from .timekeeper import NTP, USB

if False:  # for mypy; a device has none of these
    from collections.abc import Generator
    from typing import Any

    from agent_types import Bounds, Bytes, Sender

DEFAULT_SERVERS = "pool.ntp.org,time.google.com"
_SAMPLES = 4
_ANSWER_US = 1000000
_GOOD_MS = 10  # with a larger error it is soon asked again
_QUICK = 8  # times that it is
_LONGEST_MS = 1024000
_FROM_1900 = 2208988800  # seconds from 1900 to 1970
_ERA = 1 << 32  # seconds; the next era begins in 2036
_EARLIEST = 1577836800  # 2020-01-01
_LATEST = 3029529600  # 2066-01-01
_MOST_ROOT_US = 2000000  # of delay or dispersion: more is no server to go by


class TimeSync:
    """Asks when it is due; the generators yield milliseconds, as all of the sender's do."""

    pause = 8000
    quick = 0
    alone = 0  # times in a row that one of several has answered

    def __init__(self, sender: "Sender") -> None:
        self.sender = sender
        self.keeper = sender.keeper
        self.uptime = sender.core.uptime
        names = sender.settings.servers or DEFAULT_SERVERS
        self.servers = [name.strip() for name in names.split(",")]
        self.refused: list[str] = []  # servers that want to be left alone

    def sync(self) -> "Generator[int, None, None]":
        """Ask once, and say when to ask again. Raises StepFailed, JournalFull, OSError."""
        good = False
        try:
            if self.sender.network.usb:
                self._ask_host()
            else:
                yield from self._ask_servers()
            good = self.keeper.quality()[1] <= _GOOD_MS
        finally:
            self.quick += 1
            if good or self.quick > _QUICK:
                self.pause = min(max(self.pause, 32000) * 2, _LONGEST_MS)
            else:
                self.pause = 8000
            self.sender.sync_due = self.uptime.now() + self.pause * 1000

    def _ask_host(self) -> None:
        sent = self.uptime.now()
        answer = int(self.sender.network.usb.ask("T", "ms"))
        received = self.uptime.now()
        # A host of before answers in whole seconds.
        unit = 1000 if answer > 100000000000 else 1000000
        self.keeper.take(answer * unit - received, (answer + 1) * unit - sent, USB)

    def _ask_servers(self) -> "Generator[int, None, None]":
        bounds = []
        reason = "no_time"
        asked = 0
        for server in self.servers:
            if server in self.refused:
                continue
            asked += 1
            answer = yield from self._ask(server)
            if isinstance(answer, str):
                reason = answer
                self.sender.emit("race_clock", {"server": server, "reason": answer})
            else:
                bounds.append(answer)
        common = agree(bounds)
        if bounds and not common:
            raise StepFailed("clock", "servers_differ")
        self.alone = self.alone + 1 if len(bounds) == 1 < asked else 0
        if not common or 0 < self.alone < 3:
            raise StepFailed("clock", "one_server" if common else reason)
        if self.uptime.now() + common[1] < self.sender.settings.made_at * 1000000:
            raise StepFailed("clock", "clock_before_made_at")
        self.keeper.take(common[0], common[1], NTP)

    def _ask(self, server: str) -> "Generator[int, None, Bounds | str]":
        """Ask one server a few times; its value is (least, most), or the reason why not."""
        name, _, port = server.partition(":")
        sockets = self.sender.network.sockets
        bounds = None
        reason = "no_answer"
        udp = None
        try:
            where = sockets.getaddrinfo(name, int(port or 123))[0][-1]
            udp = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
            udp.setblocking(False)
            udp.connect(where)
            for _ in range(_SAMPLES):
                answer = yield from self._sample(udp)
                if isinstance(answer, str):
                    reason = answer
                    if answer[:4] == "kiss":
                        if answer[5:] != "RATE":
                            self.refused.append(server)
                        self.quick = _QUICK
                        return reason
                    continue
                # What one server says within a second has to hold all at once.
                if bounds:
                    answer = (max(answer[0], bounds[0]), min(answer[1], bounds[1]))
                    if answer[0] > answer[1]:
                        return "absurd"
                bounds = answer
                yield 20
        except (OSError, ValueError):
            reason = "unreachable"
        finally:
            if udp:
                udp.close()
        return bounds or reason

    def _sample(self, udp: "Any") -> "Generator[int, None, Bounds | str]":
        """Ask once; its value is (least, most), or the reason why not. Raises OSError."""
        nonce = self.sender.chip.random(8)
        reason = "no_answer"
        sent = self.uptime.now()
        udp.send(question(nonce))
        while True:
            try:
                packet = udp.recv(68)
            except OSError as error:
                if error.errno != 11:  # EAGAIN, on every port
                    raise
                packet = None
            received = self.uptime.now()
            if packet:
                answer = read(packet, nonce, sent, received)
                if answer != "replayed":
                    return answer
                reason = answer  # not to this question: the one to it may still come
            passed = received - sent
            if passed > _ANSWER_US:
                return reason
            # While an answer is near, nothing else is done: waiting would add to the error.
            yield 0 if passed < 20000 else 1 if passed < 100000 else 5


def question(nonce: bytes) -> bytes:
    """Return the packet that asks; `nonce`, 8 random bytes, is what the answer has to repeat.

    It stands for the time of sending, which nobody needs to know.
    """
    return b"\x23" + bytes(39) + nonce


def read(packet: "Bytes", nonce: bytes, sent: int, received: int) -> "Bounds | str":
    """Return (least, most) that UTC is ahead of our clock, in microseconds, or why not.

    `sent` and `received` are our clock's microseconds. UTC - ours is at least the server's time of
    sending less ours of receipt, and at most its time of receipt less ours of sending: each way
    takes some time, and none takes less than no time. Reasons are "replayed", "kiss RATE" and its
    like, "unsynchronised", "absurd".
    """
    if len(packet) < 48 or packet[0] & 7 != 4 or not 3 <= packet[0] >> 3 & 7 <= 4:
        return "absurd"
    if bytes(packet[24:32]) != nonce:
        return "replayed"
    stratum = packet[1]
    if not stratum:
        return "kiss " + "".join([chr(code) for code in packet[12:16] if 64 < code < 91])
    if packet[0] >> 6 == 3 or stratum > 15:
        return "unsynchronised"
    delay, dispersion = unpack_from(">iI", packet, 4)
    root = (abs(delay) * 500000 >> 16) + (dispersion * 1000000 >> 16)
    came, left = _unix_us(packet, 32), _unix_us(packet, 40)
    if not came or not left or not 0 <= left - came <= received - sent or root > _MOST_ROOT_US:
        return "absurd"
    return left - received - root, came - sent + root


def _unix_us(packet: "Bytes", at: int) -> int:
    """Return a time of a packet as Unix time in microseconds; 0 for none, or an absurd one."""
    seconds, fraction = unpack_from(">II", packet, at)
    unix = seconds - _FROM_1900
    if unix < _EARLIEST:
        unix += _ERA
    if not seconds or not _EARLIEST <= unix <= _LATEST:
        return 0
    return unix * 1000000 + (fraction * 1000000 >> 32)


def agree(bounds: "list[Bounds]") -> "Bounds | None":
    """Return the (least, most) that more than half of several bounds have in common, or None.

    It is what they all say that say it, so the more agree the narrower it is (Marzullo 1984).
    """
    best = None
    most = len(bounds) // 2
    for low, _ in bounds:
        together = [one for one in bounds if one[0] <= low <= one[1]]
        if len(together) > most:
            most = len(together)
            best = (max([one[0] for one in together]), min([one[1] for one in together]))
    return best
