"""Has the time from several servers, or over the cable, and gives the timekeeper what they agree on."""

from startline.errors import Failed

from .sntp import agree, question, read
from .timekeeper import NTP, USB

DEFAULT_SERVERS = "pool.ntp.org,time.google.com"
_SAMPLES = 4
_ANSWER_MS = 1000
_GOOD_US = 10000  # with a larger error it is soon asked again
_QUICK = 8  # times that it is
_LONGEST_MS = 1024000


class TimeSync:
    """Asks when it is due; the generators yield milliseconds, as all of the sender's do."""

    def __init__(self, timekeeper, network, servers: str, made_at: int) -> None:
        self.keeper = timekeeper
        self.chip = timekeeper.chip
        self.uptime = timekeeper.uptime
        self.network = network
        self.servers = [name.strip() for name in (servers or DEFAULT_SERVERS).split(",")]
        self.refused = []  # servers that want to be left alone
        self.made_at = made_at * 1000000
        self.due = 0  # microseconds since boot
        self.pause = 8000
        self.quick = 0
        self.alone = 0  # times in a row that one of several has answered

    def is_due(self) -> bool:
        """Tell whether it is time to ask."""
        return self.uptime.now() >= self.due

    def sync(self):
        """Ask once, and say when to ask again. Raises Failed, JournalFull, OSError."""
        good = False
        try:
            if self.network.usb:
                self._ask_host()
            else:
                yield from self._ask_servers()
            good = self.keeper.quality()[1] * 1000 <= _GOOD_US
        finally:
            self.quick += 1
            if not good and self.quick <= _QUICK:
                self.pause = 8000
            else:
                self.pause = min(max(self.pause, 32000) * 2, _LONGEST_MS)
            self.due = self.uptime.now() + self.pause * 1000

    def _ask_host(self) -> None:
        sent = self.uptime.now()
        answer = int(self.network.usb.ask("T", "ms"))
        received = self.uptime.now()
        # A host of before answers in whole seconds.
        unit = 1000 if answer > 100000000000 else 1000000
        self.keeper.take(answer * unit - received, (answer + 1) * unit - sent, USB)

    def _ask_servers(self):
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
                self.keeper.tell("race_clock", {"server": server, "reason": answer})
            else:
                bounds.append(answer)
        common = agree(bounds)
        if bounds and not common:
            raise Failed("clock", "servers_differ")
        self.alone = self.alone + 1 if len(bounds) == 1 < asked else 0
        if not common or 0 < self.alone < 3:
            raise Failed("clock", "one_server" if common else reason)
        if self.uptime.now() + common[1] < self.made_at:
            raise Failed("clock", "clock_before_made_at")
        self.keeper.take(common[0], common[1], NTP)

    def _ask(self, server: str):
        """Ask one server a few times; its value is (least, most), or the reason why not."""
        name, _, port = server.partition(":")
        sockets = self.network.sockets
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

    def _sample(self, udp):
        """Ask once; its value is (least, most), or the reason why not. Raises OSError."""
        nonce = self.chip.random(8)
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
            if passed > _ANSWER_MS * 1000:
                return reason
            # While an answer is near, nothing else is done: waiting would add to the error.
            yield 0 if passed < 20000 else 1 if passed < 100000 else 5
