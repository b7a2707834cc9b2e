"""Shows a race day while it runs: a table of its readers that keeps still, or a line a phase."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from startline_host.flows.live_picture import with_room_for_echo
from startline_host.race.day_reader import DayReader

#: Seconds over which a rate is told.
_RATE_OVER = 5.0


class DayTable:
    """A view of one day; a context manager. Where nobody watches it says each phase once."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._phase = ""
        self._stored: dict[str, deque[tuple[float, int]]] = {}
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._quiet:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, phase: str, readers: Sequence[DayReader]) -> None:
        """Show how the readers stand."""
        if self._quiet:
            return
        if self._live.is_started:
            picture = with_room_for_echo(self._table(phase, readers), self._console)
            self._live.update(picture, refresh=True)
        elif phase != self._phase:
            self._console.print(phase, markup=False)
        self._phase = phase

    def _table(self, phase: str, readers: Sequence[DayReader]) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), title=phase, title_justify="left")
        for name in ("reader", "power", "link", "session"):
            table.add_column(name)
        for name in ("crossed", "stored", "a second", "sent", "waiting", "± ms"):
            table.add_column(name, justify="right")
        for reader in readers:
            told = reader.told
            numbers = [told.get(name, "") for name in ("sent", "waiting", "error_ms")]
            table.add_row(
                reader.name,
                "on" if reader.listening else "off",
                "yes" if reader.online else "no",
                str(told.get("sending", "")),
                str(len({one.chip for one in reader.shown})),
                str(told.get("stored", "")),
                self._rate(reader),
                *("" if one is None else str(one) for one in numbers),
            )
        return table

    def _rate(self, reader: DayReader) -> str:
        """Tell how many passings a second it has stored lately."""
        kept = self._stored.setdefault(reader.name, deque())
        now = time.monotonic()
        kept.append((now, len(reader.promised)))
        while kept[0][0] < now - _RATE_OVER:
            kept.popleft()
        (begin, before), (end, after) = kept[0], kept[-1]
        return f"{(after - before) / (end - begin):.1f}" if end > begin else ""
