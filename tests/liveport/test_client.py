"""What the live port says to a client, line by line, out of a journal that the role has written."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack
from types import SimpleNamespace
from typing import Any

import pytest
from startline_liveport.client import PortClient
from startline_online.timekeeper import Timekeeper
from startline_race.journal import POOL, Journal
from startline_race.journal_format import PASSING, SECTOR, TIME, TIME_POINT, Session, split_us
from startline_race.passing_format import Passing, pack_passing
from startline_race.progress import Progress

from tests.race.test_running_reader import ReaderFlash

UTC_US = 1_795_219_200_000_000  # 2026-11-21T00:00:00Z


class FakeRace:
    """A race of one boot whose journal, progress and time are the role's own."""

    def __init__(self, count: int = 0) -> None:
        self.journal = Journal(ReaderFlash(), b"o" * 8)
        self.journal.open()
        self.journal.boot = 1
        self.progress: Any = Progress(self.journal)
        self.uptime = SimpleNamespace(now=lambda: 90_061_500_000)
        self.ms = 0
        self.chip = SimpleNamespace(ms=lambda: self.ms, since=lambda ms: self.ms - ms, nvs=no_nvs)
        self.keeper = Timekeeper(self.chip, self.uptime, self.progress.note_time, None)
        self.device = SimpleNamespace(serial="R;17é")
        self.open(1)
        self.store(count)

    def open(self, ordinal: int) -> None:
        """Begin a session."""
        session = Session()
        session.ordinal, session.first = ordinal, self.journal.number
        self.progress.wanted = session

    def store(self, count: int, **fields: Any) -> None:
        """Store passings, one a millisecond; everything before them is done with."""
        for _ in range(count):
            passing = Passing()
            passing.number = self.journal.number
            passing.boot, passing.session, passing.bib = 1, 1, f"{passing.number}"
            passing.time_us = passing.number * 1000
            for name, value in fields.items():
                setattr(passing, name, value)
            self.journal.append(PASSING, pack_passing(passing, bytearray(240)))
            self.journal.number += 1
            self.progress.move(self.journal.number)
            self.journal.prepare(self.progress.keep_from(), POOL)

    def learn_time(self) -> None:
        """Have a time point in the journal."""
        low, high = split_us(0)
        self.journal.append(TIME, pack(TIME_POINT, 1, low, high, UTC_US, 500, 1))


def no_nvs(_namespace: str) -> None:
    """Have no namespace."""
    raise OSError


class PullingClient:
    """One client and its socket; `room` is how much that takes before it is full."""

    def __init__(self, race: FakeRace) -> None:
        self.said = b""
        self.heard = b""
        self.room = 1 << 30
        self.port = PortClient(race, self)

    def send(self, data: bytes) -> int:
        """Take some bytes. Raises OSError where there is no room."""
        if not self.room:
            raise OSError(11, "full")
        piece = data[: min(self.room, 50)]
        self.room -= len(piece)
        self.heard += piece
        return len(piece)

    def recv(self, size: int) -> bytes:
        """Give some bytes."""
        piece, self.said = self.said[:size], self.said[size:]
        return piece

    def ask(self, *lines: str) -> list[str]:
        """Say lines; return all that comes of it."""
        self.said += "".join(f"{line}\r\n" for line in lines).encode()
        return self.listen()

    def listen(self) -> list[str]:
        """Return the lines that come by themselves."""
        for _ in range(5000):
            self.port.ready = bool(self.said)
            if not self.port.step() and not self.said and not self.port.out:
                break
        heard, self.heard = self.heard, b""
        assert heard.endswith(b"\r\n") or not heard
        return heard.decode("ascii").replace("\r\n", "\n").split("\n")[:-1]


def test_what_is_spoken() -> None:
    """Each question has its answer, those that would change something ERROR; nobody waits for one."""
    client = PullingClient(FakeRace(3))
    assert client.ask("GETPROTOCOL", "SETPROTOCOL;2.0", "SETPROTOCOL;9.9", "protocol") == [
        "GETPROTOCOL;3.2;1.6;3.2", "SETPROTOCOL;2.0", "SETPROTOCOL;2.0", "GETPROTOCOL;2.0;1.6;3.2",
    ]  # fmt: skip
    assert client.ask("PASSINGS", "PING", "", "GETCONFIG;GENERAL;BOXNAME") == [
        "PASSINGS;3;1", "PING", "GETCONFIG;GENERAL;BOXNAME;R?17?;R?17?",
    ]  # fmt: skip
    assert client.ask("STARTOPERATION", "CLEARFILES", "SETTIME;1;2", "?", "SETPUSHPASSINGS") == [
        "ERROR;STARTOPERATION", "ERROR;CLEARFILES", "ERROR;SETTIME", "ERROR;?",
        "SETPUSHPASSINGS;0;0",
    ]  # fmt: skip
    (status,) = client.ask("GETSTATUS")
    assert len(status.split(";")) == 26
    assert status.startswith("GETSTATUS;0000-00-01;01:01:01.500;1;;1;1;0;")
    assert client.ask("GETTIME") == ["GETTIME;0000-00-01;01:01:01.500"]


def test_passings_are_pulled_by_number() -> None:
    """`n` gives one, `n:count` as many as there are and an empty line, and ONLY tells how many there are."""
    client = PullingClient(FakeRace(400))
    first = "1;1;0000-00-00;00:00:00.001;0;;;;0;;;;;;;;R?17?;1;;R?17?"
    assert client.ask("1") == [first]
    assert len(first.split(";")) == 20
    assert client.ask("401", "0", "9999999999:2") == ["ONLY 400"] * 3
    lines = client.ask("399:32")
    assert [line.partition(";")[0] for line in lines] == ["399", "400", ""]
    lines = client.ask("1:400")
    assert [line.partition(";")[0] for line in lines] == [*map(str, range(1, 401)), ""]
    assert client.ask("5:0") == [""]
    assert client.ask(":5", "5:5:5", "-1") == ["ERROR;:5", "ERROR;5:5:5", "ERROR;-1"]


def test_a_record_has_what_a_reader_knows() -> None:
    """Times are UTC as soon as they are known; separators in a chip are no separators."""
    race = FakeRace()
    race.learn_time()
    race.store(1, bib="", chip="7;F", antenna=2, rssi=-50, hits=3)
    race.journal.boot = 2  # it is an earlier boot's now, and dated by the journal
    client = PullingClient(race)
    assert client.ask("1") == ["1;7?F;2026-11-21;00:00:00.001;0;3;;;0;2;;;;;;;R?17?;1;2;R?17?"]
    race.store(1, utc_ms=1_795_219_200_123)
    assert client.ask("2")[0].split(";")[2:4] == ["2026-11-21", "00:00:00.123"]


def test_new_passings_are_pushed() -> None:
    """From when it is asked for on, in order, also beside a pull and into the next session."""
    race = FakeRace(5)
    client = PullingClient(race)
    assert client.ask("SETPUSHPASSINGS;1;0") == ["SETPUSHPASSINGS;1;0"]
    race.store(2)
    assert [line[:4] for line in client.listen()] == ["#P;6", "#P;7"]
    race.store(1)
    assert [line[:4] for line in client.ask("7:9")] == ["7;7;", "8;8;", "", "#P;8"]
    race.progress.end(race.journal.number)
    race.store(1)  # belongs to whatever is opened next
    assert client.ask("PASSINGS") == ["PASSINGS;8;1"]
    race.open(2)
    race.progress.wanted.first = 9
    assert [line[:7] for line in client.listen()] == ["#P;1;9;"]
    assert client.ask("PASSINGS", "SETPUSHPASSINGS;0;0") == ["PASSINGS;1;2", "SETPUSHPASSINGS;0;0"]
    race.store(1)
    assert client.listen() == []


def test_what_is_damaged_is_left_out() -> None:
    """Numbers that a damaged sector has lost are missing, and all others come."""
    race = FakeRace(400)
    race.journal.flash.data[SECTOR + 700 : SECTOR + 1200] = b"\x55" * 500
    numbers = [line.partition(";")[0] for line in PullingClient(race).ask("1:400")]
    got = [int(number) for number in numbers[:-1]]
    assert numbers[-1] == ""
    assert got == sorted(set(got))
    assert got[0] == 1
    assert got[-1] == 400
    assert 360 < len(got) < 400


def test_sectors_that_are_used_again_are_left_behind() -> None:
    """A slow client gets what is there still; the race goes on over what nobody needs any more."""
    race = FakeRace(900)
    client = PullingClient(race)
    client.room = 5000
    client.said = b"1:900\r\n"
    for _ in range(300):
        client.port.ready = bool(client.said)
        client.port.step()
    race.store(1500)
    client.room = 1 << 30
    numbers = [int(line.partition(";")[0]) for line in client.listen() if line[:1].isdigit()]
    assert numbers == sorted(set(numbers))
    assert 10 < numbers[-1] < 100
    assert len(client.ask("2000:99")) == 100


@pytest.mark.parametrize(
    "said", [b"x" * 81, b"PASSINGS\x00\r\n", b"\x16\x03\x01", "PASSINGS é".encode(), b"GET\t"]
)
def test_what_is_no_line_ends_it(said: bytes) -> None:
    """A line without end, binary, and other alphabets close the connection; so does its end."""
    client = PullingClient(FakeRace(1))
    client.said = said
    with pytest.raises(ValueError):  # noqa: PT011 - it says nothing: the connection is closed
        client.listen()
    client = PullingClient(FakeRace(1))
    client.port.ready = True
    with pytest.raises(ValueError):  # noqa: PT011
        client.port.step()


def test_who_takes_nothing_is_let_go_of() -> None:
    """A client that stops reading costs one line of memory, and is gone after ten seconds."""
    race = FakeRace(500)
    client = PullingClient(race)
    client.room = 1000
    client.said = b"1:500\r\n" * 100
    steps: Callable[[], object] = lambda: [client.port.step() for _ in range(500)]  # noqa: E731
    client.port.ready = True
    steps()
    assert len(client.port.out) < 200
    assert len(client.port.line) < 200
    race.ms = 10_001
    with pytest.raises(ValueError):  # noqa: PT011
        steps()
