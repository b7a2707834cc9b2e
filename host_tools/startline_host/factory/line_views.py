"""Shows the line: one live line a slot for a person, plain lines or JSON lines for anything else."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text as Line

from startline_host.device.bootloader import TransferProgress
from startline_host.device.console import Event
from startline_host.device.event_text import describe_event
from startline_host.factory.job import UnitIdentified
from startline_host.factory.totals import DONE, WAITING
from startline_host.flows.live_picture import with_room_for_echo
from startline_host.flows.notices import Notice, Remark, Step
from startline_host.json_output import EventLine, json_line
from startline_host.util import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from rich.console import Console, RenderableType

    from startline_host.factory.job import UnitResult
    from startline_host.factory.totals import RunTotals

_FRAME = 0.12
#: Below so many columns there is no room for a bar.
_NARROW = 60
#: Results that stay in sight below the slots.
_RECENT = 4
_STYLES = {"passed": "green", "seen": "green", "deferred": "cyan", "failed": "red"}
_WORDS = {
    "passed": "passed",
    "seen": "passed before",
    "deferred": "loaded, ships unbound",
    "failed": "FAILED",
    "no serial": "no serial number left",
    "stopped": "stopped",
}


def result_line(result: UnitResult) -> str:
    """Say in one line how the work on a board ended."""
    who = printable(result.serial or result.mac or "an unidentified board")
    return f"{who} {_how(result)}"


def _how(result: UnitResult) -> str:
    why = f": {printable(result.words)}" if result.words else ""
    return f"{_WORDS[result.end]} in {result.seconds:.1f} s{why}"


def totals_line(totals: RunTotals, *, ended: bool = False) -> str:
    """Say in one line what the run amounts to: what is left of it, or once it has `ended`, its time."""
    parts = [f"{totals.made} of {totals.whole} made"] if totals.whole else []
    parts += [f"{totals.passed} passed", f"{totals.failed} failed"]
    parts += [f"{n} {_WORDS[end]}" for end, n in totals.ends.items()
              if end not in {"passed", "failed", "stopped"}]  # fmt: skip
    if totals.yield_ is not None:
        parts.append(f"yield {totals.yield_ * 100:.1f} %")
    if totals.passed and totals.seconds >= 1:
        parts.append(f"{totals.passed * 3600 / totals.seconds:.0f} an hour")
    if totals.seconds_left is not None and totals.seconds >= 1 and not ended:
        parts.append(f"{_spoken(totals.seconds_left)} left")
    return " · ".join(parts) + (f", in {totals.seconds:.0f} s" if ended else "")


def _spoken(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass
class _SlotRow:
    name: str
    serial: str = ""
    words: str = ""
    style: str = "dim"
    share: float | None = None
    since: float = field(default_factory=time.monotonic)
    busy: bool = False
    ended: bool = False


class LiveView:
    """A table on a terminal, drawn anew some times a second."""

    def __init__(self, console: Console, slots: Sequence[str]) -> None:
        self._slots = {name: _SlotRow(name) for name in slots}
        self._recent: list[Line] = []
        self._stopping = ""
        self._lock = threading.Lock()
        self._drawn = 0.0
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The last picture may be older than the last result; the totals are said by themselves.
        self._live.update(self._table(self._console.height - 1), refresh=True)
        self._live.__exit__(kind, error, trace)

    def waiting(self, slot: str, words: str) -> None:
        """Tell that a slot waits, and for what."""
        with self._lock:
            one = self._slots.setdefault(slot, _SlotRow(slot))
            if one.ended and words in {WAITING, DONE}:
                return  # How the last board ended stays in sight until the next one comes.
            one.words, one.style, one.share = printable(words), "dim", None

    def begun(self, slot: str) -> None:
        """Tell that a board came into a slot."""
        with self._lock:
            self._slots[slot] = _SlotRow(slot, words="looking at the board", style="", busy=True)

    def notice(self, slot: str, notice: Notice) -> None:
        """Pass on what happens in a slot."""
        with self._lock:
            one = self._slots.setdefault(slot, _SlotRow(slot))
            if isinstance(notice, TransferProgress):
                one.share = notice.done / notice.total if notice.total else None
            elif isinstance(notice, Step | Remark):
                if isinstance(notice, UnitIdentified):
                    one.serial = printable(notice.serial)
                one.words, one.share = printable(notice.text), None
                one.style = "yellow" if isinstance(notice, Remark) and notice.warning else ""
            elif isinstance(notice, Event):
                one.words, one.share = describe_event(notice), None

    def ended(self, slot: str, result: UnitResult, totals: RunTotals) -> None:
        """Tell how the work on a board ended."""
        del totals
        with self._lock:
            one = self._slots.setdefault(slot, _SlotRow(slot))
            one.serial, one.busy, one.share = printable(result.serial), False, None
            one.ended = True
            one.words, one.style = _how(result), _STYLES.get(result.end, "dim")
            self._recent = [*self._recent, Line(f"slot {slot}: {result_line(result)}", one.style)]
            self._recent = self._recent[-_RECENT:]

    def stopping(self, words: str) -> None:
        """Keep in sight that the line takes no more boards."""
        self._stopping = words

    def tick(self, totals: RunTotals) -> None:
        """Draw, if the last drawing is old enough."""
        now = time.monotonic()
        if now - self._drawn >= _FRAME:
            self._drawn = now
            self._live.update(self.picture(totals), refresh=True)

    def picture(self, totals: RunTotals) -> RenderableType:
        """Return the whole picture as it stands."""
        with self._lock:
            recent = list(self._recent)
        last = [Line(self._stopping, "yellow")] if self._stopping else []
        below = [
            with_room_for_echo(one, self._console)
            for one in (Line(totals_line(totals), "bold"), *last)
        ]
        height = self._console.height
        taken = 1 + sum(len(self._console.render_lines(one, pad=False)) for one in below)
        # The slots come first; how boards ended has the room that they leave.
        spare = max(0, height - taken - len(self._slots) - 2)
        recent = recent[len(recent) - min(spare, len(recent)) :]
        for line in recent:
            line.no_wrap, line.overflow = True, "ellipsis"
        gap = [Line()] if recent else []
        table = self._table(height - taken - len(recent) - len(gap))
        return Group(table, *gap, *recent, *below)

    def _table(self, height: int) -> RenderableType:
        """Return the slots in at most so many lines: those at work first, if not all fit."""
        narrow = self._console.width < _NARROW
        table = Table(box=None, pad_edge=False, expand=True)
        widest = max(6, self._console.width // 4)
        table.add_column("Slot", no_wrap=True, overflow="ellipsis", max_width=widest)
        table.add_column("Serial", no_wrap=True, overflow="ellipsis", max_width=widest)
        if not narrow:
            table.add_column("", width=12)
        table.add_column("", ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column("s", justify="right", width=5)
        with self._lock:
            slots = list(self._slots.values())
            room = max(1, height - 1)
            if len(slots) > room:
                busy = [one for one in slots if one.busy]
                slots = [*busy, *(one for one in slots if not one.busy)][: max(1, room - 1)]
            for one in slots:
                name, serial, _, words, seconds = _cells(one)
                cells = (name, serial, words, seconds) if narrow else _cells(one)
                table.add_row(*cells)
            if hidden := len(self._slots) - len(slots):
                table.add_row(Line("…"), Line(f"{hidden} more", "dim"))
        return table


def _cells(one: _SlotRow) -> tuple[RenderableType, ...]:
    bar: RenderableType = Line()
    if one.share is not None:
        bar = ProgressBar(total=1.0, completed=min(one.share, 1.0), width=12)
    seconds = f"{time.monotonic() - one.since:.0f}" if one.busy else ""
    return Line(one.name), Line(one.serial), bar, Line(one.words, one.style), Line(seconds)


class PlainView:
    """A line for each board that ends, and for each warning: for logs and pipes."""

    def __init__(self, show: Callable[[str], object]) -> None:
        self._to = show
        self._lock = threading.Lock()

    def _show(self, text: str) -> None:
        with self._lock:
            self._to(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing behind."""

    def waiting(self, slot: str, words: str) -> None:
        """Say nothing: waiting is no news."""

    def begun(self, slot: str) -> None:
        """Say nothing: the end is what counts."""

    def notice(self, slot: str, notice: Notice) -> None:
        """Pass on warnings only."""
        if isinstance(notice, Remark) and notice.warning:
            self._show(f"slot {slot}: {printable(notice.text)}")

    def ended(self, slot: str, result: UnitResult, totals: RunTotals) -> None:
        """Say how the work on a board ended, and the totals."""
        self._show(
            f"slot {slot}: {result_line(result)}  ({totals.passed} passed, {totals.failed} failed)"
        )

    def stopping(self, words: str) -> None:
        """Say that the line takes no more boards."""
        self._show(words)

    def tick(self, totals: RunTotals) -> None:
        """Say nothing: a moment is no news."""


class JsonView(PlainView):
    """One JSON object for each board that ends."""

    def notice(self, slot: str, notice: Notice) -> None:
        """Pass on warnings only."""
        if isinstance(notice, Remark) and notice.warning:
            self._tell("warning", slot=slot, text=notice.text)

    def stopping(self, words: str) -> None:
        """Tell that the line takes no more boards."""
        self._tell("stopping", text=words)

    def ended(self, slot: str, result: UnitResult, totals: RunTotals) -> None:
        """Tell how the work on a board ended."""
        del totals
        told = {
            "slot": slot, "end": result.end, "serial": result.serial,
            "mac": result.mac, "reason": result.reason, "words": result.words,
            "seconds": round(result.seconds, 2),
        }  # fmt: skip
        self._tell("unit", **told)

    def _tell(self, name: str, **fields: Any) -> None:
        self._show(json_line(EventLine(source="line", name=name, fields=fields)))
