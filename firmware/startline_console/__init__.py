"""The console beside a race: the bench computer asks, the reader's program goes on.

Frames are those of the USB link (`~` id kind payload `*` crc `!`), with other kinds: the host asks
with `Q`, and is answered with `B`, a piece of what it wants, `Z`, the last piece, or `X`, a
word why not. They are taken in and answered between two steps of sending, one piece at a time, so
that no loop is held for longer than a console line takes. What else comes is dropped; Ctrl-C is
what it always was.
"""

import sys
from binascii import crc32
from select import poll

if False:  # for mypy; a device has none of these
    from agent_types import Race

    from .answers import RaceAnswers

LONGEST = 100  # characters of a request
_TAKEN = 130  # characters that are read in one go
_BUSY_MS, _WAITING_MS = 2, 20  # until more is to be sent, until the rest of a frame may have come
_IDLE_MS = 200


class FrameListener:
    """Takes requests from the console for a race, and has them answered."""

    answers: "RaceAnswers | None" = None

    def __init__(self, race: "Race") -> None:
        self.race = race
        self.frame = bytearray()
        self.input = poll()
        self.input.register(sys.stdin, 1)
        self.read = sys.stdin.buffer.read

    def tick(self) -> int:
        """Take in what has come, send one piece; return the ms after which there may be more."""
        usb = self.race.sender().network.usb
        if usb:
            usb.others = self  # it reads the console while it waits for an answer
        try:
            left = _TAKEN
            while left and self.input.poll(0):
                self.take(self.read(1))
                left -= 1
        except Exception:  # of any kind: no memory, no line. A race has to go on.
            self.frame = bytearray()
        if self.say():
            return _BUSY_MS
        return _WAITING_MS if self.frame else _IDLE_MS

    def say(self) -> bool:
        """Send a piece of an answer, if there is one; tell whether there are more."""
        try:
            return bool(self.answers and self.answers.send_piece())
        except Exception:  # as above
            self.answers = None
            return False

    def take(self, char: bytes) -> None:
        """Take in a character."""
        if char == b"~":
            self.frame = bytearray(b"~")
        elif self.frame:
            self.frame += char
            if char == b"!":
                frame = self.frame
                self.frame = bytearray()
                try:
                    self.ask(bytes(frame))
                except Exception:  # as above
                    self.answers = None
            elif len(self.frame) > LONGEST + 20 or not char:
                self.frame = bytearray()

    def ask(self, frame: bytes) -> None:
        """Have a frame answered, if it is a request that arrived whole."""
        body, _, crc = frame[1:-1].partition(b"*")
        if body[2:3] != b"Q" or crc != b"%08x" % crc32(body):
            return
        if not self.answers:
            from .answers import RaceAnswers

            self.answers = RaceAnswers(self.race)
        self.answers.ask(str(body[:2], "ascii"), str(body[3:], "ascii"))


def start(race: "Race") -> FrameListener:
    """Return what listens on a race's behalf."""
    return FrameListener(race)
