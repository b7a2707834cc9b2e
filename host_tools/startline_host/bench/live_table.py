"""Shows a bench while it runs: a table that keeps still, or one line a case where nobody watches."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from startline_host.bench.scenarios.catalog import Case
from startline_host.bench.scenarios.runner import CaseResult
from startline_host.flows.live_picture import with_room_for_echo

_MARKS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "error": ("!", "bold red"),
    "skipped": ("–", "dim"),
}
_COUNTED = ("passed", "failed", "error", "skipped")


class LiveTable:
    """A view of the cases of one run; may be told from any thread."""

    def __init__(self, console: Console, cases: Sequence[Case]) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._total = Counter(case.scenario.group for case in cases)
        self._done: dict[str, Counter[str]] = {group: Counter() for group in self._total}
        self._seconds: Counter[str] = Counter()
        self._running: dict[int, Case] = {}
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()
            if kind is None:
                self._console.print(self._table())

    def started(self, case: Case) -> None:
        """Show a case as running."""
        with self._lock:
            self._running[id(case)] = case

    def ended(self, result: CaseResult, log: Path | None = None) -> None:
        """Count a case, and say what went wrong with it, if anything did, and where its log is."""
        case = result.case
        group = case.scenario.group
        with self._lock:
            self._running.pop(id(case), None)
            self._done[group][result.verdict] += 1
            self._seconds[group] += round(result.seconds * 1000)
        if result.verdict in {"failed", "error"} or not self._console.is_terminal:
            self._console.print(_line(result, log), soft_wrap=True)

    def _render(self) -> RenderableType:
        with self._lock:
            running = list(self._running.values())
        lines = [Text(f"  … {case.name}", style="dim", no_wrap=True) for case in running]
        return with_room_for_echo(Group(self._table(), *lines), self._console)

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0))
        table.add_column("group")
        for name in (*_COUNTED, "left", "seconds"):
            table.add_column(name, justify="right")
        with self._lock:
            for group, total in self._total.items():
                done = self._done[group]
                counts = [_count(name, done[name]) for name in _COUNTED]
                left = total - done.total()
                seconds = f"{self._seconds[group] / 1000:.1f}"
                table.add_row(escape(group), *counts, str(left) if left else "", seconds)
        return table


def _count(name: str, count: int) -> Text:
    return Text(str(count) if count else "", style=_MARKS[name][1])


def _line(result: CaseResult, log: Path | None) -> Text:
    mark, style = _MARKS[result.verdict]
    line = Text.assemble(
        (mark, style), f" {result.case.name}  ", (f"{result.seconds:.1f} s", "dim")
    )
    if result.reason:
        line.append(f"\n    {result.reason}", style=style if mark != "–" else "dim")
    if log is not None:
        line.append(f"\n    log: {log}", style="dim")
    return line
