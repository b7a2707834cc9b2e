"""A reader beside its program, asked over a line that loses, doubles and lies; the role's own answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_mock import MockerFixture
from startline_console import FrameListener
from startline_console.answers import RaceAnswers
from startline_race.journal import POOL, Journal
from startline_race.journal_format import PASSING, SECTOR
from startline_race.passing_format import Passing, pack_passing
from startline_race.progress import Progress

from startline_host.device.port import Port
from startline_host.errors import BadInput, DeviceSilent, TimedOut
from startline_host.flows.usb_link import encode
from startline_host.formats.flash_dump import partition_reader
from startline_host.race import running_reader
from startline_host.race.running_reader import RequestRefused, RunningReader
from startline_host.race.selection import Wanted
from startline_host.race.stored_race import read_race

STATE = {"session": "", "sending": "", "stored": 0, "sent": 0, "waiting": 0, "unsure": 0, "aside": 0,
         "clock": "ntp", "error_ms": 1, "full": 0, "reason": ""}  # fmt: skip
Lossy = Callable[[bytes], bytes]


class ReaderFlash:
    """A partition of 16 sectors in memory."""

    def __init__(self) -> None:
        self.data = bytearray(b"\xff" * 16 * SECTOR)
        self.size = len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes."""
        return bytes(self.data[offset : offset + length])

    def program(self, offset: int, data: bytes) -> None:
        """Clear bits."""
        self.data[offset : offset + len(data)] = data

    def erase(self, offset: int) -> None:
        """Set the bits of a sector."""
        self.data[offset : offset + SECTOR] = b"\xff" * SECTOR


class FakeLine(Port):
    """A port with the role behind it, on a race of so many passings; `pass_on` is what the line does."""

    def __init__(self, count: int = 0, pass_on: Lossy = bytes) -> None:
        super().__init__("loop", None)
        self.journal = Journal(ReaderFlash(), b"o" * 8)
        self.journal.open()
        self.progress = Progress(self.journal)
        self.out = b""
        self.pass_on = pass_on
        self.on_request: Callable[[], object] = object
        race = SimpleNamespace(
            journal=self.journal, state=STATE, chip=self, progress=self.progress,
            sender=lambda: SimpleNamespace(network=SimpleNamespace(usb=None)),
            device=SimpleNamespace(
                serial="S-1", token="T", cloud="rufus", identity=SimpleNamespace(base_url="u")
            ),
        )  # fmt: skip
        self.listener = FrameListener.__new__(FrameListener)
        self.listener.race, self.listener.frame = race, bytearray()
        self.listener.answers = self.answers = RaceAnswers(race)
        self.store(count)

    def store(self, count: int) -> None:
        """Store passings, with sectors erased ahead where all in them is done with."""
        for _ in range(count):
            passing = Passing()
            passing.number, passing.session, passing.boot, passing.chip = (
                self.journal.number,
                1,
                1,
                "7F",
            )
            self.journal.append(PASSING, pack_passing(passing, bytearray(240)))
            self.journal.number += 1
            self.progress.move(self.journal.number)
            self.journal.prepare(self.progress.keep_from(), POOL)

    def write(self, data: Any) -> None:
        """Take a request in, and give all of its answer; or take in what the role says."""
        if isinstance(data, str):
            # What a chip's UART holds at once: more would keep a program waiting.
            assert len(data) <= 128
            self.out += b"\r\nnoise~" + self.pass_on(data.encode())
            return
        self.on_request()
        for char in data:
            self.listener.take(bytes((char,)))
        while self.answers.send_piece():
            pass

    def read(self, seconds: float) -> bytes:
        """Return all that was said."""
        said, self.out = self.out, b""
        return said


@pytest.fixture(autouse=True)
def _brief(mocker: MockerFixture) -> None:
    """Wait for what never comes only as long as it takes to see that."""
    mocker.patch.multiple(running_reader, _ASK_AGAIN=0.01, _JOB=0.05, _JOB_PAUSE=0)
    mocker.patch("startline_host.util._slowness", return_value=1.0)


def numbers(data: bytes) -> list[int]:
    """List the passings of a journal."""
    return [one.number for one in read_race(partition_reader(data)).passings]


def test_a_journal_is_read_as_it_stands() -> None:
    """The whole of it, or from a passing on: with the rest of that passing's sector and all behind it."""
    line = FakeLine(400)
    found = RunningReader(line).journal()
    assert (found.race.serial, found.race.number, found.unread) == ("S-1", 401, frozenset())
    assert numbers(found.data) == list(range(1, 401))
    tail = RunningReader(line).journal(Wanted(begin="300")).data
    assert numbers(tail)[-1] == 400
    assert 1 < numbers(tail)[0] <= 300


def test_what_gets_lost_is_asked_for_again() -> None:
    """Of an answer that came torn, with a wrong sum or without its middle, nothing is taken."""
    said = 0

    def lossy(frame: bytes) -> bytes:
        nonlocal said
        said += 1
        if said % 61 == 5:
            return frame[:-20]
        if said % 61 == 25:
            return frame.replace(b":", b";")
        return b"" if said % 61 == 45 else frame * 2

    line = FakeLine(400, lossy)
    assert numbers(RunningReader(line).journal().data) == list(range(1, 401))
    assert said > 61


def test_an_answer_that_comes_late_is_one(mocker: MockerFixture) -> None:
    """Of what was asked twice the first answer is as good as the second; one to an earlier request is none."""
    line = FakeLine(5)
    held = b""

    def answer_later(data: bytes) -> None:
        nonlocal held
        FakeLine.write(line, data)
        line.out, held = held, line.out

    mocker.patch.object(line, "write", side_effect=lambda data: (
        FakeLine.write(line, data) if isinstance(data, str) else answer_later(data)
    ))  # fmt: skip
    reader = RunningReader(line)
    assert reader.state().number == 6
    assert reader.ask("job") == b"none"


def test_sectors_that_go_meanwhile_are_none(mocker: MockerFixture) -> None:
    """A ring that goes on while it is read gives the passings of one moment, without a gap."""
    line = FakeLine(1500)
    line.on_request = lambda: line.store(17)
    read = RunningReader(line).journal()
    found = numbers(read.data)
    assert found == list(range(found[0], read.race.number))
    assert found[0] > read.race.first


def test_who_does_not_answer_is_told() -> None:
    """Silence, an echo, and another program's frames each have their sentence, and nothing is sent but requests."""
    with pytest.raises(DeviceSilent, match="does not answer beside its program") as silent:
        RunningReader(FakeLine(0, lambda _: b"")).state()
    assert "--interrupt" in silent.value.hint
    echo = FakeLine()
    echo.write = lambda data: setattr(echo, "out", data)  # type: ignore[method-assign]
    with pytest.raises(DeviceSilent, match="at its prompt"):
        RunningReader(echo).state()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 1 << 40}, "cannot be"),
        ({"head": 99}, "cannot be"),
        ({"offset": 5000}, "cannot be"),
        ({"used": -1}, "cannot be"),
        ({"state": {}}, "another version"),
        ({"number": "1"}, "another version"),
    ],
)
def test_a_reader_that_lies_is_not_believed(
    change: dict[str, object], words: str, mocker: MockerFixture
) -> None:
    """What a journal cannot be is one sentence (60), and no memory is given for it."""
    line = FakeLine(5)
    told = json.loads(line.answers.info()) | change
    mocker.patch.object(line.answers, "info", return_value=json.dumps(told).encode())
    with pytest.raises(BadInput, match=words):
        RunningReader(line).journal()


def test_the_role_refuses_what_is_no_request() -> None:
    """Places outside the journal, unknown words and wrong counts of numbers are refused."""
    line = FakeLine(5)
    reader = RunningReader(line)
    for request in (
        "read 0 4097", "read -1 5", "read 65536 1", "read 0", "read a b", "resend 1 2 0", "resend",
        "erase", "", "info" * 30,
    ):  # fmt: skip
        with pytest.raises((RequestRefused, DeviceSilent)):
            reader.ask(request)
    line.write(encode("00", "O", "host:1"))  # a frame of the USB link is none for the role
    assert not line.out


def test_a_resend_is_followed_to_its_end(mocker: MockerFixture) -> None:
    """Its answer, a lost first answer, and one that takes for ever each come out as what they are."""
    line = FakeLine(5)
    reader = RunningReader(line)
    mocker.patch.object(line.answers, "resend")
    line.answers.job = "StepFailed link no_ssid"
    assert reader.resend(1, 2, 0) == "StepFailed link no_ssid"
    line.answers.job = "done"
    assert reader.resend(1, 2, 0) == ""
    line.answers.job = "runs"
    with pytest.raises(TimedOut):
        reader.resend(1, 2, 0)
    first = iter([b""])
    line.pass_on = lambda frame: next(first, frame)
    line.answers.job = "done"
    mocker.patch.object(line.answers, "resend", side_effect=[None, ValueError("not set aside")])
    assert reader.resend(1, 2, 0) == ""
    mocker.patch.object(line.answers, "resend", side_effect=ValueError("not set aside"))
    with pytest.raises(RequestRefused, match="not set aside"):
        reader.resend(1, 2, 0)
