"""One client of the live port: its questions, and the lines that it gets.

Lines end with CR LF. What is spoken: GETPROTOCOL, SETPROTOCOL, GETSTATUS, GETTIME, GETCONFIG of the
box's name, PASSINGS, `n` and `n:count`, SETPUSHPASSINGS, SETPUSHPREWARNS, PING. All else is answered
with ERROR and its name: this port can start, stop and clear nothing. A file is a session, and a
passing's number the one that it has at the cloud. See "Decoder communication protocol" at
https://www.raceresult.com/en-us/support.
"""

from .cursor import JournalCursor
from .record import plain, record, time_of

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Passing, Race

_LONGEST = 80  # characters of a question
_PIECE = 64
_STALLED_MS = 10000  # a client that takes nothing for so long is gone
_LATEST = "3.2"  # of the protocol; records are as from version 1.6 on
_ASKED = (
    "PASSINGS", "GETPROTOCOL", "PROTOCOL", "SETPROTOCOL", "SETPUSHPASSINGS", "SETPUSHPREWARNS",
    "GETTIME", "GETSTATUS", "PING",
)  # fmt: skip
_KNOWN = ("1.6", "2.0", "2.4", "2.6", "3.0", "3.2")


class PortClient:
    """A client at `sock`. `heard` is when it last said something."""

    ready = False  # there is something to read
    number = left = 0  # the passing that is next of those it asked for, and how many are left
    many = False  # it asked for several: an empty line ends them
    pushed = 0  # the passing that is pushed next, 0 for none

    def __init__(self, race: "Race", sock: "Any") -> None:
        self.race = race
        self.sock = sock
        self.chip = race.chip
        self.cursor = JournalCursor(race)
        self.protocol = _LATEST
        self.file = self.base = self.count = 0
        self.line = b""
        self.out = b""
        self.heard = self.moved = self.chip.ms()

    def step(self) -> bool:
        """Do one thing; tell whether there is more. Raises OSError, ValueError for a bad client."""
        if self.out:
            self._write()
            return not self.out
        self._look()
        waits = b"\n" in self.line
        if self.ready and not waits:  # also in the middle of a pull: it may have gone
            self._receive()
        elif self.left:
            self._pull()
        elif waits:
            line, _, self.line = self.line.partition(b"\n")
            self.answer(str(line, "ascii").strip())
        else:
            return self._push()
        return True

    def _push(self) -> bool:
        """Push the next passing, if there is one; tell whether there is more."""
        if self.pushed and self.pushed <= self.count:
            passing = self._passing(self.pushed)
            if passing:
                self.pushed = passing.number - self.base + 2
                self.say("#P;" + record(self, passing))
            return bool(passing) or not self.cursor.at_end
        return False

    def say(self, line: str) -> None:
        """Begin to send a line."""
        self.out += line.encode() + b"\r\n"
        self.moved = self.chip.ms()

    def _look(self) -> None:
        """See which session it is, and how many passings it has."""
        progress = self.race.progress
        wanted = progress.wanted
        if wanted:
            if wanted.ordinal != self.file:
                self.file = wanted.ordinal
                self.base = wanted.first
                self.pushed = min(self.pushed, 1)
                if self.left:  # the rest of what it asked for is in another file now
                    self.left = 0
                    self.say("")
            before = self.race.journal.number if progress.opened else progress.free
            self.count = before - self.base

    def _passing(self, number: int) -> "Passing | None":
        """Return the passing of a number of this session, or the next one that is there."""
        return self.cursor.passing(self.base + number - 1)

    def _write(self) -> None:
        try:
            done = self.sock.send(self.out)
        except OSError as error:
            if error.errno != 11:  # EAGAIN
                raise
            done = 0
        if done:
            self.out = self.out[done:]
            self.moved = self.chip.ms()
        elif self.chip.since(self.moved) > _STALLED_MS:
            raise ValueError

    def _receive(self) -> None:
        """Take in some bytes. Raises ValueError for what is no line, or one without end."""
        data = self.sock.recv(_PIECE)
        if not data or any([not 32 <= byte < 127 and byte not in (10, 13) for byte in data]):
            raise ValueError
        self.line += data
        if len(self.line.partition(b"\n")[0]) > _LONGEST:
            raise ValueError
        self.heard = self.chip.ms()

    def _pull(self) -> None:
        """Send the next of the passings that were asked for, or the empty line behind the last."""
        last = min(self.number + self.left - 1, self.count)
        passing = self._passing(self.number) if self.number <= last else None
        number = passing.number - self.base + 1 if passing else 0
        if 0 < number <= last:
            self.say(record(self, passing))  # type: ignore[arg-type] # one that has a number
            self.left -= number + 1 - self.number
            self.number = number + 1
        elif passing or self.number > last or self.cursor.at_end:
            self.left = 0
        if not self.left and self.many:
            self.say("")

    # Questions.

    def answer(self, line: str) -> None:
        """Answer a question."""
        words = line.split(";")
        name = words[0].upper()
        numbers = name.split(":")
        # Of a name that is looked up as an attribute the VM keeps a copy for ever: only of these.
        if name in _ASKED:
            getattr(self, "on_" + name.lower())(words)
        elif name.replace(":", "", 1).isdigit() and numbers[0] and len(name) < 20:
            self._ask(numbers)
        elif line.upper() == "GETCONFIG;GENERAL;BOXNAME":
            serial = plain(self.race.device.serial)
            self.say("%s;%s;%s" % (line.upper(), serial, serial))
        elif line:
            self.say("ERROR;" + name[:20])

    def on_passings(self, _: object) -> None:
        """Tell how many passings there are, and in which file."""
        self.say("PASSINGS;%d;%d" % (self.count, self.file))

    def on_getprotocol(self, _: object) -> None:
        """Tell which version is spoken, and which could be."""
        self.say("GETPROTOCOL;%s;%s;%s" % (self.protocol, _KNOWN[0], _LATEST))

    on_protocol = on_getprotocol

    def on_setprotocol(self, words: list[str]) -> None:
        """Take a version that is known: records are the same in all of them."""
        if words[-1] in _KNOWN:
            self.protocol = words[-1]
        self.say("SETPROTOCOL;" + self.protocol)

    def on_setpushpassings(self, words: list[str]) -> None:
        """Push what comes from now on, or nothing any more."""
        self.pushed = self.count + 1 if words[1:2] == ["1"] else 0
        self.say("SETPUSHPASSINGS;%d;0" % bool(self.pushed))

    def on_setpushprewarns(self, _: object) -> None:
        """Tell that nothing is pushed before a passing is one."""
        self.say("SETPUSHPREWARNS;0")

    def on_gettime(self, _: object) -> None:
        """Tell the time."""
        self.say("GETTIME;" + self._now())

    def on_ping(self, _: object) -> None:
        """Tell that somebody is there."""
        self.say("PING")

    def on_getstatus(self, _: object) -> None:
        """Tell how the reader is."""
        race = self.race
        # Has power, antennas, in operation, file, no GPS and no place, the reader is healthy, no
        # battery, no temperatures; no active extension with its five fields; the time runs, from
        # what source nobody is told; no standby, no errors.
        self.say(
            "GETSTATUS;%s;1;;%d;%d;0;;1;;;;;0;;;;;;%d;0;0;0;0;"
            % (self._now(), race.progress.opened, self.file, bool(race.keeper.points))
        )

    def _ask(self, numbers: list[str]) -> None:
        first = int(numbers[0])
        self.many = len(numbers) > 1
        if not 0 < first <= self.count:
            self.say("ONLY %d" % self.count)
            return
        self.number = first
        self.left = int(numbers[1] or 1) if self.many else 1
        if not self.left:
            self.say("")

    def _now(self) -> str:
        race = self.race
        return time_of(race.keeper.utc_us() // 1000, race.uptime.now())
