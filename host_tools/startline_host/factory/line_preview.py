"""What a line would do to its boards, told and not done."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from startline_host.device.port_session import PortSession
from startline_host.errors import NoSuchPort, StartlineError
from startline_host.factory.assignment import AlreadyBound, BatchUsedUp
from startline_host.factory.entries import StationSlot
from startline_host.factory.job import UnitIdentified
from startline_host.factory.schema import FREE, WORK
from startline_host.factory.work import UnitWork
from startline_host.flows.cloud_verification import SerialTaken
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.found_device import FoundDevice
from startline_host.flows.load_plan import plan_load
from startline_host.flows.load_preview import LoadPreview, PlannedStep, preview
from startline_host.flows.load_request import LoadRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from startline_host.factory.company_proof import CompanyProof
    from startline_host.factory.job import LinePlan
    from startline_host.factory.ledger import Ledger
    from startline_host.factory.slots import Slot
    from startline_host.flows.notices import Listener, Notice

#: What the line would do with a board: load it, only see that the cloud has it, leave it, or fail.
Would = Literal["load", "verify", "leave", "fail"]
#: A chip that has no MAC yet, and an `nvs` as it leaves its factory.
_NO_MAC, _BLANK = "00:00:00:00:00:00", b"\xff" * 0x6000


class BoardPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What the line would do with the board in a slot; `failure` is what it would fail with."""

    slot: str
    would: Would
    serial: str = ""
    mac: str = ""
    words: str = ""
    failure: StartlineError | None = None
    steps: tuple[PlannedStep, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "slot": self.slot,
            "would": self.would,
            "serial": self.serial,
            "mac": self.mac,
            "reason": self.failure.summary if self.failure else "",
            "words": self.words,
            "exit_code": self.failure.exit_code if self.failure else 0,
            "steps": [msgspec.to_builtins(step) for step in self.steps],
        }


class LinePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a line would do: `counts` are the batch's units by state, before any board.

    `next_serial` is that of the batch's next unit, "" where none is left, and `blank` what a blank
    board would be loaded with to become it.
    """

    counts: dict[str, int]
    next_serial: str
    blank: tuple[PlannedStep, ...]
    boards: tuple[BoardPreview, ...]


def plan_blank(plan: LinePlan, provision: Provision) -> tuple[PlannedStep, ...]:
    """Return what a blank board of the line's would be loaded with, to become that unit."""
    request = LoadRequest(board=plan.board, bundle=plan.bundle, provision=provision)
    mac = provision.unit.mac or _NO_MAC
    found = FoundDevice(
        via="boot loader",
        chip=plan.board.chip,
        mac=mac,
        flash_size=plan.board.flash_size,
        kept=DeviceSnapshot(mac=mac, nvs=_BLANK, bind=None, fctry=None),
        file_system="blank",
        owned={},
    )
    steps = LoadPreview(plan_load(request, found), found).steps()
    return tuple(step for step in steps if step.action != "read")


class LineRehearsal:
    """Looks at the boards in the slots as a line would, by a ledger that is a copy of its own."""

    def __init__(
        self,
        ledger: Ledger,
        plan: LinePlan,
        station: str,
        listen: Listener,
        company: CompanyProof,
    ) -> None:
        self._ledger = ledger
        self._plan = plan
        self._station = station
        self._listen = listen
        self._company = company
        self._identified = ""

    def run(self, slots: Sequence[Slot], *, may_be_empty: bool) -> LinePreview:
        """Look at the board in each slot, one after the other; they are restarted, and not written to.

        A slot without a board fails, unless it `may_be_empty`: then it is left out.
        """
        counts = self._ledger.counts(self._plan.batch)
        free = self._ledger.entries(self._plan.batch, [FREE])
        unit = next((one for one in free if not one.problem), None)
        blank: tuple[PlannedStep, ...] = ()
        if unit is not None:
            blank = plan_blank(self._plan, Provision(unit.unit, self._plan.settings))
        # A board that a station was stopped at may just be binding.
        busy = bool(self._ledger.resume(self._station))
        boards = [self._look(slot, busy=busy) for slot in slots]
        return LinePreview(
            counts=counts,
            next_serial=unit.serial if unit is not None else "",
            blank=blank,
            boards=tuple(
                one for one in boards if not (may_be_empty and isinstance(one.failure, NoSuchPort))
            ),
        )

    def _look(self, slot: Slot, *, busy: bool) -> BoardPreview:
        """Return what the line would do with the board in a slot."""
        self._identified = ""
        place = StationSlot(self._station, slot.name)
        work = UnitWork(self._ledger, self._plan, place, self._hear, self._company)
        before = {unit.number for unit in self._ledger.entries(states=[WORK])}
        seen: LoadPreview | None = None
        try:
            board = slot.next_board(threading.Event())
            if board is None:
                raise NoSuchPort(f"Nothing is plugged into slot {slot.name}.")
            with PortSession(board.url) as line:
                if busy:
                    work.let_finish(line)
                seen = preview(line, work.request(), self._listen)
            refusal = seen.plan.refusal
        except StartlineError as error:
            refusal = error
        mac = seen.found.mac if seen is not None else ""
        about = BoardPreview(slot=slot.name, would="load", serial=self._identified, mac=mac)
        if refusal is None:
            return msgspec.structs.replace(about, steps=tuple(seen.steps() if seen else ()))
        self._give_back(before, refusal)
        return self._refused(about, refusal, seen)

    def _refused(
        self, about: BoardPreview, refusal: StartlineError, seen: LoadPreview | None
    ) -> BoardPreview:
        """Tell what becomes of a board that is not loaded: some need not be."""
        if isinstance(refusal, AlreadyBound | BatchUsedUp):
            unit = self._ledger.look_up(about.mac)
            leave = isinstance(refusal, BatchUsedUp) or (unit is not None and unit.passed)
            step = PlannedStep("keep", "device", why=refusal.message)
            return msgspec.structs.replace(
                about, would="leave" if leave else "verify", words=refusal.message, steps=(step,)
            )
        steps = tuple(seen.steps()) if seen is not None else ()
        return msgspec.structs.replace(
            about, would="fail", words=refusal.message, failure=refusal, steps=steps
        )

    def _give_back(self, before: set[int], error: StartlineError) -> None:
        """Have the next board be offered the serial number that a failed one gives back."""
        if isinstance(error, AlreadyBound):
            return
        for unit in self._ledger.entries(self._plan.batch, [WORK]):
            if unit.number not in before:
                blank = unit.tries == 1 and not isinstance(error, SerialTaken)
                self._ledger.fail(unit, error.summary, error.message, blank=blank)

    def _hear(self, notice: Notice) -> None:
        if isinstance(notice, UnitIdentified):
            self._identified = notice.serial
        self._listen(notice)
