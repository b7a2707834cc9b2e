"""The line: every slot at work at once, until the batch is made or somebody says stop."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

import msgspec

from host_tools.errors import Bug, StartlineError
from host_tools.factory.database import LedgerAway
from host_tools.factory.entries import Place
from host_tools.factory.job import Plan, Result
from host_tools.factory.live import WAITING
from host_tools.factory.schema import FREE, WORK
from host_tools.factory.work import UnitWork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from host_tools.bench.notices import Notice
    from host_tools.factory.job import Plugged
    from host_tools.factory.ledger import Ledger
    from host_tools.factory.slots import Slot

#: Seconds between two looks of the main thread, between tries of a ledger that is away, and of
#: a board that waits for a serial number that another slot may give back.
_TICK, _AWAY, _EMPTY = 0.1, 2.0, 1.0
#: Seconds after which a unit that nobody moved on is not waited for: its station was stopped.
_FORGOTTEN = 300.0
#: Seconds that slots are given to end after the second Ctrl-C.
_ABANDON = 10.0


class View(Protocol):
    """Shows a line at work; called from the slots' own threads."""

    def waiting(self, slot: str, words: str) -> None:
        """Tell that a slot waits, and for what."""

    def begun(self, slot: str) -> None:
        """Tell that a board came into a slot."""

    def notice(self, slot: str, notice: Notice) -> None:
        """Pass on what happens in a slot."""

    def ended(self, slot: str, result: Result, totals: Totals) -> None:
        """Tell how the work on a board ended."""

    def tick(self, totals: Totals) -> None:
        """Take a moment of the main thread."""


class Totals(msgspec.Struct):
    """What this run did so far: ends by name, failures by reason, and the seconds since it began."""

    ends: dict[str, int] = {}
    reasons: dict[str, int] = {}
    exit_codes: dict[int, int] = {}
    began: float = msgspec.field(default_factory=time.monotonic)

    def add(self, result: Result) -> None:
        """Count a board."""
        self.ends[result.end] = self.ends.get(result.end, 0) + 1
        if result.end == "failed":
            self.reasons[result.reason] = self.reasons.get(result.reason, 0) + 1
            self.exit_codes[result.exit_code] = self.exit_codes.get(result.exit_code, 0) + 1

    @property
    def passed(self) -> int:
        """Boards that passed in this run."""
        return self.ends.get("passed", 0)

    @property
    def failed(self) -> int:
        """Boards that failed in this run."""
        return self.ends.get("failed", 0)

    @property
    def yield_(self) -> float | None:
        """The share that passed of those that ended; None while there is none."""
        ended = self.passed + self.failed
        return self.passed / ended if ended else None

    @property
    def seconds(self) -> float:
        """How long the run has lasted."""
        return time.monotonic() - self.began


class FactoryLine:
    """Works on the boards of all slots at once, each slot in a thread of its own."""

    def __init__(
        self, ledger: Ledger, plan: Plan, slots: Sequence[Slot], station: str, view: View
    ) -> None:
        self._ledger = ledger
        self._plan = plan
        self._slots = slots
        self._station = station
        self._view = view
        self._stop = threading.Event()
        self._abandon = threading.Event()
        self._lock = threading.Lock()
        self._fault: BaseException | None = None
        self.totals = Totals()

    def run(self) -> Totals:
        """Work until every slot is done. Raises KeyboardInterrupt once a stop by Ctrl-C is done.

        The first Ctrl-C takes no more boards and finishes those in hand; the second leaves them
        where they are: their units go on at their last proven step.
        """
        unfinished = bool(self._ledger.resume(self._station))
        threads = [
            threading.Thread(target=self._serve, args=(slot, unfinished), daemon=True)
            for slot in self._slots
        ]
        for thread in threads:
            thread.start()
        try:
            self._watch(threads)
        finally:
            self._stop.set()
            for slot in self._slots:
                slot.close()
        if self._fault is not None:
            raise self._fault
        return self.totals

    def stop(self) -> None:
        """Take no more boards."""
        self._stop.set()

    def _watch(self, threads: Sequence[threading.Thread]) -> None:
        """Show the line until all threads have ended; count Ctrl-C."""
        presses = 0
        give_up: float | None = None
        while any(thread.is_alive() for thread in threads):
            try:
                self._view.tick(self.totals)
                time.sleep(_TICK)
            except KeyboardInterrupt:
                presses += 1
                self._stop.set()
                if presses > 1:
                    self._abandon.set()
                    give_up = time.monotonic() + _ABANDON
                for slot in self._slots:
                    self._view.waiting(slot.name, "finishing" if presses == 1 else "stopping")
            if give_up is not None and time.monotonic() > give_up:
                break
        self._view.tick(self.totals)
        if presses:
            raise KeyboardInterrupt

    def _serve(self, slot: Slot, unfinished: bool) -> None:  # noqa: FBT001
        """Work on one board after another of one slot."""
        place = Place(self._station, slot.name)
        work = UnitWork(self._ledger, self._plan, place, lambda notice: self._hear(slot, notice))
        busy = unfinished
        try:
            while True:
                self._view.waiting(slot.name, WAITING)
                board = slot.next_board(self._stop)
                if board is None:
                    break
                result = self._finish(slot, work, board, busy=busy)
                busy = False
                slot.finished(result)
                with self._lock:
                    self.totals.add(result)
                self._view.ended(slot.name, result, self.totals)
                if result.end in {"no serial", "stopped"}:
                    break
            self._view.waiting(slot.name, "done")
        except BaseException as fault:  # noqa: BLE001 - a slot must not end in silence
            self._fault = self._fault or _as_error(fault, slot.name)
            self._stop.set()

    def _finish(self, slot: Slot, work: UnitWork, board: Plugged, *, busy: bool) -> Result:
        """Bring a board to its end, over a ledger that is away and a batch that is used up."""
        self._view.begun(slot.name)
        while True:
            try:
                result = work.run(board, busy=busy)
            except LedgerAway as away:
                self._view.waiting(slot.name, away.message)
                busy = True
                if self._stop.wait(_AWAY):
                    return Result(end="stopped", words=away.message)
                continue
            except KeyboardInterrupt:
                return Result(end="stopped")
            if result.end != "no serial" or not self._comes_back(slot):
                return result

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
    bug = Bug(f"Slot {slot} ended by a fault of ours ({type(fault).__name__}: {fault}).")
    bug.__cause__ = fault
    return bug
