"""Writes the reference pages that the code itself knows best; run by mkdocs (gen-files)."""

from __future__ import annotations

import click
import mkdocs_gen_files
from startline_host.cli import startline
from startline_host.errors import EXIT_CODES


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


with mkdocs_gen_files.open("reference/verbs.md", "w") as page:
    page.write(_verbs_page())
