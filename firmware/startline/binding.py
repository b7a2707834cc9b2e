"""What a boot does about a device that is not bound: one request, never a second one blindly.

`unknown` stands in both copies of the record before the first byte of a request goes out, and
only an answer, or looking, takes it away again.
"""

import gc
import sys

from .errors import Failed
from .written import Record, save

# What is imported again where it is needed, and what only a look needs.
_SPARE = (
    "ask", "answer", "said", "trouble", "reasons", "prepare", "limits", "record", "resume", "entries", "nvs",
)  # fmt: skip
_LOOKING = ("look", "device_list", "serial_match", "letters", "dates")

_MOST_REQUESTS = 8  # of one run, whatever a cloud answers


class Binding:
    """One run over one device, within the limit for a boot."""

    def __init__(self, device) -> None:
        from .prepare import prepare

        self.device = device
        self.tell = device.tell
        self.who = device.identity
        self.chip = device.hal.full()
        self.start = self.chip.ms()
        self.link = self.record = None
        self.tries = self.requests = self.generation = 0
        prepare(self)

    def left(self) -> int:
        """Return how many milliseconds of this boot's limit are left."""
        return self.limit - self.chip.since(self.start)

    def run(self, again: bool) -> None:
        """Go as far as it goes; `again` also tries what was refused."""
        if not self.may_go_on(again):
            return
        self.device.show("trying")
        self.keep_trying()

    def keep_trying(self) -> None:
        """Ask, or look, until there is an outcome or a limit is reached."""
        wait = 0
        while wait is not None:
            self.looking = self.device.state == "unknown"
            spent = self.spent(wait)
            if spent:
                from .trouble import rest

                rest(self, wait, spent)
                return
            self.chip.sleep(wait)
            forget(_SPARE if self.looking else _SPARE + _LOOKING)
            gc.collect()
            self.tries += 1
            wait = self.go_on()

    def may_go_on(self, again: bool) -> bool:
        """Load the record; tell whether there is something to do, and all that it takes."""
        from .prepare import may_go_on

        return may_go_on(self, again)

    def go_on(self) -> "int | None":
        """Ask, or look; return after how many milliseconds to go on, None to rest.

        A name that is imported here ends with this call, and its module can be forgotten.
        """
        try:
            if self.looking:
                from .look import look

                return look(self)
            from .ask import ask

            return ask(self)
        except Failed as failed:
            from .trouble import again_after

            return again_after(self, failed)

    def spent(self, wait: int) -> str:
        """Return which limit leaves no room for another try after `wait`, "" if none does."""
        # There is always one try; another one wants five seconds, and its pause before it.
        if self.tries and self.left() <= wait + 5000:
            return "boot_limit"
        flash = self.chip.flash("bind")
        # Whatever is begun has to find room for its end, with two erases of each sector.
        if flash and len(flash.erased) > 2:
            return "wear_limit"
        return "request_limit" if self.requests == _MOST_REQUESTS and not self.looking else ""

    def save(self, state: str, reason: str = "", status: int = 0, token: str = "") -> int:
        """Write the next record; return how many copies hold it."""
        record = self.record
        record.generation = self.generation = self.generation + 1 & 0xFFFFFFFF
        record.state = state
        record.reason = reason
        record.status = status
        record.token = token
        good = save(self.chip, record)
        self.show(state, reason, good)
        return good

    def show(self, state: str, reason: str, good: int) -> None:
        """Let device and console know how it stands."""
        device = self.device
        record = self.record or Record
        if not reason and state != "bound" and record.status:
            reason = "status %d" % record.status  # the cloud gave no reason in words
        device.state = state
        device.reason = reason
        device.token = record.token
        self.tell(
            "record",
            {"state": state, "reason": reason, "generation": record.generation, "copies": good},
        )

    def bound(self, token: str, status: int = 0) -> None:
        """Keep the token, then take the key that is no longer needed off the device."""
        good = self.save("bound", "", status, token)
        if good < self.wanted:
            from .trouble import unkept

            unkept(self, good)
        if good:
            self.device.scrub()

    def begin(self) -> Record:
        """Begin a record of this device, to be saved with the next number."""
        who = self.who
        new = Record()
        new.place = who.place
        new.mac = who.mac
        new.key = self.key
        new.cloud = who.cloud
        new.serial = who.serial
        self.record = new
        return new

    def promise(self) -> None:
        """Write, before the first byte of a request, that its outcome is unknown. Raises Failed."""
        if self.who.base_url[4] == "s":
            self.tell("tls", {"phase": "verified"})
        if self.save("unknown", "asked") < self.wanted:
            raise Failed("storage", "unwritten")
        self.sent = True
        self.requests += 1
        self.tell("attempt", {"id": self.record.attempt.hex(), "try": self.tries})

    def online(self) -> None:
        """Have a link and the time, and all that a request needs. Raises Failed."""
        who = self.who
        if not self.link:
            if who.text("net.link") == "usb":
                from .usb import Link
            else:
                from .wifi import Link
            self.link = Link(self.chip, who)
        link = self.link
        self.tell("link", {"kind": link.kind, "phase": "join"})
        link.up(self.left())
        from .clock import prove

        ask = getattr(link, "time", self.chip.ntp)
        source = prove(self.chip, ask, who.text("net.ntp"), self.made_at, self.left)
        self.tell("clock", {"phase": source})
        forget(("clock", "limits"))


def forget(names: tuple) -> None:
    """Let modules go that have done their part: on a chip, code lies in the heap as well."""
    package = sys.modules["startline"]
    for name in names:
        if sys.modules.pop("startline." + name, None):
            delattr(package, name)
