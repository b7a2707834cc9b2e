"""Shows a flow's notices: as lines and bars for a person, or as JSON lines for a program."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text as Line

from startline_host.device.bootloader import TransferProgress
from startline_host.device.console import ConsoleLine, Event
from startline_host.device.event_text import describe_event
from startline_host.flows.notices import Notice, Remark, Step
from startline_host.json_output import EventLine, OutputLine, ProgressLine, json_line


class NoticeView(Protocol):
    """Something that is told notices while it is open."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and leave the terminal in order."""

    def __call__(self, notice: Notice) -> None:
        """Show one notice."""


class ConsoleNoticeView:
    """Lines on a rich console; a moving bar only where somebody sees it move.

    Everything from a device is plain text to rich: no markup, no highlighting, no controls.
    If `quiet`, only warnings are shown.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_bar()

    def __call__(self, notice: Notice) -> None:
        """Show one notice."""
        if self._quiet and not (isinstance(notice, Remark) and notice.warning):
            return
        if isinstance(notice, TransferProgress):
            self._progress(notice)
            return
        self._end_bar()
        self._console.print(_line(notice), soft_wrap=True)

    def _progress(self, notice: TransferProgress) -> None:
        if not self._console.is_terminal:
            return
        if self._bar is None:
            columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn())
            self._bar = Bar(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task(notice.verb, total=notice.total)
            self._bar.start()
        if self._task is not None:
            self._bar.update(
                self._task,
                description=notice.verb,
                total=notice.total,
                completed=notice.done,
            )

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None


class JsonNoticeView:
    """One JSON object a line: what the device says as events, all else as progress."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return

    def __call__(self, notice: Notice) -> None:
        """Show one notice."""
        self._write(json_line(as_line(notice)))


def as_line(notice: Notice) -> OutputLine:
    """Return a notice as the line that `--json` prints."""
    if isinstance(notice, Event):
        return EventLine(
            source="device",
            name=notice.name,
            n=notice.number,
            ms=notice.ms,
            fields=dict(notice.fields),
        )
    if isinstance(notice, ConsoleLine):
        return EventLine(source="console", name="line", fields={"line": notice.line})
    if isinstance(notice, TransferProgress):
        return ProgressLine(
            level="transfer", text=notice.verb, done=notice.done, total=notice.total
        )
    if isinstance(notice, Remark):
        return ProgressLine(level="warning" if notice.warning else "remark", text=notice.text)
    return ProgressLine(level="step", text=notice.text)


def _line(notice: Event | ConsoleLine | Step | Remark) -> Line:
    if isinstance(notice, Step):
        return Line(f"{notice.text} ...", style="bold")
    if isinstance(notice, Remark):
        style = "yellow" if notice.warning else ""
        return Line(f"  {notice.text}", style=style)
    if isinstance(notice, Event):
        style = _STYLES.get(notice.name, "")
        return Line.assemble(
            (f"  {notice.ms / 1000:8.3f} s  ", "dim"), (describe_event(notice), style)
        )
    return Line(f"              {notice.line}", style="dim")


_STYLES = {"failed": "red", "warning": "yellow", "unprovisioned": "red", "ready": "bold green"}
