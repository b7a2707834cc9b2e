"""What a boot does about a device that is not bound: one request, never a second one blindly.

`unknown` stands in both copies of the record before the first byte of a request goes out, and
only an answer, or looking, takes it away again.
"""

import gc

from .net import StepFailed, forget
from .record.copies import Record, save

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Cloud, Device

# What is imported again where it is needed: modules, and all of a folder.
_SPARE = ("lookup", "roles", "rules", "settings", "nvs", "startline.nvs", "startline.net")

_MOST_REQUESTS = 8  # of one run, whatever a cloud answers


class Binding:
    """One run over one device, within the limit for a boot."""

    # What `settings.prepare` reads: milliseconds, seconds, Unix time, how many copies of the record
    # there are to be, and the first bytes of the key's hash.
    limit: int
    look_pause: int
    made_at: int
    wanted: int
    key: bytes
    roots: "list[Any]"
    cloud: "Cloud"
    link: "Any"
    record: Record  # None until there is one
    looking: bool
    sent: bool

    def __init__(self, device: "Device") -> None:
        import tls

        # Of all that a run takes this is the largest piece: later no hole might be left for it.
        self.roots = [tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)]
        from .settings import prepare

        self.device = device
        self.emit = device.emit
        self.identity = device.identity
        self.chip = device.hal.full()
        self.start = self.chip.ms()
        self.link = self.record = None  # type: ignore[assignment] # until there is one
        self.tries = self.requests = self.generation = 0
        prepare(self)

    def left(self) -> int:
        """Return how many milliseconds of this boot's limit are left."""
        return self.limit - self.chip.since(self.start)

    def run(self, again: bool) -> None:
        """Ask, or look, until there is an outcome or a limit; `again` also tries what was refused."""
        from .settings import may_go_on

        if not may_go_on(self, again):
            return
        del may_go_on  # what holds on to a name of a module cannot forget it
        self.device.update_led("trying")
        wait: "int | None" = 0
        while wait is not None and self.device.state != "bound":
            self.looking = self.device.state == "unknown"
            forget(_SPARE)
            gc.collect()
            limit = self.limit_reached(wait)
            if limit:
                from .net.outcome import report_limit

                report_limit(self, wait, limit)
                return
            self.chip.sleep(wait)
            self.tries += 1
            wait = self.try_once()

    def try_once(self) -> "int | None":
        """Ask, or look; return after how many milliseconds to go on, None to rest."""
        attempt: "Any" = None
        try:
            if self.looking:
                from .lookup import lookup as attempt
            else:
                from .net.bind_request import bind_request as attempt
            return attempt(self)
        except StepFailed as failed:
            error = failed
        # What is done about it must not fail for want of what the try took. Collected is here, where
        # the stack is short: deeper down, what the try left on it still holds all of its modules.
        attempt = None
        forget(_SPARE)
        gc.collect()
        from .net.outcome import retry_delay

        return retry_delay(self, error)

    def limit_reached(self, wait: int) -> str:
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
        self.report_state(state, reason, good)
        return good

    def report_state(self, state: str, reason: str, good: int) -> None:
        """Let device and console know how it stands."""
        device = self.device
        record = self.record or Record
        if not reason and state != "bound" and record.status:
            reason = "status %d" % record.status  # the cloud gave no reason in words
        device.state = state
        device.reason = reason
        device.token = record.token
        self.emit(
            "record",
            {"state": state, "reason": reason, "generation": record.generation, "copies": good},
        )

    def bound(self, token: str, status: int = 0) -> None:
        """Keep the token, then take the key that is no longer needed off the device."""
        good = self.save("bound", "", status, token)
        if good < self.wanted:
            from .net.outcome import token_not_stored

            token_not_stored(self, good)
        if good:
            self.device.erase_claim_key()

    def new_record(self) -> Record:
        """Begin a record of this device, to be saved with the next number."""
        identity = self.identity
        new = Record()
        new.place = identity.place
        new.mac = identity.mac
        new.key = self.key
        new.cloud = identity.cloud
        new.serial = identity.serial
        self.record = new
        return new

    def record_unknown(self) -> None:
        """Write, before a request's first byte, that its outcome is unknown. Raises StepFailed."""
        if self.identity.base_url[4] == "s":
            self.emit("tls", {"phase": "verified"})
        if self.save("unknown", "asked") < self.wanted:
            raise StepFailed("storage", "unwritten")
        self.sent = True
        self.requests += 1
        self.emit("attempt", {"id": self.record.attempt.hex(), "try": self.tries})

    def online(self) -> None:
        """Have a link and the time, and all that a request needs. Raises StepFailed."""
        identity = self.identity
        if not self.link:
            if identity.text("net.link") == "usb":
                from .roles import load_role

                role = load_role(self.device, "startline_usb")
                if not role:
                    raise StepFailed("link", "no_role", True)
                self.link = role.UsbLink(self.chip, identity)
            else:
                from .net.wifi import WifiLink

                self.link = WifiLink(self.chip, identity)
        link = self.link
        self.emit("link", {"kind": link.kind, "phase": "join"})
        link.up(self.left())
        from .net.clock import prove

        ask = getattr(link, "time", self.chip.ntp)
        source = prove(self.chip, ask, identity.text("net.ntp"), self.made_at, self.left)
        self.emit("clock", {"phase": source})
        forget(("clock",))
