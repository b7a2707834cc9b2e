"""The work on one board: from whatever is plugged in to a unit that has passed, or a named failure.

Everything may be done twice: a board is known by its MAC, and what is proven already costs little.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, TypeVar

import msgspec

from startline_host.clouds.cloud_registry import kind_of
from startline_host.device.console import ConsoleParser, Event
from startline_host.device.port_session import PortSession
from startline_host.errors import (
    BadInput,
    CloudDisagrees,
    DeviceSilent,
    NetworkFailed,
    NoSuchPort,
    RefusedByCloud,
    StartlineError,
    StorageFailed,
    TimedOut,
    WouldTouchBound,
    WrongDevice,
)
from startline_host.factory.assignment import (
    AlreadyBound,
    BatchUsedUp,
    check_snapshot,
    choose_unit,
)
from startline_host.factory.company_proof import CompanyProof
from startline_host.factory.database import LedgerAway
from startline_host.factory.entries import BIND, LOAD, VERIFY, LedgerUnit, StationSlot
from startline_host.factory.job import ConnectedBoard, LinePlan, UnitIdentified, UnitResult
from startline_host.factory.label import make_label
from startline_host.factory.label_svg import file_name, label_svg
from startline_host.factory.wipe import wipe_identity
from startline_host.flows.cloud_verification import (
    SerialTaken,
    check_cloud_before,
    verify_with_cloud,
)
from startline_host.flows.expected_identity import ExpectedIdentity, identity_after
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.first_boot import FirstBootOutcome, boot_seconds, run_first_boot
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.loading import load
from startline_host.flows.notices import Listener, Notice, Remark, Step
from startline_host.flows.operator.cloud_target import CloudTarget
from startline_host.flows.operator.reconcile import reconcile
from startline_host.flows.restart import restart
from startline_host.flows.usb_link import linked, over_usb
from startline_host.util import Deadline, PatientDeadline, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.factory.ledger import Ledger
    from startline_host.flows.device_snapshot import DeviceSnapshot
    from startline_host.flows.operator.confirmation import Confirmation

#: Seconds in which a device that is busy with its first boot says something, and of its boot.
_LISTEN, _IDENTITY = 1.5, 20.0
#: Seconds before another go, and for a port that has gone to come back.
_PAUSE, _PORT_LIMIT = 1.0, 15.0
#: Seconds before the cloud is asked again.
_CLOUD_PAUSES = (1.0, 3.0)

_Found = TypeVar("_Found")

#: Failures that another go may mend; any other is the same the second time.
_PASSING = (DeviceSilent, NoSuchPort, TimedOut, NetworkFailed, StorageFailed)
#: Failures at which the chip is as it was before: loading raises them before it writes.
_BEFORE_WRITING = (WouldTouchBound, WrongDevice)


class UnitWork:
    """Works on one board after another in one slot; `listen` is told what happens."""

    def __init__(
        self,
        ledger: Ledger,
        plan: LinePlan,
        place: StationSlot,
        listen: Listener,
        company: CompanyProof | None = None,
    ) -> None:
        self._company = company or CompanyProof(wanted=False)
        self._identity = ExpectedIdentity(serial="")
        self._ledger = ledger
        self._plan = plan
        self._place = place
        self._listen = listen
        self._unit: LedgerUnit | None = None
        self._mac = ""
        self._attempted = False
        self._wrote = False
        self._first_go = True
        self._began = 0.0

    def run(self, board: ConnectedBoard, *, busy: bool = False) -> UnitResult:
        """Bring a board to its end, with another go where that may help.

        `busy` tells that the board may be in the middle of its first boot: it is let finish.
        Raises LedgerAway, after which `run` can be called again for the same board.
        """
        self._began = time.monotonic()
        self._unit, self._mac, self._attempted, self._wrote = None, "", False, False
        for left in range(self._plan.tries - 1, -1, -1):
            self._first_go = left == self._plan.tries - 1
            try:
                end = self._once(board.url, busy=busy)
                return self._result(end)
            except BatchUsedUp:
                return self._result("no serial")
            except LedgerAway:
                raise
            except StartlineError as error:
                if left and isinstance(error, _PASSING):
                    self._try_again(board, error)
                    busy = False
                    continue
                self._fail(board, error)
                return self._result("failed", error)
        raise AssertionError  # pragma: no cover - the last go returns

    def _once(self, url: str, *, busy: bool) -> str:
        with PortSession(url) as line:
            if busy:
                self.let_finish(line)
            began = time.monotonic()
            with contextlib.suppress(AlreadyBound):
                load(line, self.request(), self._listen)
                self._unit = self._ledger.step(self._held, LOAD, seconds=time.monotonic() - began)
            if self._held.passed:
                self._print_label(self._held, seen=True)
                return "seen"
            if self._plan.defer and not self._held.sent:
                self._see_identity(line)
                self._unit = self._ledger.defer(self._held)
                return "deferred"
            with self._company.turn():
                self._verify(self._bind(line))
        self._unit = self._ledger.pass_(self._held)
        self._print_label(self._held)
        return "passed"

    @property
    def _held(self) -> LedgerUnit:
        assert self._unit is not None  # noqa: S101 - loading either chooses one or raises
        return self._unit

    # Loading

    def request(self) -> LoadRequest:
        """Return what a board is loaded with: which unit it becomes is decided at the board."""
        return LoadRequest(
            board=self._plan.board,
            bundle=self._plan.bundle,
            choose=self._choose,
            flash_baud=self._plan.flash_baud,
            may_replace=lambda _files: self._plan.overwrite,
        )

    def _choose(self, snapshot: DeviceSnapshot) -> Provision:
        """Decide who the board is, and whether it is to be written to at all."""
        self._check_same(snapshot.mac)
        self._mac = snapshot.mac
        self._unit = choose_unit(self._ledger, self._plan.batch, self._place, snapshot)
        who = self._unit
        self._listen(UnitIdentified(f"{who.serial}, chip {who.mac}", serial=who.serial))
        there = identity_after(snapshot, None, stays=True)
        self._identity = msgspec.structs.replace(there, serial=who.serial)
        check_snapshot(self._unit, snapshot)
        settings, key = self._plan.settings, self._plan.read_key
        _patiently(lambda: check_cloud_before(settings, who.serial, key, self._listen))
        provision = Provision(who.identity, settings)
        self._identity = identity_after(snapshot, provision, stays=False)
        self._wrote = True
        return provision

    def _check_same(self, mac: str) -> None:
        """Raise WrongDevice where the second go finds another board than the first."""
        if self._unit is not None and self._unit.mac != mac:
            raise WrongDevice(
                f"The board in the slot is the chip {mac} by now, and no longer "
                f"{self._unit.serial} on {self._unit.mac}.",
                "Was it swapped while it was worked on? Plug in one after the other.",
            )

    def let_finish(self, line: PortSession) -> None:
        """Let a device that is in its first boot come to its end: that is not to be cut short."""
        settings = self._plan.settings
        carried = settings.claim.base_url if over_usb(settings) else ""
        console, end = ConsoleParser(), PatientDeadline(_LISTEN)
        with linked(line.port(), carried) as port:
            while not end.expired:
                for item in console.feed(port.read(end.at_most(0.25).remaining)):
                    if isinstance(item, Event):
                        self._listen(item)
                        if item.name == "ready":
                            return
                        end = PatientDeadline(self._boot_limit)

    # First boot

    @property
    def _boot_limit(self) -> float:
        return self._plan.boot_limit or boot_seconds(self._plan.settings.set.boot_limit)

    def _bind(self, line: PortSession) -> FirstBootOutcome:
        began = time.monotonic()
        outcome = self._first_boot(line)
        if outcome.state == "unknown" and self._settles(line):
            outcome = self._first_boot(line)
        error = outcome.error()
        if outcome.bound:
            self._keep_token(outcome, time.monotonic() - began)
        if error is not None:
            raise error
        return outcome

    def _first_boot(self, line: PortSession) -> FirstBootOutcome:
        plan = self._plan
        outcome = run_first_boot(
            line, plan.settings, self._identity, limit=plan.boot_limit, listen=self._hear
        )
        if self._attempted or outcome.state in {"bound", "unknown", "refused"}:
            self._unit = self._ledger.sent(self._held)
        return outcome

    def _settles(self, line: PortSession) -> bool:
        """Have the device settle an unknown outcome by the cloud's list; tell if that was tried.

        Raises OutcomeUnknown or CloudDisagrees where the device stays as it is.
        """
        plan, claim = self._plan, self._plan.settings.claim
        if plan.read_key is None or not kind_of(claim.cloud).lists:
            return False
        cloud = CloudTarget(claim.base_url, plan.settings.tls.ca)
        tokens, key = self._tokens_beside, plan.read_key
        done = _patiently(
            lambda: reconcile(line, cloud, key, _nobody, tokens_of=tokens, listen=self._hear)
        )
        self._ledger.note(self._place, "settle", unit=self._held, reason=done.state)
        return True

    def _tokens_beside(self, serial: str) -> tuple[str, ...]:
        """Return the tokens of the same batch: a key that lists one of them is the company's."""
        units = self._ledger.entries(self._held.batch)
        return tuple(one.token for one in units if one.token and one.serial != serial)

    def _keep_token(self, outcome: FirstBootOutcome, seconds: float) -> None:
        if not self._held.token or not self._held.proven(BIND):
            self._unit = self._ledger.bound(self._held, outcome.token, seconds=seconds)

    def _hear(self, notice: Notice) -> None:
        """Take what the device says: who it says it is is checked, and its request is recorded."""
        self._listen(notice)
        if not isinstance(notice, Event):
            return
        self._identity.check(notice)
        if notice.name == "attempt":
            self._attempted = True
            # The device is not to be disturbed now; it is recorded afterwards at the latest.
            with contextlib.suppress(LedgerAway):
                self._unit = self._ledger.sent(self._held)

    def _see_identity(self, line: PortSession) -> None:
        """Start the device once, to see that it knows who it is."""
        restart(line, self._listen)
        port = line.port()
        end = PatientDeadline(_IDENTITY)
        self._identity.check(ConsoleParser().wait_for(port, "identity", end))

    # The end

    def _verify(self, outcome: FirstBootOutcome) -> None:
        if not self._plan.verify:
            return
        began = time.monotonic()
        plan = self._plan
        try:
            done = _patiently(
                lambda: verify_with_cloud(
                    outcome, plan.settings, plan.read_key, self._listen, self._identity
                )
            )
        except CloudDisagrees:
            with contextlib.suppress(StartlineError):
                self._company.doubt(plan, self._held.serial, outcome.token)
            raise
        if done:
            self._company.prove()
            self._unit = self._ledger.step(self._held, VERIFY, seconds=time.monotonic() - began)

    def _print_label(self, unit: LedgerUnit, *, seen: bool = False) -> None:
        folder = self._plan.labels
        if folder is None:
            return
        path = folder / f"{file_name(unit.serial)}.svg"
        if seen and path.exists():
            return
        try:
            write_whole(path, label_svg(make_label(unit), self._plan.label_size).encode())
        except BadInput as error:
            self._listen(Remark(f"No label: {error.message}", warning=True))
            return
        self._ledger.note(self._place, "label", unit=unit)

    def _try_again(self, board: ConnectedBoard, error: StartlineError) -> None:
        self._listen(Remark(f"{error.message} Trying again.", warning=True))
        self._ledger.note(
            self._place, "retry", unit=self._unit, batch=self._plan.batch, mac=self._mac,
            reason=error.summary, words=error.message,
        )  # fmt: skip
        try:
            board.power_cycle()
        except StartlineError as failed:
            self._listen(Remark(failed.message, warning=True))
        self._wait_for_port(board)

    def _wait_for_port(self, board: ConnectedBoard) -> None:
        """Give a plug that came loose, or a port that comes back, some time."""
        time.sleep(_PAUSE)
        deadline = Deadline(_PORT_LIMIT)
        while not deadline.expired:
            try:
                with PortSession(board.url) as line:
                    line.port()
            except NoSuchPort:
                time.sleep(_PAUSE)
            else:
                return

    def _fail(self, board: ConnectedBoard, error: StartlineError) -> None:
        unit = self._unit
        if unit is None or not unit.at_work:
            self._ledger.note(
                self._place, "fail", unit=unit, batch=self._plan.batch, mac=self._mac,
                reason=error.summary, words=error.message,
            )  # fmt: skip
            return
        # A number that the cloud has already goes to no other board either.
        blank = not isinstance(error, SerialTaken) and self._is_blank(board, unit, error)
        self._ledger.fail(unit, error.summary, error.message, blank=blank)

    def _is_blank(self, board: ConnectedBoard, unit: LedgerUnit, error: StartlineError) -> bool:
        """Tell whether the chip carries nothing of the unit, after taking it off if need be."""
        if unit.sent or unit.token or self._attempted:
            return False
        unwritten = not self._wrote or (self._first_go and isinstance(error, _BEFORE_WRITING))
        if unit.tries == 1 and unwritten:
            return unit.step != LOAD
        with contextlib.suppress(StartlineError), PortSession(board.url) as line:
            self._listen(Step("Taking the serial number back"))
            return wipe_identity(line, self._plan.bundle, unit.mac)
        return False

    def stopped(self, words: str = "") -> UnitResult:
        """Return the result of work that was broken off: the ledger has its last proven step."""
        return msgspec.structs.replace(self._result("stopped"), words=words)

    def _result(self, end: str, error: StartlineError | None = None) -> UnitResult:
        unit = self._unit
        return UnitResult(
            end=end,
            serial=unit.serial if unit else "",
            mac=unit.mac if unit else self._mac,
            reason=error.summary if error else "",
            words=error.message if error else "",
            seconds=time.monotonic() - self._began,
            exit_code=error.exit_code if error else 0,
        )


def _patiently(look: Callable[[], _Found]) -> _Found:
    """Look into the cloud, again if it stumbles: looking is harmless."""
    for pause in _CLOUD_PAUSES:
        with contextlib.suppress(RefusedByCloud, NetworkFailed):
            return look()
        time.sleep(pause)
    return look()


def _nobody(_question: Confirmation) -> bool:
    """Vouch for nothing: there is nobody at the line to ask."""
    return False
