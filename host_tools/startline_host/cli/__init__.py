"""The `startline` command: finds its verbs, and turns errors into sentences and exit codes."""

from __future__ import annotations

import ast
import contextlib
import functools
import math
import os
import pkgutil
import shutil
import signal
import sys
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
import rich_click
from click.core import ParameterSource
from startline import __version__

from startline_host.cli import output
from startline_host.code_page import make_encodable
from startline_host.errors import EXIT_CODES, BadInput, Bug, StartlineError
from startline_host.util import file_failure, sentences

#: What a shell reports for a process that Ctrl-C (128 + SIGINT) or SIGTERM ended.
_INTERRUPTED = 130
_TERMINATED = 143

#: Verbs that play readers where no port is named.
_PLAYS_READERS = frozenset({"bench", "raceday"})
#: Files of this package that hold no verb.
_NO_VERBS = frozenset(
    {
        "json_schema",
        "line_results",
        "line_view",
        "link_options",
        "options",
        "output",
        "plan_view",
        "race_view",
        "raceday_view",
        "results",
        "written_files",
    }
)


#: Columns: on a narrower terminal the names of options would be cut off, so help is wrapped by it.
_LEAST_WIDTH = 72


class _Verbs(rich_click.RichGroup):
    """A group whose commands are this package's modules, imported only when asked for."""

    _listing = False

    def get_help(self, ctx: click.Context) -> str:
        """List the verbs by what their sources say of them: to import them all takes a second."""
        self._listing = True
        try:
            return super().get_help(ctx)
        finally:
            self._listing = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every verb, in alphabetical order."""
        return sorted(
            module.name.replace("_", "-")
            for module in pkgutil.iter_modules(__path__)
            if module.name not in _NO_VERBS
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and hand out its `command`."""
        names = self.list_commands(ctx)
        if cmd_name not in names:
            import difflib

            close = difflib.get_close_matches(cmd_name, names, cutoff=0.7)
            if close:
                ctx.fail(f"No such command {cmd_name!r}. Did you mean {' or '.join(close)}?")
            return None
        if self._listing:
            return click.Command(cmd_name, help=_summary(cmd_name.replace("-", "_")))
        module = cmd_name.replace("-", "_")
        try:
            command = import_module(f"{__name__}.{module}").command
        except ModuleNotFoundError as error:
            command = _left_out(cmd_name, _summary(module), error)
        assert isinstance(command, click.Command)  # noqa: S101 - a fault of ours, not of the user
        _add_common(command)
        return command


def _add_common(command: click.Command) -> None:
    """Give a verb, and what is below it, the options that all have."""
    if not any(option.name == "quiet" for option in command.params):
        for option in command.params:
            _want_value(option)
            if isinstance(option.type, click.types.FloatParamType):
                _want_finite(option)
        _keep_inputs(command)
        command.params += [
            click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, is_eager=True,
                         callback=output.speak, help="Print results, warnings and errors only."),
            click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, is_eager=True,
                         callback=output.speak, help="Also print what is called, read and sent."),
        ]  # fmt: skip
    for option in command.params:
        if isinstance(option, click.Option) and option.envvar:
            option.show_envvar = True
    if isinstance(command, click.Group):
        for one in command.commands.values():
            _add_common(one)


def _want_value(option: click.Parameter) -> None:
    """Have an option refuse another option's name as its value.

    Its own was forgotten there: `up --serial --json` would bind a reader of that name, for ever.
    """
    then = option.callback

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if context.get_parameter_source(str(parameter.name)) == ParameterSource.COMMANDLINE:
            names = {name for one in context.command.get_params(context) for name in one.opts}
            given = value if isinstance(value, tuple | list) else (value,)
            if isinstance(parameter, click.Option) and names.intersection(map(str, given)):
                raise click.BadOptionUsage(
                    parameter.opts[-1],
                    f"Option {parameter.opts[-1]!r} requires an argument.",
                    context,
                )
        return value if then is None else then(context, parameter, value)

    option.callback = check


def _want_finite(option: click.Parameter) -> None:
    """Have an option refuse what is a number only to a computer: no range leaves nan out."""
    then = option.callback

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is not None and not math.isfinite(value):
            raise click.BadParameter(f"{value} is no finite number.", context, parameter)
        return value if then is None else then(context, parameter, value)

    option.callback = check


def _keep_inputs(command: click.Command) -> None:
    """Have a verb refuse to write over what it was given to read."""
    then = command.callback
    if then is None:
        return

    @functools.wraps(then)
    def checked(*arguments: Any, **given: Any) -> Any:
        from startline_host.cli.written_files import check_written

        check_written(click.get_current_context())
        return then(*arguments, **given)

    command.callback = checked


def _summary(module: str) -> str:
    """Return the docstring of a verb's `command`, read from its source."""
    source = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == "command":
            return ast.get_docstring(node) or ""
    return ""


def _with_virtual(told: BadInput) -> BadInput:
    """Add to what is missing how to get the program of virtual readers, where that is missing too."""
    from startline_host.virtual.vm_binary import find_micropython

    try:
        find_micropython()
    except BadInput as error:
        hint = f"{told.hint}\nVirtual readers need MicroPython, too. {error.hint}"
        return BadInput(told.message, hint)
    return told


def _left_out(name: str, summary: str, error: ModuleNotFoundError) -> click.Command:
    """Return a verb that needs an extra: its help says how to get it, and so does running it."""
    from startline_host.extras import missing

    told = missing(error)
    if told is None:
        raise error
    if name in _PLAYS_READERS:
        told = _with_virtual(told)

    def fail(**_arguments: object) -> NoReturn:
        raise told

    return rich_click.RichCommand(
        name=name,
        callback=fail,
        help=summary,
        epilog=f"{told.message} {told.hint}",
        # What it takes is not known here: let every word pass.
        params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED, metavar="...")],
        context_settings={"ignore_unknown_options": True},
    )


def _exit_code_table() -> str:
    rows = " · ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())
    return f"Exit codes: {rows}"


#: Variables that stand for no option.
ENVIRONMENT = {
    "STARTLINE_READ_KEY": "READ key of the cloud, which only ever looks",
    "STARTLINE_UNBIND_KEY": "key that may unbind",
    "STARTLINE_WIFI_PASSWORD": "password for set --ssid and bench --ssid",
    "STARTLINE_KEY_HEADER": "header that carries a key: api_key, x-api-key or both",
    "STARTLINE_CLOUD_PASSWORD": "password of a mock cloud's page beyond loopback",
    "STARTLINE_TRACEBACK": "show a fault of startline whole",
    "NO_COLOR": "no colours",
}


def _environment() -> str:
    rows = " · ".join(f"{name} {meaning}" for name, meaning in ENVIRONMENT.items())
    return f"Environment, besides what each verb's --help names: {rows}"


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog=f"{_exit_code_table()}\n\n{_environment()}",
)
@click.version_option(__version__, "-V", "--version", prog_name="startline")
def startline() -> None:
    """Take a blank ESP32 timing reader to bound, verified and ready to time."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave with a documented exit code (never with a traceback).

    With STARTLINE_TRACEBACK set, a fault of ours is shown whole.
    """
    # As an exception, so that files with secrets are removed on this path too.
    signal.signal(signal.SIGTERM, _leave)
    make_encodable(sys.stdout, sys.stderr)
    if shutil.get_terminal_size().columns < _LEAST_WIDTH:
        rich_click.rich_click.WIDTH = _LEAST_WIDTH
    arguments = sys.argv[1:] if arguments is None else arguments
    run = output.VerbRun(as_json="--json" in arguments)
    sys.exit(_run(arguments, run))


def _run(arguments: list[str], run: output.VerbRun) -> int:
    """Run a verb, print its last line, and return the exit code."""
    try:
        code = startline.main(arguments, prog_name="startline", standalone_mode=False, obj=run)
        ended = code if isinstance(code, int) else 0
        run.end(ended)
    except SystemExit as left:
        return _left(run, left)
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.UsageError) and error.ctx is not None:
            run.verb = error.ctx.command_path.partition(" ")[2]
        run.fail(StartlineError(error.format_message()), error.exit_code)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _failed(run, StartlineError("Interrupted."), _INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone: nothing is left to tell it.
        _mute()
        return 0
    except Exception as fault:
        told = _told(fault)
        if isinstance(told, Bug) and os.environ.get("STARTLINE_TRACEBACK"):
            raise
        return _failed(run, told, told.exit_code)
    return ended


def _left(run: output.VerbRun, left: SystemExit) -> int:
    """Return the exit code of a verb that left in the middle, by a signal or by its own decision."""
    if isinstance(left.__context__, BrokenPipeError):
        _mute()  # click and rich leave so, with 1, where the reader of our output has gone
        return 0
    ended = left.code if isinstance(left.code, int) else 1
    if ended in {_INTERRUPTED, _TERMINATED}:
        words = "Interrupted." if ended == _INTERRUPTED else "Terminated."
        return _failed(run, StartlineError(words), ended)
    run.end(ended)
    return ended


def _failed(run: output.VerbRun, error: StartlineError, code: int) -> int:
    """Say what went wrong: a sentence and a hint on stderr, with --json the last line on stdout."""
    try:
        click.echo(f"startline: {sentences(error.message)}", err=True)
        if error.hint:
            click.echo(f"  {sentences(error.hint)}", err=True)
        run.fail(error, code)
        sys.stdout.flush()
    except OSError:
        # Nobody can be told there: what waits in the buffers would fail once more at the end.
        _mute()
    return code


def _mute() -> None:
    """Send what is still written to stdout and stderr nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


def _told(fault: Exception) -> StartlineError:
    """Return what a person is told of an exception that left a verb."""
    if isinstance(fault, StartlineError):
        return fault
    if isinstance(fault, ModuleNotFoundError):
        from startline_host.extras import missing

        if (extra := missing(fault)) is not None:
            return extra
    told = file_failure(fault) if isinstance(fault, OSError) and not _is_ours(fault) else None
    if told is not None:
        return told
    return Bug(
        f"This is a fault in startline ({type(fault).__name__}: {fault}).",
        "Run it again with STARTLINE_TRACEBACK=1 and report what it prints.",
    )


def _is_ours(fault: OSError) -> bool:
    """Tell whether a file of this package is at fault, which no user named."""
    name = fault.filename
    return isinstance(name, str) and Path(name).is_relative_to(Path(__file__).parents[1])


def _leave(signum: int, frame: FrameType | None) -> NoReturn:
    sys.exit(_TERMINATED)
