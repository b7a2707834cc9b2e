"""What a boot does about a device that is not bound: one request, never a second one blindly.

`unknown` stands in both copies of the record before the first byte of a request goes out, and
only an answer, or looking, takes it away again.
"""

import gc
from hashlib import sha256

from . import __version__
from .clouds import find
from .entries import Entries
from .errors import Failed
from .limits import BOOT_LIMIT, LOOK_PAUSE, MADE_AT, clamp
from .written import Record, blank, save


class Binding:
    """One run over one device, within the limit for a boot."""

    def __init__(self, device) -> None:
        self.device = device
        self.tell = device.tell
        self.who = who = device.identity
        self.chip = chip = device.hal.full()
        self.start = chip.ms()
        if "tls.ca0" not in who.values:
            who.take(who.reader, ("tls",))
        if who.stock:
            self.tell("warning", {"what": "stock_table"})
        else:
            # Settings that were changed later stand before those of the factory.
            flash = chip.flash("nvs")
            names = Entries(flash.read, flash.size).names.values()
            if "net" in names or "set" in names:
                from .nvs import NvsReader

                who.take(NvsReader(flash.read, flash.size), ("net", "set"))
        values = who.values
        self.roots = [values.pop(name) for name in list(values) if name.startswith("tls.")]
        device.limit = self.limit = self.limited("set.boot_limit", BOOT_LIMIT) * 1000
        self.look_pause = self.limited("set.look_pause", LOOK_PAUSE)
        self.made_at = self.limited("factory.made_at", MADE_AT)
        self.wanted = 1 if who.stock else 2
        self.cloud = find(who.cloud)
        self.key = sha256((who.text("claim.key") or who.text("claim.auth")).encode()).digest()[:4]
        self.link = self.record = self.room = None
        self.tries = 0

    def limited(self, name: str, limits: tuple) -> int:
        """Return a setting that has a range; one that lies outside is changed, and told of."""
        value = number(self.who, name, limits[1])
        fit = clamp(value, limits)
        if fit != value:
            self.tell("warning", {"what": "out_of_range " + name})
        return fit

    def left(self) -> int:
        """Return how many milliseconds of this boot's limit are left."""
        return self.limit - self.chip.since(self.start)

    def run(self, again: bool) -> None:
        """Go as far as it goes; `again` also tries what was refused."""
        flash = self.chip.flash("bind")
        if self.chip.blob() or (flash and not blank(flash, 0, flash.size)):
            from .resume import resume

            if not resume(self, again):
                return
        else:
            self.show("unbound", "", 0)
        who = self.who
        if (
            who.damaged
            or who.text("factory.mac") not in ("", who.mac.hex(":"))
            or not (self.cloud and self.roots and who.text("claim.key"))
            or not who.base_url.startswith("https:")
        ):
            from .trouble import lacking

            if lacking(self):
                return
        self.device.show("trying")
        wait = 0
        while wait is not None:
            # There is always one try; another one wants five seconds, and its pause before it.
            if self.tries and self.left() <= wait + 5000:
                from .trouble import rest

                rest(self, wait)
                return
            self.chip.sleep(wait)
            self.looking = self.device.state == "unknown"
            if self.looking:
                self.room = None  # a list is read in small pieces
            gc.collect()
            self.tries += 1
            try:
                if self.looking:
                    from .look import look

                    wait = look(self)
                else:
                    # Room for an answer, while there is a piece so large.
                    self.room = self.room or memoryview(bytearray(3072))
                    wait = self.ask()
            except Failed as failed:
                from .trouble import again_after

                wait = again_after(self, failed)

    def save(self, state: str, reason: str = "", status: int = 0, token: str = "") -> int:
        """Write the next record; return how many copies hold it."""
        record = self.record
        record.generation = record.generation + 1 & 0xFFFFFFFF
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

    def ask(self) -> "int | None":
        """Make the one request; return after how many milliseconds to do so again, if at all."""
        from .guard import Door, exchange

        who = self.who
        chip = self.chip
        self.online()
        record = self.begin()
        record.attempt = chip.random(4)
        mark = __version__ + "+sl." + record.attempt.hex()
        if not number(who, "set.mark", 1):
            mark = ""
        path, headers, body = self.cloud.request(who, mark)
        limit = min(30000, self.left())
        record.due = chip.unix() + limit // 1000
        self.sent = False
        door = Door(chip, self.link.sockets, self.roots, limit, self.promise)
        status = 0
        token = ""
        state = "unknown"
        try:
            status, body = exchange(door, "POST", who.base_url + path, headers, body, self.take)
            state, token, reason = self.cloud.read(status, body)
        except Failed as failed:
            reason = failed.args[1]
            if not self.sent:
                raise
        self.tell("answer", {"status": status, "outcome": state, "reason": reason})
        if state == "bound":
            return self.bound(token, status)
        good = self.save(state, reason, status)
        from .trouble import after

        return after(self, door, state, good)

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
        new.generation = (self.record or new).generation
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
        self.tell("attempt", {"id": self.record.attempt.hex(), "try": self.tries})

    def take(self, fill) -> memoryview:
        """Collect a body, byte by byte: a cut must not lose what came before. Kept is its start."""
        size = 0
        try:
            while fill(self.room[size : size + 1]):
                size += 1
        except Failed:
            pass
        return self.room[:size]

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


def number(identity, name: str, default: int) -> int:
    """Return a number out of the settings."""
    value = identity.values.get(name)
    return value if isinstance(value, int) else default
