"""The work on one board: from whatever is plugged in to a unit that has passed, or a named failure.

Everything may be done twice: a board is known by its MAC, and what is proven already costs little.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Protocol

import msgspec

from host_tools.bench.cloud_check import check_device
from host_tools.bench.first_boot import Outcome, follow_first_boot
from host_tools.bench.kit import Provision
from host_tools.bench.loading import load, restart
from host_tools.bench.notices import Listener, Notice, Remark, Step
from host_tools.bench.order import Order
from host_tools.device.console import Console, Event
from host_tools.device.deadline import Deadline
from host_tools.device.line import Line
from host_tools.errors import (
    BadInput,
    CloudDisagrees,
    DeviceSilent,
    NetworkFailed,
    NoSuchPort,
    StartlineError,
    StorageFailed,
    TimedOut,
    WouldTouchBound,
    WrongDevice,
)
from host_tools.factory.database import LedgerAway
from host_tools.factory.entries import BIND, LOAD, VERIFY, Entry, Place, fold, short
from host_tools.factory.files import write_whole
from host_tools.factory.label import make_label
from host_tools.factory.label_layout import Size
from host_tools.factory.label_svg import file_name, label_svg
from host_tools.factory.wipe import wipe_identity

if TYPE_CHECKING:
    from pathlib import Path

    from host_tools.bench.kept import Kept
    from host_tools.bench.kit import Kit
    from host_tools.boards import Board
    from host_tools.factory.ledger import Ledger
    from host_tools.images.factory import Settings
    from host_tools.secrets import Secret

#: The agent's own limit for a first boot, in seconds, and what the host adds to it.
_BOOT_LIMIT, _MARGIN = 90, 30
#: Seconds in which a device that is busy with its first boot says something, and of its boot.
_LISTEN, _IDENTITY = 1.5, 20.0

#: Failures that another go may mend; any other is the same the second time.
_PASSING = (DeviceSilent, NoSuchPort, TimedOut, NetworkFailed, StorageFailed)
#: Failures at which the chip is as it was before: loading raises them before it writes.
_BEFORE_WRITING = (WouldTouchBound, WrongDevice)

#: How the work on a board can end.
ENDS = ("passed", "deferred", "seen", "failed", "no serial", "stopped")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What all units of a run share.

    `read_key` verifies with the cloud, None does not; `defer` ends after loading, `labels` is a
    folder for SVG labels, `tries` counts goes on one board, `boot_limit` is in seconds.
    """

    batch: str
    board: Board
    kit: Kit
    settings: Settings
    read_key: Secret | None = None
    defer: bool = False
    labels: Path | None = None
    label_size: Size = Size()
    tries: int = 2
    flash_baud: int | None = None
    boot_limit: float | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How the work on a board ended: `end` out of `ENDS`, with the reason's name and a sentence."""

    end: str
    serial: str = ""
    mac: str = ""
    reason: str = ""
    words: str = ""
    seconds: float = 0.0
    exit_code: int = 0


class Plugged(Protocol):
    """A board in a slot."""

    @property
    def url(self) -> str:
        """Where it is reached at this moment."""

    def power_cycle(self) -> bool:
        """Take its power away and give it back; tell whether that could be done."""


class _AsItIs(StartlineError):
    """Ends loading: the board is bound, or may be, and is the ledger's own."""


class _NoSerial(StartlineError):
    """Ends loading: the batch is used up."""


class UnitWork:
    """Works on one board after another in one slot; `listen` is told what happens."""

    def __init__(self, ledger: Ledger, plan: Plan, place: Place, listen: Listener) -> None:
        self._ledger = ledger
        self._plan = plan
        self._place = place
        self._listen = listen
        self._unit: Entry | None = None
        self._mac = ""
        self._attempted = False
        self._wrote = False

    def run(self, board: Plugged, *, busy: bool = False) -> Result:
        """Bring a board to its end, with another go where that may help.

        `busy` tells that the board may be in the middle of its first boot: it is let finish.
        Raises LedgerAway, after which `run` can be called again for the same board.
        """
        began = time.monotonic()
        for left in range(self._plan.tries - 1, -1, -1):
            self._unit, self._mac, self._attempted, self._wrote = None, "", False, False
            try:
                end = self._once(board.url, busy=busy)
                return self._result(end, began)
            except _NoSerial:
                return self._result("no serial", began)
            except LedgerAway:
                raise
            except StartlineError as error:
                if left and isinstance(error, _PASSING):
                    self._try_again(board, error)
                    busy = False
                    continue
                self._fail(board, error)
                return self._result("failed", began, error)
        raise AssertionError  # pragma: no cover - the last go returns

    def _once(self, url: str, *, busy: bool) -> str:
        with Line(url) as line:
            if busy:
                self._let_finish(line)
            began = time.monotonic()
            with contextlib.suppress(_AsItIs):
                load(line, self._order(), self._listen)
                self._unit = self._ledger.step(self._held, LOAD, seconds=time.monotonic() - began)
            if self._held.passed:
                self._print_label(self._held)
                return "seen"
            if self._plan.defer and not self._held.sent:
                self._see_identity(line)
                self._unit = self._ledger.defer(self._held)
                return "deferred"
            self._bind(line)
        self._verify()
        self._unit = self._ledger.pass_(self._held)
        self._print_label(self._held)
        return "passed"

    @property
    def _held(self) -> Entry:
        assert self._unit is not None  # noqa: S101 - loading either chooses one or raises
        return self._unit

    # Loading

    def _order(self) -> Order:
        return Order(
            board=self._plan.board,
            kit=self._plan.kit,
            choose=self._choose,
            flash_baud=self._plan.flash_baud,
        )

    def _choose(self, kept: Kept) -> Provision:
        """Decide who the board is, from the ledger and from what it keeps itself."""
        self._mac = kept.mac
        holding = kept.holding()
        serial = kept.told().get("factory", "serial") or holding.serial
        own = self._ledger.look_up(kept.mac)
        self._check_serial(serial, kept.mac)
        if holding.must_stay and (own is None or fold(own.serial) != fold(holding.serial)):
            raise WouldTouchBound(
                f"The board is {holding.serial or 'a stranger'}, {holding.state}, and not of this "
                "ledger. It was left as it is.",
                "Put it aside; to use it anyway, clear it: startline unbind, then reset.",
            )
        self._unit = self._ledger.allot(self._plan.batch, self._place, kept.mac)
        if self._unit is None:
            raise _NoSerial("The batch has no serial number left.")
        self._listen(Remark(f"{self._unit.serial}, chip {self._unit.mac}"))
        if self._unit.token and (holding.state, holding.token) != ("bound", self._unit.token):
            raise CloudDisagrees(
                f"The ledger has a deviceid for {self._unit.serial} ({short(self._unit.token)}), "
                "and its board does not hold it. Was it reset?",
                "Settle it with the cloud's list: startline ledger verify.",
            )
        if holding.must_stay or self._unit.passed:
            raise _AsItIs("The board is bound already.")
        self._wrote = True
        return Provision(self._unit.identity, self._plan.settings)

    def _check_serial(self, serial: str, mac: str) -> None:
        holder = self._ledger.look_up(serial) if serial else None
        if holder is not None and holder.mac not in {"", mac}:
            raise WrongDevice(
                f"The board carries the serial number {serial}, which is the chip {holder.mac}'s, "
                f"and its own chip is {mac}.",
                "A copied flash, or a module that was swapped: put it aside and clear it.",
            )

    def _let_finish(self, line: Line) -> None:
        """Let a device that is in its first boot come to its end: that is not to be cut short."""
        console, port, end = Console(), line.port(), Deadline(_LISTEN)
        while not end.expired:
            for item in console.feed(port.read(end.at_most(0.25).remaining)):
                if isinstance(item, Event):
                    self._listen(item)
                    if item.name == "ready":
                        return
                    end = Deadline(self._boot_limit)

    # First boot

    @property
    def _boot_limit(self) -> float:
        return self._plan.boot_limit or (
            (self._plan.settings.set.boot_limit or _BOOT_LIMIT) + _MARGIN
        )

    def _bind(self, line: Line) -> None:
        began = time.monotonic()
        self._listen(Step("Starting the device"))
        restart(line)
        outcome = follow_first_boot(line.port(), Deadline(self._boot_limit), self._hear)
        if self._attempted or outcome.state in {"bound", "unknown", "refused"}:
            self._unit = self._ledger.sent(self._held)
        error = outcome.error()
        if outcome.bound:
            self._keep_token(outcome, time.monotonic() - began)
        if error is not None:
            raise error

    def _keep_token(self, outcome: Outcome, seconds: float) -> None:
        if fold(outcome.serial) != fold(self._held.serial):
            raise WrongDevice(
                f"The board that answers is {outcome.serial}, and not {self._held.serial}.",
                "Was it swapped while it was worked on? Put both aside.",
            )
        if not self._held.token or not self._held.proven(BIND):
            self._unit = self._ledger.bound(self._held, outcome.token, seconds=seconds)

    def _hear(self, notice: Notice) -> None:
        """Take what the device says: its identity is checked, and its request is recorded."""
        self._listen(notice)
        if not isinstance(notice, Event):
            return
        if notice.name == "identity":
            self._check_identity(notice)
        elif notice.name == "attempt":
            self._attempted = True
            # The device is not to be disturbed now; it is recorded afterwards at the latest.
            with contextlib.suppress(LedgerAway):
                self._unit = self._ledger.sent(self._held)

    def _check_identity(self, event: Event) -> None:
        told = (str(event.fields.get("serial", "")), str(event.fields.get("mac", "")))
        if told != (self._held.serial, self._held.mac):
            raise WrongDevice(
                f"The board that started is {told[0]} on chip {told[1]}, and not "
                f"{self._held.serial} on {self._held.mac}.",
                "Was it swapped while it was worked on? Put both aside.",
            )

    def _see_identity(self, line: Line) -> None:
        """Start the device once, to see that it knows who it is."""
        restart(line)
        port = line.port()
        self._check_identity(Console().wait_for(port, "identity", Deadline(_IDENTITY)))

    # The end

    def _verify(self) -> None:
        plan, unit = self._plan, self._held
        if plan.read_key is None:
            self._listen(Remark("Not checked with the cloud: there is no READ key.", warning=True))
            return
        began = time.monotonic()
        self._listen(Step("Checking with the cloud"))
        claim = plan.settings.claim
        check_device(
            claim.base_url,
            plan.settings.tls.ca,
            plan.read_key,
            serial=unit.serial,
            token=unit.token,
        )
        self._unit = self._ledger.step(unit, VERIFY, seconds=time.monotonic() - began)

    def _print_label(self, unit: Entry) -> None:
        folder = self._plan.labels
        if folder is None:
            return
        path = folder / f"{file_name(unit.serial)}.svg"
        if path.exists() and self._place == unit.place and unit.tries > 1:
            return
        try:
            write_whole(path, label_svg(make_label(unit), self._plan.label_size).encode())
        except BadInput as error:
            self._listen(Remark(f"No label: {error.message}", warning=True))
            return
        self._ledger.note(self._place, "label", unit=unit)

    def _try_again(self, board: Plugged, error: StartlineError) -> None:
        self._listen(Remark(f"{error.message} Trying again.", warning=True))
        self._ledger.note(
            self._place, "retry", unit=self._unit, batch=self._plan.batch, mac=self._mac,
            reason=error.summary, words=error.message,
        )  # fmt: skip
        try:
            board.power_cycle()
        except StartlineError as failed:
            self._listen(Remark(failed.message, warning=True))

    def _fail(self, board: Plugged, error: StartlineError) -> None:
        unit = self._unit
        if unit is None or not unit.at_work:
            self._ledger.note(
                self._place, "fail", unit=unit, batch=self._plan.batch, mac=self._mac,
                reason=error.summary, words=error.message,
            )  # fmt: skip
            return
        blank = self._is_blank(board, unit, error)
        self._ledger.fail(unit, error.summary, error.message, blank=blank)

    def _is_blank(self, board: Plugged, unit: Entry, error: StartlineError) -> bool:
        """Tell whether the chip carries nothing of the unit, after taking it off if need be."""
        if unit.sent or unit.token or self._attempted:
            return False
        if unit.tries == 1 and (not self._wrote or isinstance(error, _BEFORE_WRITING)):
            return unit.step != LOAD
        with contextlib.suppress(StartlineError), Line(board.url) as line:
            self._listen(Step("Taking the serial number back"))
            return wipe_identity(line, self._plan.kit, unit.mac)
        return False

    def _result(self, end: str, began: float, error: StartlineError | None = None) -> Result:
        unit = self._unit
        return Result(
            end=end,
            serial=unit.serial if unit else "",
            mac=unit.mac if unit else self._mac,
            reason=error.summary if error else "",
            words=error.message if error else "",
            seconds=time.monotonic() - began,
            exit_code=error.exit_code if error else 0,
        )
