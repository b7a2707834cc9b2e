"""Writes the reference pages that the code itself knows best; run by mkdocs (gen-files)."""

from __future__ import annotations

from collections.abc import Iterable

import click
import mkdocs_gen_files
from startline import limits, states
from startline_race.settings import BATCH, DEAD_TIME

from startline_host.boards import board_names, load_board
from startline_host.cli import startline
from startline_host.errors import EXIT_CODES
from startline_host.mock_cloud.fault_table import ROWS
from startline_host.mock_cloud.proxy_faults import PROXY_ROWS


def _option_row(option: click.Parameter) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if isinstance(option, click.Argument):
        return f"| `{option.human_readable_name}` | | |\n"
    assert isinstance(option, click.Option)  # noqa: S101 - click knows no third kind
    said = [option.help or ""]
    default = option.default
    if option.show_default and default is not None and not callable(default):
        said.append(f"Default: `{default}`.")
    variables = option.envvar
    if variables:
        listed = [variables] if isinstance(variables, str) else list(variables)
        said.append("Environment: " + ", ".join(f"`{one}`" for one in listed) + ".")
    kind = option.make_metavar(click.Context(click.Command("x"))) if not option.is_flag else ""
    return f"| {names} | {kind and f'`{kind}`'} | {' '.join(said).replace('|', '&#124;')} |\n"


def _verb(name: str, command: click.Command, level: int) -> str:
    text = f"{'#' * level} `startline {name}`\n\n{(command.help or '').strip()}\n\n"
    rows = [_option_row(one) for one in command.params if one.name != "help"]
    if rows:
        text += "| option | value | what it does |\n|---|---|---|\n" + "".join(rows) + "\n"
    if isinstance(command, click.Group):
        context = click.Context(command)
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None  # noqa: S101 - it was listed
            text += _verb(f"{name} {sub}", found, level + 1)
    return text


def _verbs_page() -> str:
    text = "# Verbs and exit codes\n\nEvery verb takes `--json` and `--help`.\n"
    text += "Results go to standard output, everything else to standard error.\n\n"
    text += "## Exit codes\n\n| code | meaning |\n|---|---|\n"
    text += "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    text += "\nCtrl-C ends a command with 130, SIGTERM with 143.\n\n"
    context = click.Context(startline)
    for name in startline.list_commands(context):
        command = startline.get_command(context, name)
        assert command is not None  # noqa: S101 - it was listed
        text += _verb(name, command, 2)
    return text


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    text = "| " + " | ".join(head) + " |\n|" + "---|" * len(head) + "\n"
    for row in rows:
        text += "| " + " | ".join(str(cell).replace("|", "&#124;") for cell in row) + " |\n"
    return text + "\n"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _states_page() -> str:
    text = (
        "# States, reasons, events\n\nOne list for both ends: `firmware/startline/states.py`.\n\n"
    )
    text += f"## States\n\n{_codes(states.STATES)}\n\n"
    text += "## Events\n\nEach has `ev`, `n` (sequence number), `ms` (since boot) and `crc` besides.\n\n"
    text += _table(
        ("event", "fields"),
        (
            (f"`{name}`", _codes(has))
            for name, has in {**states.EVENTS, **states.RACE_EVENTS}.items()
        ),
    )
    text += "## Steps that can fail\n\n`%` stands for a number or a word that is not ours.\n\n"
    text += _table(
        ("step", "reasons"), ((f"`{name}`", _codes(has)) for name, has in states.STEPS.items())
    )
    text += f"## Reasons of a record\n\n{_codes(states.RECORD_REASONS)}\n\n"
    text += f"## Warnings\n\n{_codes(states.WARNINGS)}\n\n"
    text += "## What a race says\n\n`%` stands for a number or a word that is not ours.\n\n"
    text += _table(
        ("event", "field", "values"),
        (
            ("`race`, `race_stopped`", "`reason`", _codes(states.RACE_REASONS)),
            ("`race_session`", "`state`", _codes(states.RACE_SESSION_STATES)),
            ("`race_clock`", "`reason`", _codes(states.RACE_CLOCK_REASONS)),
            ("`race_warning`", "`what`", _codes(states.RACE_WARNINGS)),
            ("`race_aside`", "`reason`", _codes(states.RACE_ASIDE_REASONS)),
        ),
    )
    return text


def _settings_page() -> str:
    text = (
        "# Settings\n\nWhat a device is told, by namespace and key. The file `settings.toml` has the "
        "same names as sections and fields; `factory` is `[unit]` there.\n\n"
    )
    rows = []
    for name, kind in states.SETTINGS.items():
        note = (
            "for the application; the agent does not read it" if name in states.FOR_THE_APP else ""
        )
        rows.append((f"`{name}`", kind, note))
    text += _table(("setting", "kind", ""), rows)
    text += "## Ranges\n\nThe host refuses what lies outside.\n\n"
    ranges = {
        "set.boot_limit": (limits.BOOT_LIMIT, "seconds"),
        "set.look_pause": (limits.LOOK_PAUSE, "seconds"),
        "factory.made_at": (limits.MADE_AT, "Unix seconds"),
        "race.dead_time": (DEAD_TIME, "milliseconds"),
        "race.batch": (BATCH, "passings"),
    }
    text += _table(
        ("setting", "lowest", "default", "highest", "unit"),
        ((f"`{name}`", *numbers, unit) for name, (numbers, unit) in ranges.items()),
    )
    return text


def _faults_page() -> str:
    text = "# Faults of the mock cloud\n\n"
    text += "Written as `NAME[:NUMBER][xTIMES][@METHOD][@/PATH]`; see [Mock cloud](mock-cloud.md#faults).\n\n"
    for title, rows in (("In the application", ROWS), ("In the proxy, below TLS", PROXY_ROWS)):
        text += f"## {title}\n\n"
        text += _table(("fault", "what it does"), ((f"`{one}`", rows[one].says) for one in rows))
    return text


def _boards_page() -> str:
    boards = [load_board(name) for name in board_names()]
    rows = (
        (
            f"`{one.full_name}`",
            one.title,
            one.chip,
            f"{one.flash_size >> 20} MiB",
            one.firmware.version,
        )
        for one in boards
    )
    return "# Boards\n\n" + _table(("board", "title", "chip", "flash", "firmware"), rows)


_PAGES = {
    "reference/verbs.md": _verbs_page,
    "reference/states.md": _states_page,
    "reference/settings.md": _settings_page,
    "reference/faults.md": _faults_page,
    "reference/boards.md": _boards_page,
}

for path, make in _PAGES.items():
    with mkdocs_gen_files.open(path, "w") as page:
        page.write(make())
