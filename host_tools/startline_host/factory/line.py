"""The line: every slot at work at once, until the batch is made or somebody says stop."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from startline_host.errors import Bug, StartlineError
from startline_host.factory.company_proof import CompanyProof
from startline_host.factory.database import LedgerAway
from startline_host.factory.entries import StationSlot
from startline_host.factory.job import LinePlan, UnitResult
from startline_host.factory.schema import DEFERRED, FAILED, FREE, PASSED, WORK
from startline_host.factory.sigint import SigintCounter
from startline_host.factory.totals import DONE, WAITING, RunTotals
from startline_host.factory.work import UnitWork
from startline_host.flows.notices import Remark

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from startline_host.factory.job import ConnectedBoard
    from startline_host.factory.ledger import Ledger
    from startline_host.factory.slots import Slot
    from startline_host.flows.notices import Notice

#: Seconds between two looks of the main thread; for more slots, and for the end of the batch;
#: of a slot at a ledger that is away, and for a serial number that may be given back.
_TICK, _MORE, _AWAY, _EMPTY = 0.1, 1.0, 2.0, 1.0
#: Seconds after which a unit that nobody moved on is not waited for: its station was stopped.
_FORGOTTEN = 300.0
#: Seconds that slots are given to let go of their boards after the second Ctrl-C.
_ABANDON = 3.0
_FINISHING = "Finishing the boards in hand; Ctrl-C again leaves them as they are."
_STOPPING = "Stopping: boards in hand go on at their last proven step the next time."
_LEFT = "it goes on at its last proven step"


class LineView(Protocol):
    """Shows a line at work; called from the slots' own threads."""

    def waiting(self, slot: str, words: str) -> None:
        """Tell that a slot waits, and for what."""

    def begun(self, slot: str) -> None:
        """Tell that a board came into a slot."""

    def notice(self, slot: str, notice: Notice) -> None:
        """Pass on what happens in a slot."""

    def ended(self, slot: str, result: UnitResult, totals: RunTotals) -> None:
        """Tell how the work on a board ended."""

    def stopping(self, words: str) -> None:
        """Tell that the line takes no more boards."""

    def tick(self, totals: RunTotals) -> None:
        """Take a moment of the main thread."""


class FactoryLine:
    """Works on the boards of all slots at once, each slot in a thread of its own.

    `company` is what is known of its READ key. With `more` the line watches: it goes on until the whole batch is made, and takes up the slots
    that `more` returns when it is asked, again and again.
    """

    def __init__(
        self,
        ledger: Ledger,
        plan: LinePlan,
        slots: Sequence[Slot],
        station: str,
        view: LineView,
        *,
        more: Callable[[], Sequence[Slot]] | None = None,
        company: CompanyProof | None = None,
    ) -> None:
        self._company = company or CompanyProof(wanted=plan.verify and plan.read_key is not None)
        self._ledger = ledger
        self._plan = plan
        self._slots = list(slots)
        self._station = station
        self._view = view
        self._more = more
        self._looked = 0.0
        self._stop = threading.Event()
        self._abandon = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._fault: BaseException | None = None
        self.totals = RunTotals()

    def run(self) -> RunTotals:
        """Work until every slot is done. Raises KeyboardInterrupt once a stop by Ctrl-C is done.

        The first Ctrl-C takes no more boards and finishes those in hand; the second leaves them
        where they are: their units go on at their last proven step.
        """
        unfinished = bool(self._ledger.resume(self._station))
        try:
            with SigintCounter() as sigint:
                for slot in self._slots:
                    self._start(self._serve, slot, unfinished)
                if self._more is not None:
                    self._start(self._wait_for_the_end)
                self._watch(sigint)
        finally:
            self._stop.set()
            self._abandon.set()
            for slot in self._slots:
                slot.close()
        if self._fault is not None:
            raise self._fault
        if sigint.count:
            raise KeyboardInterrupt
        return self.totals

    def stop(self) -> None:
        """Take no more boards."""
        self._stop.set()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watch(self, sigint: SigintCounter) -> None:
        """Show the line until all slots have ended, or have had their time after two Ctrl-C."""
        heard, give_up = 0, math.inf
        while self._goes_on and time.monotonic() < give_up:
            self._view.tick(self.totals)
            self._take_up()
            time.sleep(_TICK)
            if sigint.count == heard:
                continue
            heard = sigint.count
            self._stop.set()
            if heard > 1:
                self._abandon.set()
                give_up = min(give_up, time.monotonic() + _ABANDON)
            self._view.stopping(_FINISHING if heard == 1 else _STOPPING)
        self._view.tick(self.totals)

    @property
    def _goes_on(self) -> bool:
        watching = self._more is not None and not self._stop.is_set()
        return watching or any(thread.is_alive() for thread in self._threads)

    def _take_up(self) -> None:
        """Begin with slots that were not there before."""
        now = time.monotonic()
        if self._more is None or self._stop.is_set() or now - self._looked < _MORE:
            return
        self._looked = now
        for slot in self._more():
            self._slots.append(slot)
            # It has power since just now, and may be binding what it was loaded with before.
            self._start(self._serve, slot, True)

    def _serve(self, slot: Slot, unfinished: bool) -> None:  # noqa: FBT001
        """Work on one board after another of one slot."""
        place = StationSlot(self._station, slot.name)
        hear = partial(self._hear, slot)
        work = UnitWork(self._ledger, self._plan, place, hear, self._company)
        busy = unfinished
        try:
            while True:
                self._view.waiting(slot.name, WAITING)
                board = slot.next_board(self._stop)
                if board is None:
                    break
                result = self._finish(slot, work, board, busy=busy)
                slot.finished(result)
                with self._lock:
                    self.totals.add(result)
                self._look_at_batch()
                self._view.ended(slot.name, result, self.totals)
                if self._company.refuted:
                    self._stop.set()
                if result.end == "stopped" or (result.end == "no serial" and self._more is None):
                    break
                busy = self._may_be_booting()
            self._view.waiting(slot.name, DONE)
        except BaseException as fault:  # noqa: BLE001 - a slot must not end in silence
            self._fault = self._fault or _as_error(fault, slot.name)
            self._stop.set()

    def _finish(
        self, slot: Slot, work: UnitWork, board: ConnectedBoard, *, busy: bool
    ) -> UnitResult:
        """Bring a board to its end, over a ledger that is away and a batch that is used up."""
        self._view.begun(slot.name)
        told = ""
        while True:
            try:
                result = work.run(board, busy=busy)
                if result.end != "no serial" or not self._comes_back(slot):
                    return result
            except LedgerAway as away:
                if away.message != told:
                    self._view.notice(slot.name, Remark(f"{away.message} Waiting.", warning=True))
                told, busy = away.message, True
                if self._stop.wait(_AWAY):
                    return work.stopped(away.message)
            except KeyboardInterrupt:
                return work.stopped(_LEFT)

    def _may_be_booting(self) -> bool:
        """Tell whether the next board may come with an identity, and bind while it is looked at."""
        with contextlib.suppress(LedgerAway):
            counts = self._ledger.counts()
            return self._more is not None and counts[DEFERRED] + counts[FAILED] > 0
        return True

    def _wait_for_the_end(self) -> None:
        """Stop once every unit of the batch has come as far as this line brings it, anywhere."""
        while not self._stop.is_set():
            self._look_at_batch()
            self._stop.wait(_MORE)

    def _look_at_batch(self) -> None:
        """See how the batch stands, at which other stations may work as well.

        A line that watches takes no more boards where nothing of it is left to do.
        """
        with contextlib.suppress(LedgerAway):
            counts = self._ledger.counts(self._plan.batch)
            with self._lock:
                self.totals.see(counts)
            done = counts[PASSED] + (counts[DEFERRED] if self._plan.defer else 0)
            if self._more is not None and done == sum(counts.values()):
                self._stop.set()

    def _comes_back(self, slot: Slot) -> bool:
        """Wait while a unit at work could still give its serial number back; tell if one did."""
        while not self._stop.is_set():
            if self._ledger.counts(self._plan.batch)[FREE]:
                return True
            now = time.time() * 1000
            at_work = self._ledger.entries(self._plan.batch, [WORK])
            if not any(now - unit.changed_ms < _FORGOTTEN * 1000 for unit in at_work):
                return False
            self._view.waiting(slot.name, "waiting for a serial number")
            self._stop.wait(_EMPTY)
        return False

    def _hear(self, slot: Slot, notice: Notice) -> None:
        if self._abandon.is_set():
            # The flows know Ctrl-C: they leave the device running, and no file half written.
            raise KeyboardInterrupt
        self._view.notice(slot.name, notice)


def _as_error(fault: BaseException, slot: str) -> BaseException:
    if isinstance(fault, StartlineError):
        return fault
    bug = Bug(f"Slot {slot} stopped on an internal error ({type(fault).__name__}: {fault}).")
    bug.__cause__ = fault
    return bug
