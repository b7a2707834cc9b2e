"""Writes the reference pages that the code itself knows best; run by mkdocs (gen-files)."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterable
from typing import Any

import click
import mkdocs_gen_files
from startline import states

from startline_host.bench import pytest_plugin, station
from startline_host.bench.scenarios.catalog import load_scenarios
from startline_host.bench.scenarios.race_model import RACE_ORDERS
from startline_host.boards import board_names, load_board
from startline_host.cli import ENVIRONMENT, startline
from startline_host.cli.json_schema import schema
from startline_host.clouds.cloud_registry import claim_settings
from startline_host.errors import EXIT_CODES
from startline_host.formats.factory_partition import RANGES
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.mock_cloud.fault_table import ROWS
from startline_host.mock_cloud.proxy_faults import PROXY_ROWS
from startline_host.virtual.world_keys import ACCESS_POINT_KEYS, WORLD_KEYS, WorldKey


def _option_row(option: click.Parameter) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if isinstance(option, click.Argument):
        return f"| `{option.human_readable_name}` | | |\n"
    assert isinstance(option, click.Option)  # noqa: S101 - click knows no third kind
    said = [option.help or ""]
    default = option.default
    if option.show_default and default is not None and not callable(default):
        if option.secondary_opts:
            default = (option.opts if default else option.secondary_opts)[0]
        said.append(f"Default: `{default}`.")
    variables = option.envvar
    if variables:
        listed = [variables] if isinstance(variables, str) else list(variables)
        said.append("Environment: " + ", ".join(f"`{one}`" for one in listed) + ".")
    kind = option.make_metavar(click.Context(click.Command("x"))) if not option.is_flag else ""
    return f"| {names} | {kind and f'`{kind}`'} | {' '.join(said).replace('|', '&#124;')} |\n"


def _verb(name: str, command: click.Command, level: int) -> str:
    text = f"{'#' * level} `startline {name}`\n\n{inspect.cleandoc(command.help or '')}\n\n"
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
    text = "# Verbs and exit codes\n\nEvery verb takes `--json`, `-q`/`--quiet`, `-v`/`--verbose` and `--help`.\n"
    text += "Results go to standard output, everything else to standard error.\n\n"
    text += "## Exit codes\n\n| code | meaning |\n|---|---|\n"
    text += "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    text += "\n## Environment\n\nOptions name their variables below. Besides them:\n\n"
    text += _table(("variable", "meaning"), ((f"`{k}`", v) for k, v in ENVIRONMENT.items()))
    text += "## Shell completion\n\n"
    text += (
        "Verbs, options, boards and ports are completed. Once a shell, or in its start file:\n\n"
    )
    text += "| shell | command |\n|---|---|\n"
    text += '| bash | `eval "$(_STARTLINE_COMPLETE=bash_source startline)"` |\n'
    text += '| zsh | `eval "$(_STARTLINE_COMPLETE=zsh_source startline)"` |\n'
    text += "| fish | `_STARTLINE_COMPLETE=fish_source startline &#124; source` |\n\n"
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
    for name, kind in {**states.SETTINGS, **claim_settings()}.items():
        note = (
            "for the application; the agent does not read it" if name in states.FOR_THE_APP else ""
        )
        rows.append((f"`{name}`", kind, note))
    text += _table(("setting", "kind", ""), rows)
    text += "## Ranges\n\nThe host refuses what lies outside.\n\n"
    text += _table(
        ("setting", "lowest", "default", "highest", "unit"),
        ((f"`{name}`", *numbers, unit) for name, (numbers, unit) in RANGES.items()),
    )
    return text


def _faults_page() -> str:
    text = "# Faults of the mock cloud\n\n"
    text += "Written as `NAME[:NUMBER][xTIMES][@METHOD][@/PATH]`; see [Mock cloud](mock-cloud.md#faults).\n\n"
    for title, rows in (("In the application", ROWS), ("In the proxy, below TLS", PROXY_ROWS)):
        text += f"## {title}\n\n"
        text += _table(("fault", "what it does"), ((f"`{one}`", rows[one].says) for one in rows))
    return text


def _scenarios_page() -> str:
    text = "# Scenarios\n\nWhat `startline bench` runs; see [Write a scenario](../how-to/write-a-scenario.md).\n\n"
    scenarios = load_scenarios()
    for group in dict.fromkeys(one.group for one in scenarios):
        text += f"## {group}\n\n"
        rows = (
            (f"`{one.name}`", one.says, ", ".join(one.keys))
            for one in scenarios
            if one.group == group
        )
        text += _table(("scenario", "what happens", "keys"), rows)
    text += "## Orders in a race\n\nLines of an act's `race`:\n\n"
    orders = ((f"`{order}`", meaning) for order, meaning in RACE_ORDERS.items())
    return text + _table(("order", "what the reader's program does"), orders)


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


def _world_page() -> str:
    def table(keys: types.MappingProxyType[str, WorldKey]) -> str:
        return _table(
            ("key", "type", "meaning"),
            (
                (f"`{name}`", key.type, f"{key.meaning} Default: `{key.default}`.")
                for name, key in keys.items()
            ),
        )

    text = "# Virtual ESP32: the world file\n\n"
    text += "`startline virtual --world FILE` takes a JSON object; every key may be missing. "
    text += "It is read again at each use.\n\n" + table(WORLD_KEYS)
    text += "## An access point\n\n" + table(ACCESS_POINT_KEYS)
    return text


def _mock_options_page() -> str:
    command = startline.get_command(click.Context(startline), "cloud")
    assert command is not None  # noqa: S101 - it is there
    text = "# Mock cloud: options\n\n## On the command line\n\n"
    text += _verb("cloud", command, 3).partition("\n\n")[2]
    text += "## In Python\n\n" + (inspect.getdoc(MockOptions) or "") + "\n\n"
    parameters = inspect.signature(MockOptions).parameters.values()
    text += _table(
        ("argument", "type", "default"),
        ((f"`{one.name}`", f"`{one.annotation}`", f"`{one.default!r}`") for one in parameters),
    )
    text += "## The running cloud\n\n" + (inspect.getdoc(MockCloud) or "") + "\n\n"
    return text + _members(MockCloud)


def _members(kind: type) -> str:
    """Return a table of a class's public methods and properties, from their docstrings."""
    rows = []
    for name, member in vars(kind).items():
        inner = member.fget if isinstance(member, property) else member
        if name.startswith("_") or not inspect.isfunction(inner):
            continue
        shown = name
        if not isinstance(member, property):
            arguments = list(inspect.signature(inner).parameters.values())[1:]
            shown += f"({', '.join(str(one) for one in arguments)})".replace("'", "")
        rows.append((f"`{shown}`", " ".join((inspect.getdoc(inner) or "").split())))
    return _table(("member", "what it does"), rows)


def _pytest_page() -> str:
    text = "# pytest fixtures\n\n" + (inspect.getdoc(pytest_plugin) or "") + "\n\n"
    text += "## Fixtures\n\n"
    rows = []
    for name in ("startline_device", "startline_cloud", "startline_station"):
        function = getattr(pytest_plugin, name)
        said = inspect.getdoc(getattr(function, "__wrapped__", function)) or ""
        rows.append((f"`{name}`", said))
    text += _table(("fixture", "what it is"), rows)
    signature, _, said = " ".join(pytest_plugin.MARKER.split()).partition(": ")
    text += f"## Marker\n\n`{signature}`: {said}\n\n"
    text += "## Options and settings\n\n"
    text += _table(("name", "what it does"), _plugin_options())
    for kind in vars(station).values():
        if inspect.isclass(kind) and kind.__module__ == station.__name__:
            text += f"## {kind.__name__}\n\n{inspect.getdoc(kind)}\n\n{_members(kind)}"
    return (
        text + "`startline_cloud` is a `MockCloud`; see [Mock cloud: options](mock-options.md).\n"
    )


def _plugin_options() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    class Recorder:
        def getgroup(self, _name: str) -> Recorder:
            return self

        def addoption(self, name: str, **told: str) -> None:
            found.append((f"`{name}`", told["help"]))

        def addini(self, name: str, help: str, **_told: object) -> None:  # noqa: A002 - pytest's name
            found.append((f"`{name}` (ini)", help))

    pytest_plugin.pytest_addoption(Recorder())  # type: ignore[arg-type]
    return found


def _field_rows(part: dict[str, Any]) -> Iterable[tuple[object, ...]]:
    for name, field in part["properties"].items():
        kinds = [one.get("type") for one in field.get("anyOf", [field])]
        fixed = field.get("enum", []) if name in {"kind", "verb", "level", "schema"} else []
        kind = _codes(map(str, fixed)) or " or ".join(str(one) for one in kinds)
        yield f"`{name}`", kind, field["description"]


def _json_page() -> str:
    text = (
        "# JSON output\n\n"
        "With `--json` every verb prints JSON lines on standard output: one object a line, in "
        "ASCII. Each has `schema` (1 today) and `kind`. The last line, and no other, is a `result` "
        "or an `error`; usage errors and Ctrl-C end with an `error` as well. The command ends with "
        "that line's `exit_code`. Fields are added without notice; `schema` counts up when one is "
        "renamed, removed or changes its meaning.\n\n"
        "The same as [JSON Schema](startline-output.schema.json); in Python: "
        "`startline_host.cli.json_schema.schema()`.\n\n"
    )
    for part in schema()["$defs"].values():
        verbs = part["properties"].get("verb", {}).get("enum", [])
        title = f"Result of {_codes(verbs)}" if verbs else part["properties"]["kind"]["enum"][0]
        text += f"## {title.capitalize() if not verbs else title}\n\n"
        text += "" if verbs else f"{part['description']}\n\n"
        text += _table(("field", "type", "meaning"), _field_rows(part))
    return text


_PAGES = {
    "reference/world.md": _world_page,
    "reference/mock-options.md": _mock_options_page,
    "reference/pytest.md": _pytest_page,
    "reference/json.md": _json_page,
    "reference/startline-output.schema.json": lambda: json.dumps(schema(), indent=2),
    "reference/verbs.md": _verbs_page,
    "reference/states.md": _states_page,
    "reference/settings.md": _settings_page,
    "reference/faults.md": _faults_page,
    "reference/scenarios.md": _scenarios_page,
    "reference/boards.md": _boards_page,
}

for path, make in _PAGES.items():
    with mkdocs_gen_files.open(path, "w") as page:
        page.write(make())
