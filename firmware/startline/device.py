"""The device that the reader's own code sees, and how it starts."""

import gc

from . import __version__
from .console import Console
from .identity import Identity
from .slot import bound_token
from .turn import alone


class Device:
    """What became of the binding; every text is "" where there is none.

    `state` is unprovisioned, unbound, unknown, bound or refused, and `reason` says why. `token`
    is the cloud's name for this device, `key` what the application may call the cloud with.
    """

    state = "unknown"  # until the first look at the flash
    reason = token = key = serial = model = cloud = ""
    identity = _race = None
    limit = 90000  # milliseconds that an attempt may take

    def __init__(self, hal) -> None:
        self.hal = hal
        console = Console(hal)
        self.tell = console.event
        self.say = console.say

    def retry(self) -> str:
        """Try what is undone once more, also what was refused; return the state.

        This may take as long as a first boot: never call it while the reader is timing. While
        another thread is at it, this waits for what comes of that, and asks nobody.
        """
        self.attempt(True)
        return self.state

    def race(self):
        """Return what times races on this device, a `startline_race.race.Race`, always the same.

        It needs no network. Raises RaceUnavailable where there is no journal to be had.
        """
        if not self._race:
            from startline_race import start

            self._race = start(self)
        return self._race

    def attempt(self, again: bool) -> None:
        """Go as far as it goes, unless another attempt is under way: then wait for that one's end."""
        alone(self, lambda: self.go(again))

    def go(self, again: bool) -> None:
        """Go as far as it goes, whatever happens; `ready` is the last event."""
        try:
            if not self.identity:
                self.begin()
            if self.state != "bound" and not self.identity.missing:
                gc.collect()  # what comes now stays long, and has to lie close together
                from .binding import Binding

                Binding(self).run(again)
        except Exception as error:
            # The words of an unforeseen exception may hold a secret; its kind cannot.
            self.reason = "bug " + type(error).__name__
            self.tell("failed", {"step": "identity", "reason": self.reason})
        self.ready()

    def ready(self) -> None:
        """Say how it stands: the last event of a boot, and of an order."""
        self.show(self.state)
        self.say("%s %s" % (self.state, self.reason or self.token[:8]))
        self.tell(
            "ready",
            {
                "state": self.state,
                "reason": self.reason,
                "token": self.token,
                "serial": self.serial,
            },
        )

    def begin(self) -> None:
        """Find out who this is, and whether every copy of the record says that it is bound."""
        self.say("Startline " + __version__)
        self.tell("boot", {"version": __version__})
        self.identity = who = Identity(self.hal)
        self.serial = who.serial
        self.model = who.model
        self.cloud = who.cloud
        if who.missing:
            from .trouble import unprovisioned

            unprovisioned(self, who.missing)
            return
        self.tell(
            "identity",
            {
                "serial": who.serial,
                "model": who.model,
                "mac": who.mac.hex(":"),
                "cloud": who.cloud,
                "base_url": who.base_url,
            },
        )
        if who.base_url.startswith("http:"):
            self.tell("warning", {"what": "insecure_http"})
        self.key = who.text("run.key")
        if self.key == "same":
            self.key = who.text("claim.key") or who.text("claim.auth")
        try:
            self.token = bound_token(self.hal, who)
        except Exception:  # a quick look that did not come off: the full rules look again
            pass
        if self.token:
            self.state = "bound"
            self.tell("record", {"state": "bound", "copies": 1 if who.stock else 2})
            self.scrub()

    def show(self, what: str) -> None:
        """Show a state, or "trying", on the LED where there is one; without one that works, not."""
        values = self.identity.values if self.identity else {}
        if "set.led" in values:
            try:
                from .lamp import show

                show(values["set.led"], what)
            except Exception:  # no such pin, no timer: the LED is a help, and no condition
                del values["set.led"]
                self.tell("warning", {"what": "led"})

    def scrub(self) -> None:
        """Take what binds off the device, unless the application is to keep it."""
        who = self.identity
        values = who.values
        if ("claim.key" in values or "claim.auth" in values) and who.text("run.key") != "same":
            from .scrub import scrub

            scrub(self)
