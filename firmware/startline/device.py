"""The device that the reader's own code sees, how it starts, and one attempt at a time.

Whoever asks for an attempt, a second thread, a callback, another device object: two at once would be
two requests. Whoever comes second waits for the first one's outcome.
"""

import gc

from . import __version__
from .hal import Console
from .identity import Identity
from .record import bound_token

if False:  # for mypy; a device has none of these
    from collections.abc import Callable
    from typing import Any

    from agent_types import AnyChip, Race

try:
    from _thread import allocate_lock, get_ident
except ImportError:  # a port without threads: only a callback can come in between

    class allocate_lock:  # type: ignore[no-redef] # noqa: N801 - it stands for that name
        """A lock of a program that has one thread."""

        held = False

        def acquire(self, _wait: bool) -> bool:
            """Take it, if it is free."""
            held = self.held
            self.held = True
            return not held

        def release(self) -> None:
            """Give it back."""
            self.held = False

        def locked(self) -> bool:
            """Tell whether it is taken."""
            return self.held

    def get_ident() -> int:  # type: ignore[misc] # as the module's
        """Return the one thread."""
        return 0


_lock = allocate_lock()
_holder: "list[Any]" = [
    None,
    0,
]  # the device whose attempt is under way, or was last, and its thread


def exclusive(device: "Device", work: "Callable[[], None]") -> None:
    """Call `work()`, or, while another attempt is under way, take over what comes of that one."""
    mine = False
    try:
        mine = _lock.acquire(False)
        if mine:
            _holder[:] = (device, get_ident())
            work()
        else:
            _follow(device)
    finally:
        if mine:
            _lock.release()


def _follow(device: "Device") -> None:
    """Wait for the outcome of an attempt, as long as that may take, and take it over.

    An attempt that was interrupted to come here cannot go on while we wait: then how it stands by
    now is all there is, as it is for one that takes too long.
    """
    chip = device.hal.full()
    start = chip.ms()
    # Whose attempt it is stands there only after it was begun, so it is looked at each time.
    while (
        _lock.locked()
        and _holder[1] != get_ident()
        and chip.since(start) < (_holder[0] or device).limit + 30000  # a name knows no limit
    ):
        chip.sleep(50)
    first = _holder[0]
    if first:  # it may be this very device
        for name in ("identity", "serial", "model", "cloud", "key", "token", "reason", "state"):
            setattr(device, name, getattr(first, name))


class Device:
    """What became of the binding; every text is "" where there is none.

    `state` is unprovisioned, unbound, unknown, bound or refused, and `reason` says why. `token`
    is the cloud's name for this device, `key` what the application may call the cloud with.
    """

    state = "unknown"  # until the first look at the flash
    reason = token = key = serial = model = cloud = ""
    identity: "Identity"
    _race: "Race | None"
    identity = _race = None  # type: ignore[assignment] # until the first look
    limit = 90000  # milliseconds that an attempt may take

    def __init__(self, hal: "AnyChip") -> None:
        self.hal = hal
        console = Console(hal)
        self.emit = console.event
        self.print_line = console.print_line

    def retry(self) -> str:
        """Try what is undone once more, also what was refused; return the state.

        This may take as long as a first boot: never call it while the reader is timing. While
        another thread is at it, this waits for what comes of that, and asks nobody.
        """
        self.attempt(True)
        return self.state

    def race(self) -> "Race":
        """Return what times races on this device, a `startline_race.race.Race`, always the same.

        It needs no network. Raises RaceUnavailable where there is no journal to be had, and
        ImportError where the role is not on this device.
        """
        if not self._race:
            from .roles import load_role

            role = load_role(self, "startline_race")
            if not role:
                raise ImportError("no startline_race: `startline flash` loads it")
            self._race = role.start(self)
        return self._race

    def attempt(self, again: bool) -> None:
        """Go as far as it goes, unless another attempt is under way: then wait for that one's end."""
        exclusive(self, lambda: self.run_attempt(again))

    def run_attempt(self, again: bool) -> None:
        """Go as far as it goes, whatever happens; `ready` is the last event."""
        try:
            if not self.identity:
                self.identify()
            if self.state != "bound" and not self.identity.missing:
                gc.collect()  # what comes now stays long, and has to lie close together
                from .binding import Binding

                Binding(self).run(again)
        except Exception as error:
            # The words of an unforeseen exception may hold a secret; its kind cannot.
            self.reason = "bug " + type(error).__name__
            self.emit("failed", {"step": "identity", "reason": self.reason})
        self.ready()

    def ready(self) -> None:
        """Say how it stands: the last event of a boot, and of an operator's command."""
        self.update_led(self.state)
        self.print_line("%s %s" % (self.state, self.reason or self.token[:8]))
        self.emit(
            "ready",
            {
                "state": self.state,
                "reason": self.reason,
                "token": self.token,
                "serial": self.serial,
            },
        )

    def identify(self) -> None:
        """Find out who this is, and whether every copy of the record says that it is bound."""
        self.print_line("Startline " + __version__)
        self.emit("boot", {"version": __version__})
        self.identity = identity = Identity(self.hal)
        self.serial = identity.serial
        self.model = identity.model
        self.cloud = identity.cloud
        if identity.missing:
            from .settings import report_unprovisioned

            report_unprovisioned(self, identity.missing)
            return
        self.emit(
            "identity",
            {
                "serial": identity.serial,
                "model": identity.model,
                "mac": identity.mac.hex(":"),
                "cloud": identity.cloud,
                "base_url": identity.base_url,
            },
        )
        if identity.base_url.startswith("http:"):
            self.emit("warning", {"what": "insecure_http"})
        self.key = identity.text("run.key")
        if self.key == "same":
            self.key = identity.text("claim.key") or identity.text("claim.auth")
        try:
            self.token = bound_token(self.hal, identity)
        except Exception:  # a quick look that did not come off: the full rules look again
            pass
        if self.token:
            self.state = "bound"
            self.emit("record", {"state": "bound", "copies": 1 if identity.stock else 2})
            self.erase_claim_key()

    def update_led(self, what: str) -> None:
        """Show a state, or "trying", on the LED where there is one; without one that works, not."""
        values = self.identity.values if self.identity else {}
        if "set.led" in values:
            try:
                from .roles import load_role

                role = load_role(self, "startline_led")
                if role:
                    role.show_state(values["set.led"], what)
                else:
                    del values["set.led"]  # said once
            except Exception:  # no such pin, no timer: the LED is a help, and no condition
                del values["set.led"]
                self.emit("warning", {"what": "led"})

    def erase_claim_key(self) -> None:
        """Take what binds off the device, unless the application is to keep it."""
        identity = self.identity
        values = identity.values
        if ("claim.key" in values or "claim.auth" in values) and identity.text(
            "run.key"
        ) != "same":
            from .nvs.erase_key import erase_key

            erase_key(self)
