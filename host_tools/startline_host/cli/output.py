"""What a verb says: results on stdout, all else on stderr; with --json one object a line.

A verb hands its result in with `result`; it is printed once the verb has ended, so that the last
line, and no other, is a `result` or an `error`.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import click

from startline_host.errors import StartlineError

if TYPE_CHECKING:
    from startline_host.flows.notice_view import NoticeView
    from startline_host.json_output import OutputLine, ResultLine


class VerbRun:
    """One run of the command line: how it is to speak, and what it has found."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.quiet = False
        self.verbose = False
        self.verb = ""
        self.found: ResultLine | None = None

    def end(self, exit_code: int) -> None:
        """Print the last line of a verb that did its work."""
        if self.as_json and self.found is not None:
            _print(_with(self.found, verb=self.verb, exit_code=exit_code))

    def fail(self, error: StartlineError, exit_code: int) -> None:
        """Print the last line of a verb that failed."""
        if not self.as_json:
            return
        import msgspec

        from startline_host.json_output import ErrorLine

        found = None
        if self.found is not None:
            found = msgspec.to_builtins(self.found)
            for name in ("kind", "schema", "verb", "exit_code"):
                del found[name]
        _print(
            ErrorLine(
                verb=self.verb,
                exit_code=exit_code,
                message=error.message,
                hint=error.hint,
                result=found,
            )
        )


def this_run() -> VerbRun:
    """Return the run that goes on; a verb called by itself has one of its own."""
    context = click.get_current_context(silent=True)
    run = context.find_object(VerbRun) if context is not None else None
    return run or VerbRun(as_json="--json" in sys.argv)


def result(found: ResultLine) -> None:
    """Keep what the verb's last `--json` line says beside `verb` and `exit_code`."""
    context = click.get_current_context(silent=True)
    run = context.find_object(VerbRun) if context is not None else None
    if run is None:
        _print(found)
    else:
        run.found = found


def event(source: str, name: str, /, **fields: Any) -> None:
    """Print a `--json` line for something that happened."""
    from startline_host.json_output import EventLine

    _print(EventLine(source=source, name=name, fields=fields))


def note(text: str) -> None:
    """Say something beside the result to a person, unless --quiet."""
    from startline_host.util import sentences

    if not this_run().quiet:
        click.echo(sentences(text), err=True)


def repeat(text: str) -> None:
    """Print a result that `view` has said on stderr already, unless a person would read it twice."""
    both_seen = sys.stdout.isatty() and sys.stderr.isatty()
    if this_run().quiet or not both_seen:
        click.echo(text)


def warn(sentence: str) -> None:
    """Say a warning on stderr, and with --json in a line too."""
    from startline_host.util import printable

    click.echo(f"Warning: {printable(sentence)}", err=True)
    if this_run().as_json:
        from startline_host.json_output import ProgressLine

        _print(ProgressLine(level="warning", text=sentence))


def view(*, as_json: bool) -> NoticeView:
    """Return what shows a flow: JSON lines on stdout, or lines and bars on stderr."""
    from rich.console import Console

    from startline_host.flows.notice_view import ConsoleNoticeView, JsonNoticeView

    if as_json:
        return JsonNoticeView(click.echo)
    return ConsoleNoticeView(Console(stderr=True, highlight=False), quiet=this_run().quiet)


def speak(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click calls it so
    """Take -q or -v, and the name of the verb that has it."""
    run = context.find_object(VerbRun)
    if run is None:
        return
    run.verb = context.command_path.partition(" ")[2]
    if not value:
        return
    if parameter.name == "quiet":
        run.quiet = True
        return
    run.verbose = True
    logging.basicConfig(
        level=logging.WARNING, format="%(relativeCreated)8.0f ms  %(message)s", stream=sys.stderr
    )
    logging.getLogger("startline_host").setLevel(logging.DEBUG)


def _with(line: ResultLine, **changes: Any) -> ResultLine:
    import msgspec

    return msgspec.structs.replace(line, **changes)


def _print(line: OutputLine) -> None:
    from startline_host.json_output import json_line

    click.echo(json_line(line))
