"""Asking servers for the time: what is made of their answers, and when they are asked again."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_mock import MockerFixture
from startline.net import StepFailed

from tests.firmware.harness import NOW
from tests.race_role.paper_cloud import PaperRace

S = 1_000_000
FROM_1900 = 2_208_988_800
AGAIN = 11

#: Returns, for the question and when it was asked, what comes of it: (when, packet) each.
Server = Callable[[bytes, int], list[tuple[int, bytes | OSError]]]


def packet(question: bytes, utc_us: int, *, stratum: int = 2, code: bytes = b"GPS\0") -> bytes:
    """Return the answer of a server whose time is that."""
    seconds, rest = divmod(utc_us, S)
    stamp = pack(">II", seconds + FROM_1900, (rest << 32) // S)
    head = bytes((0x24, stratum, 6, 0xEC)) + bytes(8) + code
    return head + bytes(8) + question[40:] + stamp * 2


class Servers:
    """A module of sockets with time servers by name; `asked` has (name, port) of each look-up."""

    AF_INET, SOCK_DGRAM = 2, 3

    def __init__(self, race: PaperRace, servers: dict[str, Server]) -> None:
        self.race = race
        self.servers = servers
        self.asked: list[tuple[str, int]] = []
        self.questions: list[bytes] = []
        self.open = 0

    @property
    def now(self) -> int:
        """What UTC is, in microseconds."""
        return NOW * S + int(self.race.chip.now_us)

    def getaddrinfo(self, name: str, port: int, *_: object) -> list[tuple[Any, ...]]:
        """Resolve a name. Raises OSError."""
        self.asked.append((name, port))
        if name not in self.servers:
            raise OSError(-2, "")
        return [(2, 3, 0, "", (name, port))]

    def socket(self, *kind: int) -> Socket:
        """Make a socket for datagrams."""
        assert kind == (self.AF_INET, self.SOCK_DGRAM)
        self.open += 1
        return Socket(self)


class Socket:
    """A socket to the server that it is connected to."""

    def __init__(self, net: Servers) -> None:
        self.net = net
        self.coming: list[tuple[int, bytes | OSError]] = []

    def setblocking(self, blocking: bool) -> None:
        """Take it."""
        assert not blocking

    def connect(self, where: tuple[str, int]) -> None:
        """Connect."""
        self.server = self.net.servers[where[0]]

    def send(self, question: bytes) -> None:
        """Ask."""
        self.net.questions.append(question)
        self.coming += self.server(question, self.net.now)

    def recv(self, _count: int) -> bytes:
        """Return what has come. Raises OSError for nothing yet."""
        for one in self.coming:
            if one[0] <= self.net.now:
                self.coming.remove(one)
                if isinstance(one[1], OSError):
                    raise one[1]
                return one[1]
        raise OSError(AGAIN, "")

    def close(self) -> None:
        """Count."""
        self.net.open -= 1


def right(off_us: int = 0, there_us: int = 1000, back_us: int = 1000) -> Server:
    """Return a server that is so far off, and so far away."""

    def answer(question: bytes, now: int) -> list[tuple[int, bytes | OSError]]:
        return [(now + there_us + back_us, packet(question, now + there_us + off_us))]

    return answer


def silent(_question: bytes, _now: int) -> list[tuple[int, bytes | OSError]]:
    """Answer nothing."""
    return []


def says(**more: Any) -> Server:
    """Return a server that says something else than the time."""
    return lambda question, now: [(now + 2000, packet(question, now, **more))]


def raced(servers: str = "a", **known: Server) -> tuple[PaperRace, Servers]:
    """Return a race that has no time yet, and the servers that it is to ask."""
    race = PaperRace(timed=False)
    race.race.settings.servers = servers
    list(race.sender.network.up())
    net = race.sender.network.sockets = Servers(race, known)
    return race, net


def ask(race: PaperRace) -> int:
    """Have it ask once; return after how many milliseconds it will again."""
    for wait in race.sender.have_time():
        race.chip.sleep(max(1, wait))
    return int(race.sender.sync_due - race.chip.now_us + 500) // 1000


def reasons(race: PaperRace) -> list[tuple[str, str]]:
    """Return server and reason of each failure that was told."""
    return [(one.get("server", ""), one["reason"]) for one in race.events("race_clock")]


def off_us(race: PaperRace) -> int:
    """Return how far off its time is."""
    return int(race.race.keeper.utc_us() - race.chip.now_us) - NOW * S


def test_one_server() -> None:
    """It is asked four times in a second, by one socket that is closed then, and its time counts."""
    race, net = raced(a=right())
    assert race.race.state["clock"] == "none"
    pause = ask(race)
    assert (race.race.state["clock"], race.race.state["error_ms"]) == ("ntp", 2)
    assert abs(off_us(race)) <= 1000
    assert net.asked == [("a", 123)]
    assert [len(one) for one in net.questions] == [48] * 4
    assert net.open == 0
    assert reasons(race) == []
    assert pause == 64_000
    assert race.chip.now_us < 1_200_000


@pytest.mark.parametrize(
    ("servers", "asked"),
    [
        ("", [("pool.ntp.org", 123), ("time.google.com", 123)]),
        (" a , b:1123", [("a", 123), ("b", 1123)]),
    ],
)
def test_which_servers_are_asked(servers: str, asked: list[tuple[str, int]]) -> None:
    """Those that were set, each with a port of its own if need be, or else two that the world knows."""
    race, net = raced(servers)
    ask(race)
    assert net.asked == asked
    assert [reason for _, reason in reasons(race)] == ["unreachable"] * 3


def test_samples_of_one_server_narrow_each_other() -> None:
    """Of four samples over ways that differ, the bounds are what all of them allow."""
    ways = [(20_000, 2000), (2000, 15_000), (9000, 9000), (30_000, 30_000)]

    def answer(question: bytes, now: int) -> list[tuple[int, bytes | OSError]]:
        there, back = ways[len(net.questions) - 1]
        return right(0, there, back)(question, now)

    race, net = raced(a=answer)
    ask(race)
    assert race.race.state["error_ms"] in {3, 4}
    assert abs(off_us(race)) <= 3000


def test_a_server_that_contradicts_itself() -> None:
    """What it says within a second has to hold all at once."""
    in_turn = map(right, (0, 90_000, 0, 0))

    def answer(question: bytes, now: int) -> list[tuple[int, bytes | OSError]]:
        return next(in_turn)(question, now)

    race, _ = raced(a=answer)
    ask(race)
    assert reasons(race) == [("a", "absurd"), ("", "absurd")]
    assert race.race.state["clock"] == "none"


def test_a_liar_is_outvoted() -> None:
    """Two of three that agree decide; two that do not are neither believed."""
    race, _ = raced("a,b,c", a=right(3 * S), b=right(), c=right(0, 3000, 3000))
    ask(race)
    assert race.race.state["clock"] == "ntp"
    assert abs(off_us(race)) <= 1000
    race, _ = raced("a,b", a=right(3 * S), b=right())
    ask(race)
    assert reasons(race) == [("", "servers_differ")]
    assert race.race.state["clock"] == "none"


def test_one_of_several_that_answers() -> None:
    """It counts the third time in a row; whenever others answer too, that begins anew."""
    race, net = raced("a,b", a=right(), b=silent)
    for clock in ("none", "none", "ntp", "ntp"):
        ask(race)
        assert race.race.state["clock"] == clock
    assert reasons(race).count(("", "one_server")) == 2
    net.servers["b"] = right()
    ask(race)
    net.servers["b"] = silent
    for _ in range(3):
        ask(race)
    assert reasons(race).count(("", "one_server")) == 4


def test_a_server_that_wants_to_be_left_alone() -> None:
    """DENY and its like are obeyed for good, RATE by asking rarely."""
    race, net = raced("a,b", a=says(stratum=0, code=b"DENY"), b=right())
    assert ask(race) == 64_000
    assert net.asked == [("a", 123), ("b", 123)]
    assert len(net.questions) == 5
    assert race.race.state["clock"] == "ntp" or reasons(race)[-1] == ("", "one_server")
    ask(race)
    assert net.asked[2:] == [("b", 123)]
    assert race.race.state["clock"] == "ntp"
    race, net = raced("a", a=says(stratum=0, code=b"RATE"))
    assert ask(race) == 64_000
    assert reasons(race) == [("a", "kiss RATE"), ("", "kiss RATE")]
    ask(race)
    assert net.asked == [("a", 123)] * 2


def test_pauses() -> None:
    """Eight seconds, eight times, then doubled from a minute to seventeen; a good time spares the first."""
    race, net = raced(a=silent)
    assert [ask(race) for _ in range(14)] == [
        *[8000] * 8, 64_000, 128_000, 256_000, 512_000, 1_024_000, 1_024_000,
    ]  # fmt: skip
    net.servers["a"] = right(0, 40_000, 40_000)
    assert ask(race) == 1_024_000
    race, _ = raced(a=right(0, 8000, 8000))
    assert [ask(race) for _ in range(3)] == [64_000, 128_000, 256_000]
    race, _ = raced(a=right(0, 11_000, 11_000))
    assert ask(race) == 8000


def test_a_time_before_this_unit_was_made() -> None:
    """It cannot be, whoever agrees on it."""
    race, _ = raced(a=right(-400 * 86_400 * S))
    ask(race)
    assert reasons(race) == [("", "clock_before_made_at")]
    assert race.race.state["clock"] == "none"
    race, _ = raced(a=right(-300 * 86_400 * S))
    ask(race)
    assert race.race.state["clock"] == "ntp"


def test_a_server_that_says_nothing() -> None:
    """Each of four samples is waited for a second, and no longer."""
    race, net = raced(a=silent)
    before = race.chip.now_us
    ask(race)
    assert reasons(race) == [("a", "no_answer"), ("", "no_answer")]
    assert len(net.questions) == 4
    assert 4 * S <= race.chip.now_us - before < 4.1 * S


def test_a_server_that_is_not_there() -> None:
    """What the network says of it ends that at once; nothing stays open."""
    race, net = raced(a=lambda _question, now: [(now, OSError(111, ""))])
    ask(race)
    assert reasons(race) == [("a", "unreachable"), ("", "unreachable")]
    assert (len(net.questions), net.open) == (1, 0)


def test_an_answer_to_another_question() -> None:
    """It says nothing; the one that comes behind it does. Alone, it is named."""

    def late(question: bytes, now: int) -> list[tuple[int, bytes | OSError]]:
        return [(now + 500, packet(bytes(40) + b"ANOTHER!", now)), *right()(question, now)]

    race, _ = raced(a=late)
    ask(race)
    assert (reasons(race), race.race.state["clock"]) == ([], "ntp")
    race, _ = raced(a=lambda _, now: [(now + 500, packet(bytes(40) + b"ANOTHER!", now))])
    ask(race)
    assert reasons(race) == [("a", "replayed"), ("", "replayed")]


def test_an_answer_is_waited_for_more_and_more_rarely() -> None:
    """While it is near nothing else is done; later every millisecond, then every five."""
    race, _ = raced(a=silent)
    waits = []
    for wait in race.sender.have_time():
        waits.append(wait)
        race.chip.sleep(max(1, wait))
        if len(waits) == 200:
            break
    assert waits[:200] == [0] * 20 + [1] * 80 + [5] * 100


@pytest.mark.parametrize(("unit", "error_ms"), [(1000, 1), (1, 501)])
def test_the_time_over_the_cable(unit: int, error_ms: int) -> None:
    """A host says milliseconds, one of before whole seconds; its answer took no time here."""
    race, net = raced("a")
    asked = []

    def host(*question: str) -> str:
        asked.append(question)
        return str(net.now // 1000 // (1000 // unit))

    race.sender.network.usb = SimpleNamespace(ask=host)
    race.device.identity.values["net.link"] = "usb"
    ask(race)
    assert asked == [("T", "ms")]
    assert (race.race.state["clock"], race.race.state["error_ms"]) == ("usb", error_ms)
    assert abs(off_us(race)) <= S * 1000 // unit // 1000
    assert net.asked == []


def test_what_the_sender_makes_of_it(mocker: MockerFixture) -> None:
    """It asks by itself when it is due; whatever fails is told once, and nothing else suffers."""
    race, net = raced(a=right())
    race.chip.sleep(10_000)
    while race.race.state["clock"] == "none":
        race.chip.sleep(max(1, race.sender.tick()))
    assert race.sender.reason == ""
    count = len(net.questions)
    for _ in range(300):
        race.chip.sleep(max(1, race.sender.tick()))
    assert len(net.questions) == count
    race.chip.sleep(70_000)
    for _ in range(100):
        race.chip.sleep(max(1, race.sender.tick()))
    assert len(net.questions) == count + 4
    for error, told in (
        (StepFailed("link", "timeout"), [{"reason": "timeout"}]),
        (OSError(5, ""), [{"reason": "OSError"}]),
        (ValueError("garbage"), [{"reason": "ValueError"}]),
    ):
        del race.told[:]
        mocker.patch.object(race.sender.network, "up", side_effect=error)
        assert ask(race) == 16_000
        assert race.events("race_clock") == told
