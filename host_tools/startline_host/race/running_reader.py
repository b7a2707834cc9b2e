"""A reader that goes on with its race while it is asked, in frames over its console.

Nothing interrupts its program: no Ctrl-C, no reset. `startline_console` on the device describes
the requests. What is read is the journal itself, so that everything else is reckoned here, by the
device's own code.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

import msgspec
from startline_race.journal_format import SECTOR

from startline_host.device.bootloader import TransferProgress
from startline_host.device.port import Port
from startline_host.errors import BadInput, DeviceSilent, TimedOut
from startline_host.flows.notices import Listener, Step
from startline_host.flows.usb_link import UsbFrame, UsbFrameSplitter, encode
from startline_host.race.journal_window import JournalWindow
from startline_host.race.selection import EVERYTHING, Wanted
from startline_host.util import PatientDeadline, printable

#: Seconds without a piece, and tries: a handshake may hold a program for 2 s.
_ASK_AGAIN, _TRIES = 3.0, 4
#: Seconds that passings may take to be sent again; between two questions whether they are.
_JOB, _JOB_PAUSE = 90.0, 0.5
_TICK = 0.25
#: Bytes that are read by one request: what is lost of them is asked for again.
_STRETCH = 1024


class RaceState(msgspec.Struct, frozen=True):
    """How the race stands, as the program of the reader sees it; see `race.state` of the role."""

    session: str
    sending: str
    stored: int
    sent: int
    waiting: int
    unsure: int
    aside: int
    clock: str
    error_ms: int
    full: int
    reason: str


class RunningRace(msgspec.Struct, frozen=True):
    """Who a reader is, how its race stands, and where its journal ends.

    `size` is that of the journal in bytes, `head` the sector that is being written up to `offset`,
    `used` how many there are from the oldest to that one, `first` what
    the oldest sector begins with, `number` what the next passing gets. `usb` tells that it reaches
    its cloud over this very line.
    """

    serial: str
    token: str
    cloud: str
    base_url: str
    state: RaceState
    size: int
    head: int
    used: int
    offset: int
    first: int
    number: int
    usb: bool = False

    @property
    def sectors(self) -> list[int]:
        """The sectors of the journal, from the oldest to the newest."""
        count = self.size // SECTOR
        return [(self.head - age) % count for age in range(self.used - 1, -1, -1)]


class RunningJournal(msgspec.Struct, frozen=True):
    """A journal's partition as far as it was read; the sectors of the journal `unread` are blank."""

    race: RunningRace
    data: bytes
    unread: frozenset[int]


class RequestRefused(Exception):
    """A reader's word why it does not do what it was asked for."""


class RunningReader:
    """The reader on a port, beside its program."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._splitter = UsbFrameSplitter()
        self._number = 0
        self._echoed = self._asked_twice = False

    def ask(self, request: str, most: int = 0) -> bytes:
        """Return the answer to a request, which is put at `most` so often.

        An answer to an earlier try of it that comes late is as good. Raises DeviceSilent,
        RequestRefused, NoSuchPort.
        """
        answers: dict[str, bytearray] = {}
        for tries in range(most or _TRIES):
            self._asked_twice = tries > 0
            self._number = (self._number + 1) & 0xFF
            number = f"{self._number:02x}"
            answers[number] = bytearray()
            self._port.write(encode(number, "Q", request))
            answer = self._answer(answers)
            if answer is not None:
                return answer
        raise self._silent()

    def _answer(self, answers: Mapping[str, bytearray]) -> bytes | None:
        """Return the first answer that is whole, of those to the requests of these numbers.

        None where none comes.
        """
        quiet = PatientDeadline(_ASK_AGAIN)
        while True:
            for frame in self._frames(quiet.at_most(_TICK).remaining):
                self._echoed = self._echoed or frame.kind == "Q"
                if frame.number not in answers or frame.kind not in "BZX":
                    continue
                if frame.kind == "X":
                    raise RequestRefused(printable(frame.payload))
                if not _add(answers[frame.number], frame.payload):
                    continue  # a piece before it is lost
                if frame.kind == "Z":
                    return bytes(answers[frame.number])
                quiet = PatientDeadline(_ASK_AGAIN)
            if quiet.expired:
                return None

    def state(self) -> RunningRace:
        """Return how the race stands. Raises as `ask` does; BadInput for what it cannot be."""
        try:
            told = msgspec.json.decode(self.ask("info"), type=RunningRace)
        except msgspec.DecodeError:
            raise BadInput(
                "The reader answers as another version of startline would.",
                "Stop its program to read its journal: --interrupt",
            ) from None
        count = told.size // SECTOR
        if (
            not (0 < told.size <= 1 << 26 and -1 <= told.head < count and 0 <= told.used <= count)
            or not 0 <= told.offset <= SECTOR
        ):
            raise BadInput("The reader tells of a journal that cannot be.", "Read it: --interrupt")
        return told

    def journal(
        self, wanted: Wanted = EVERYTHING, listen: Listener | None = None
    ) -> RunningJournal:
        """Read as much of the journal as a selection needs; the rest is blank.

        It is as it was when this began: what is stored meanwhile comes with the next reading.
        """
        before = self.state()
        data = bytearray(b"\xff" * before.size)
        read: dict[int, int] = {}  # how much of each sector

        def beginning(index: int, length: int) -> bytes:
            at, end = index * SECTOR, before.offset if index == before.head else SECTOR
            have, length = read.get(index, 0), min(length, end)
            if length > have:
                data[at + have : at + length] = self._read(at + have, length - have)
                read[index] = length
            return bytes(data[at : at + length])

        chosen = before.sectors
        if not wanted.everything:
            chosen = JournalWindow(chosen, self._firsts(), beginning).find(wanted)
        if listen:
            listen(Step("Reading the journal beside the reader's program"))
        for done, index in enumerate(chosen):
            beginning(index, SECTOR)
            if listen:
                size = len(chosen) * SECTOR
                listen(TransferProgress("read", (done + 1) * SECTOR, size))
        after = self.state()
        newer = (after.head - before.head) % (before.size // SECTOR)
        kept = set(after.sectors[: after.used - newer]).intersection(chosen)
        for index in read.keys() - kept:  # confirmed, and erased meanwhile; or looked at, no more
            data[index * SECTOR : (index + 1) * SECTOR] = b"\xff" * SECTOR
        return RunningJournal(before, bytes(data), frozenset(before.sectors) - set(chosen))

    def resend(self, first: int, last: int, boot_utc_ms: int) -> str:
        """Have passings sent again; return "" or why they were not.

        Raises RequestRefused for what cannot be sent so, TimedOut, and as `ask` does.
        """
        try:
            self.ask(f"resend {first} {last} {boot_utc_ms}")
        except RequestRefused:
            # Where the first answer was lost, what was asked a second time is under way, or done.
            if not self._asked_twice:
                raise
        deadline = PatientDeadline(_JOB)
        while (said := self.ask("job").decode(errors="replace")) == "runs":
            if deadline.expired:
                raise TimedOut(
                    "The reader has not sent the passings yet, and goes on trying.",
                    "See later what became of them: startline race status",
                )
            self._frames(_JOB_PAUSE)
        return "" if said == "done" else printable(said)

    def _firsts(self) -> list[int]:
        """Return the number of the first passing that may stand in each sector of the partition."""
        raw = self.ask("numbers")
        return [int.from_bytes(raw[at : at + 4], "little") for at in range(0, len(raw), 4)]

    def _read(self, at: int, length: int) -> bytes:
        data = b"".join(
            self.ask(f"read {place} {min(_STRETCH, at + length - place)}")
            for place in range(at, at + length, _STRETCH)
        )
        if len(data) != length:
            raise BadInput("The reader gives another piece of its journal than it was asked for.")
        return data

    def _frames(self, seconds: float) -> list[UsbFrame]:
        return self._splitter.feed(self._port.read(seconds))[1]

    def _silent(self) -> DeviceSilent:
        if self._echoed:
            return DeviceSilent(
                "The reader is at its prompt: no program of its own runs that could answer.",
                "Read its journal all the same, and restart it afterwards: --interrupt",
            )
        return DeviceSilent(
            "The reader does not answer beside its program, and was not disturbed: it may have no "
            "role startline_console, or a program that does not call send() or run().",
            "To stop its program, and restart it afterwards: --interrupt. Of a dump: --dump.",
        )


def _add(answer: bytearray, payload: str) -> bool:
    """Put a piece behind those before it; tell whether it belongs there."""
    place, _, text = payload.partition(":")
    try:
        at, piece = int(place, 16), base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return False
    if at != len(answer):
        return False
    answer += piece
    return True
