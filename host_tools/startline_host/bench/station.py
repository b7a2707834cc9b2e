"""A bench for one test: a mock cloud, and readers that are provisioned for it and off."""

from __future__ import annotations

import msgspec

from startline_host.bench.scenarios.model import ReaderSettings, VirtualWorld
from startline_host.bench.scenarios.provisioning import Provisioner
from startline_host.bench.scenarios.reader import Reader
from startline_host.bench.scenarios.rig import Rig
from startline_host.bench.scenarios.transcript import Transcript
from startline_host.errors import Bug, TimedOut
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.mock_cloud import MockCloud

_BOOT_SECONDS = 60.0
_LINE_SECONDS = 20.0


class BenchDevice:
    """A reader as a test sees it: switched on and off, listened to, typed at."""

    def __init__(
        self, rig: Rig, name: str, provisioner: Provisioner, given: ReaderSettings
    ) -> None:
        self.reader: Reader = rig.reader(name)
        self._rig = rig
        self._name = name
        self._provisioner = provisioner
        self._given = given
        self.provision()

    @property
    def url(self) -> str:
        """Where its serial line is, for tools of your own."""
        return self._rig.url(self._name)

    @property
    def uart_url(self) -> str:
        """Where the other end of its `machine.UART(1)` is, "" on a board: there it is real."""
        return self._rig.uart_url(self._name)

    @property
    def state(self) -> str:
        """What it said last of its state, "" before its first `ready`."""
        return self._last().state

    @property
    def reason(self) -> str:
        """Why it is in that state."""
        return self._last().reason

    @property
    def token(self) -> str:
        """What the cloud calls it, "" while it is not bound."""
        return self._last().token

    @property
    def outcome(self) -> FirstBootOutcome:
        """All that its last boot told. Raises Bug before there was one."""
        outcome = self.reader.outcome
        if outcome is None:
            raise Bug("The device has not booted yet: call boot() first.")
        return outcome

    @property
    def lines(self) -> list[str]:
        """What it has printed since it was switched on, without its events."""
        return list(self.reader.cycle.lines)

    @property
    def serial(self) -> str:
        """The serial number that it was given."""
        return self._given.serial

    def provision(self, **changes: object) -> None:
        """Give it an identity anew, with fields of `ReaderSettings` changed; it is off then.

        Raises msgspec.ValidationError for a field that does not exist.
        """
        fields = msgspec.structs.asdict(self._given) | changes
        self._given = msgspec.convert(fields, ReaderSettings)
        self._rig.tell(self._name, self._provisioner.image(self._given))

    def boot(self, until: str = "ready", seconds: float = _BOOT_SECONDS) -> None:
        """Switch it off and on, and follow it until an event of that name.

        Raises TimedOut.
        """
        self.reader.power_off()
        self.reader.power_on()
        self.reader.follow(lambda one: one.cycle.count(until) > 0, seconds, until)

    def power_off(self) -> None:
        """Cut its power."""
        self.reader.power_off()

    def wait_for(self, text: str, seconds: float = _LINE_SECONDS) -> str:
        """Return the first line since power-on that holds `text`, waiting for it. Raises TimedOut."""
        try:
            self.reader.follow(lambda one: _find(one, text) is not None, seconds, text)
        except TimedOut:
            printed = "\n".join(self.lines[-10:])
            raise TimedOut(f"No line with {text!r} came. The last lines are:\n{printed}") from None
        return _find(self.reader, text) or ""

    def type(self, text: str) -> None:
        """Type a line at its console."""
        self.reader.send(f"{text}\r")

    def _last(self) -> FirstBootOutcome:
        return self.reader.outcome or FirstBootOutcome(state="", serial="")


class BenchStation:
    """What stands around the devices of one test."""

    def __init__(
        self,
        rig: Rig,
        cloud: MockCloud,
        provisioner: Provisioner,
        transcript: Transcript,
        given: ReaderSettings,
    ) -> None:
        self.cloud = cloud
        self.transcript = transcript
        self._rig = rig
        self._provisioner = provisioner
        self._given = given

    @property
    def is_virtual(self) -> bool:
        """Whether the readers are virtual, and the world can be changed."""
        return "world" in self._rig.can

    def device(self, name: str = "first", **changes: object) -> BenchDevice:
        """Return a device, provisioned with fields of `ReaderSettings` changed; virtual ones may be two."""
        given = msgspec.convert(msgspec.structs.asdict(self._given) | changes, ReaderSettings)
        return BenchDevice(self._rig, name, self._provisioner, given)

    def set_world(self, **changes: object) -> None:
        """Change what is around virtual readers: fields of `VirtualWorld`; the rest is as usual."""
        self._rig.set_world(msgspec.convert(changes, VirtualWorld))


def _find(reader: Reader, text: str) -> str | None:
    return next((line for line in reader.cycle.lines if text in line), None)
