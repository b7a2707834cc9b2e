"""What the bench computer may ask of a race that goes on, and the answers, in small pieces.

`info`: JSON of who this is, how the race stands (as `race.state`), where its journal ends, and
whether the way to the cloud is the very cable (`usb`).
`numbers`: the first passing number of every sector, as u32. `read` offset length: bytes of the
journal, at most a sector. `resend` first last began: send again what was set aside, see
`resend_steps`. `job`: what became of that.
"""

import json
from binascii import b2a_base64, crc32

from startline_race.journal_format import SECTOR

if False:  # for mypy; a device has none of these
    from collections.abc import Generator

    from agent_types import Race

_PIECE = 78  # bytes: in base64 and a frame no more than the UART of a chip holds at once


class RaceAnswers:
    """Answers requests for a race; a new one takes the place of the last."""

    def __init__(self, race: "Race") -> None:
        self.race = race
        self.id = ""
        self.at = self.end = self.base = 0
        self.data: bytes | None = None  # what is sent; None: the journal's flash, from `base` on
        self.job = "none"  # what became of the last one

    def ask(self, number: str, request: str) -> None:
        """Begin to answer a request."""
        self.id = number
        self.at = 0
        name, *values = request.split(" ")
        try:
            self.data = self.answer(name, values)
            if self.data is not None:
                self.end = len(self.data)
        except (ValueError, TypeError, KeyError, OSError) as error:
            self.at = self.end = -1
            self.send("X", str(error)[:60] or "error")

    def answer(self, name: str, values: list[str]) -> "bytes | None":
        """Return the bytes of an answer; None where they come out of flash. Raises ValueError."""
        race = self.race
        if name == "read":
            self.base, self.end = [int(value) for value in values]
            if not (0 <= self.base < race.journal.flash.size and 0 < self.end <= SECTOR):
                raise ValueError("no such place")
            return None
        if name == "info":
            return self.info()
        if name == "numbers":
            return bytes(race.journal.first)
        if name == "job":
            return self.job.encode()
        if name == "resend":
            self.resend(*[int(value) for value in values])
            return b"taken"
        raise ValueError("no such request")

    def info(self) -> bytes:
        """Return who this is and how the race stands."""
        race = self.race
        device = race.device
        journal = race.journal
        return json.dumps(
            {
                "serial": device.serial,
                "token": device.token,
                "cloud": device.cloud,
                "base_url": device.identity.base_url,
                "state": race.state,
                "size": journal.flash.size,
                "head": journal.head,
                "used": journal.used,
                "offset": journal.offset,
                "first": journal.first[(journal.head - journal.used + 1) % journal.sectors],
                "number": journal.number,
                "usb": bool(race.sender().network.usb),
            }
        ).encode()

    def resend(self, first: int, last: int, boot_utc_ms: int) -> None:
        """Have the sender do it, when it is done with what it is at. Raises ValueError."""
        from .resend import check, resend_steps

        if self.job == "runs":
            raise ValueError("one is under way")
        race = self.race
        check(race, first, last)
        self.job = "runs"
        race.sender().take(self.follow(resend_steps(race, first, last, boot_utc_ms)))

    def follow(self, steps: "Generator[int, None, None]") -> "Generator[int, None, None]":
        """Run a job, and keep what became of it."""
        try:
            yield from steps
            self.job = "done"
        except Exception as error:
            self.job = "%s %s" % (type(error).__name__, " ".join(map(str, error.args[:2])))

    def send_piece(self) -> bool:
        """Send the next piece, if there is one left; tell whether more are."""
        at = self.at
        if not 0 <= at <= self.end or not self.id:
            return False
        stop = min(at + _PIECE, self.end)
        if self.data is None:
            piece = self.race.journal.flash.read(self.base + at, stop - at)
        else:
            piece = self.data[at:stop]
        last = stop == self.end
        self.at = -1 if last else stop
        text = str(b2a_base64(piece), "ascii").strip()
        self.send("Z" if last else "B", "%x:%s" % (at, text))
        return not last

    def send(self, kind: str, payload: str) -> None:
        """Send a frame."""
        body = "%s%s%s" % (self.id, kind, payload)
        self.race.chip.write("~%s*%08x!" % (body, crc32(body.encode())))
