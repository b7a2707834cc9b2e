"""A device that is stopped at its prompt to be given orders, and runs again afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from startline_host.boards import data_folder
from startline_host.device.console import ConsoleParser, Event
from startline_host.device.partition_access import read_facts, read_partition
from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.device.repl import Repl
from startline_host.errors import BadInput, StartlineError, StorageFailed, TimedOut, WrongDevice
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.expected_identity import identity_after
from startline_host.flows.field_settings import field_settings
from startline_host.flows.first_boot import FirstBootOutcome, boot_seconds, read_outcome
from startline_host.flows.next_steps import next_without_agent
from startline_host.flows.notices import Listener, Step
from startline_host.flows.observe import agent_version
from startline_host.flows.prompt_survey import read_snapshot
from startline_host.flows.roles import is_over_usb
from startline_host.flows.take_prompt import take_prompt
from startline_host.flows.usb_link import UsbLinkServer, linked
from startline_host.formats.flash_dump import partition_reader
from startline_host.formats.stored_settings import StoredSettings, read_stored_settings
from startline_host.util import PatientDeadline, device_text, printable

#: Seconds: to hear whether a boot is under way, the longest silence in one, and for its whole.
_LISTEN, _SILENCE, _BOOT = 1.0, 35.0, 180.0
_PROMPT, _ORDER, _AGAIN = 10.0, 30.0, 5.0


class DeviceSession:
    """A device at its prompt. `snapshot` is what it keeps, as it was when it was stopped."""

    def __init__(self, repl: Repl, snapshot: DeviceSnapshot, listen: Listener) -> None:
        self.snapshot = snapshot
        self.stored = snapshot.stored()
        self.repl = repl
        self.left = False
        self._carries_to = ""
        self._listen = listen
        #: Who it is by what it keeps: what it says later has to agree.
        self._identity = identity_after(snapshot, None, stays=True)

    @property
    def serial(self) -> str:
        """Its serial number. Raises BadInput for a device that was told none, or has lost it."""
        self._check_told()
        return self.stored.get("factory", "serial")

    @property
    def cloud(self) -> str:
        """The name of its cloud. Raises BadInput for a device that was told none."""
        self._check_told()
        return self.stored.get("claim", "cloud")

    def _check_told(self) -> None:
        if missing := self.stored.missing:
            hint = "Provision it: startline provision."
            if not agent_version(self.repl):
                hint = next_without_agent(self.snapshot.summary().state)
            raise BadInput(
                f"The device does not know who it is: it lacks {', '.join(missing)}.",
                self.snapshot.lost_identity or hint,
            )

    @property
    def name(self) -> str:
        """What to call it: its serial number, else that of its record, else its MAC."""
        return (
            self.stored.get("factory", "serial")
            or self.snapshot.summary().serial
            or self.snapshot.mac
        )

    @property
    def boot_seconds(self) -> float:
        """How long a boot of this device may take."""
        return boot_seconds(self.setting("set", "boot_limit", 0))

    def setting(self, namespace: str, key: str, default: int) -> int:
        """Return a number out of its settings, those that were changed later first."""
        own: StoredSettings = read_stored_settings(partition_reader(self.snapshot.nvs))
        for stored in (own, self.stored):
            value = stored.values.get(namespace, {}).get(key)
            if isinstance(value, int):
                return value
        return default

    @property
    def over_usb(self) -> bool:
        """Whether it reaches its cloud over this very cable, and not without this computer."""
        return is_over_usb(self.stored, field_settings(self.snapshot.nvs))

    @property
    def ssid(self) -> str:
        """The name of its Wi-Fi; "" for a device that is told none, or goes by this cable."""
        own = field_settings(self.snapshot.nvs).get(("net", "ssid"))
        text = device_text(own) if isinstance(own, bytes) else self.stored.get("net", "ssid")
        return "" if self.over_usb else text

    def carry_to(self, base_url: str) -> None:
        """Carry its connections to that cloud, and to nowhere else, if they come by this cable."""
        self._carries_to = base_url if self.over_usb else ""

    def takes_orders(self, module: str = "operator_commands") -> bool:
        """Send the device a file of `firmware`, which it runs and does not keep; tell if it did."""
        source = (data_folder("firmware") / f"{module}.py").read_text(encoding="utf-8")
        try:
            self.repl.define(source)
        except (OSError, DeviceRaised):
            return False
        return True

    def run_command(
        self, call: str, seconds: float = _ORDER, *, module: str = "operator_commands"
    ) -> FirstBootOutcome:
        """Have the device do what `call` says, and pass on its events.

        It is a function of `module`, a file of `firmware` that is sent for it.

        Raises DeviceRaised where the device refuses, StorageFailed where its flash does not take
        it, WrongDevice where its agent cannot take orders or says that it is another device.
        """
        if not self.takes_orders(module):
            state = self.snapshot.summary().state
            raise not_controllable(state, has_agent=bool(agent_version(self.repl)))
        console = ConsoleParser()
        seen: list[Event] = []
        hear = self._identity.checked(self._listen)

        def take(data: bytes) -> None:
            for item in console.feed(data):
                hear(item)
                if isinstance(item, Event):
                    seen.append(item)

        with contextlib.ExitStack() as stack:
            feed: Callable[[bytes], bytes] = bytes
            if self._carries_to:
                feed = stack.enter_context(UsbLinkServer(self.repl.port, self._carries_to)).feed
            try:
                self.repl.follow(call, lambda data: take(feed(data)), seconds)
            except OSError:
                raise StorageFailed(
                    "The device's flash did not take it.", "Run it again."
                ) from None
        return read_outcome(seen)

    def read_again(self) -> DeviceSnapshot:
        """Read anew what the device keeps."""
        has = self.snapshot
        return DeviceSnapshot(
            mac=has.mac,
            nvs=read_partition(self.repl, "nvs"),
            bind=None if has.bind is None else read_partition(self.repl, "bind"),
            fctry=None if has.fctry is None else read_partition(self.repl, "fctry"),
        )

    def check_bound(self, after: FirstBootOutcome) -> None:
        """See that a device that says it is bound keeps a record of just that deviceid.

        Raises StorageFailed where its flash tells another story.
        """
        if not after.bound:
            return
        there = self.read_again().summary()
        if (there.state, there.token.casefold()) != ("bound", after.token.casefold()):
            raise StorageFailed(
                f"The device says that it is bound as {printable(after.token)}, and its record does "
                f"not read back so (it is {there.state}).",
                "Run the command again. If it fails again, its flash is worn or its agent is not Startline's.",
            )

    def run_on(self) -> FirstBootOutcome:
        """Restart the device and follow it until it has finished.

        Raises TimedOut, and WrongDevice where it says that it is another device.
        """
        self.left = True
        hear = self._identity.checked(self._listen)
        self._listen(Step("Restarting the device"))
        self.repl.restart()
        seen: list[Event] = []
        with linked(self.repl.port, self._carries_to) as port:
            for item in ConsoleParser().follow(port, PatientDeadline(self.boot_seconds)):
                hear(item)
                if isinstance(item, Event):
                    seen = [item] if item.name == "boot" else [*seen, item]
                    if item.name == "ready":
                        return read_outcome(seen)
        raise TimedOut("The device did not finish in time.", "Watch it with `startline monitor`.")

    def stay(self) -> None:
        """Leave the device at its prompt, where nothing is sent."""
        self.left = True
        self.repl.leave()


def not_controllable(state: str, *, has_agent: bool) -> WrongDevice:
    """Return what to say of a device in this state whose agent, if it has one, takes no orders."""
    hint = "Load this version's: startline flash --allow-bound."
    return WrongDevice(
        "The device has no agent that this version of startline can control.",
        hint if has_agent else next_without_agent(state),
    )


@contextlib.contextmanager
def device_session(line: PortSession, listen: Listener) -> Iterator[DeviceSession]:
    """Stop the device at its prompt; at the end it restarts, unless it was left in another way.

    Raises DeviceSilent where it gives up no prompt, WrongDevice where it is no ESP32.
    """
    _let_finish(line.port(), listen)
    listen(Step("Stopping the device"))
    repl = take_prompt(line, _PROMPT, listen)
    device: DeviceSession | None = None
    try:
        try:
            device = DeviceSession(repl, read_snapshot(repl, read_facts(repl)), listen)
        except (OSError, DeviceRaised):
            raise WrongDevice("MicroPython answers, but not on an ESP32.") from None
        yield device
    except BaseException:
        # Whatever ended this, Ctrl-C in the middle of an order included.
        if device is None or not device.left:
            with contextlib.suppress(StartlineError):
                repl.enter(_AGAIN, fresh=False)
                repl.restart()
        raise
    if not device.left:
        repl.restart()


def _let_finish(port: Port, listen: Listener) -> None:
    """Wait for the end of a boot that is under way: it may just be asking the cloud."""
    console = ConsoleParser()
    whole = PatientDeadline(_BOOT)
    quiet = PatientDeadline(_LISTEN)
    while not quiet.expired and not whole.expired:
        for item in console.feed(port.read(quiet.at_most(0.25).remaining)):
            if not isinstance(item, Event):
                continue
            # A race begins behind "ready", and goes on talking.
            if item.name == "ready" or item.name.startswith("race"):
                return
            listen(item)
            quiet = PatientDeadline(_SILENCE)
