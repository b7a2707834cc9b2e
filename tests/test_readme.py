"""The README's tables and the command's own help tell the same as the code."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from startline_host.cli import startline
from startline_host.errors import EXIT_CODES

README = Path(__file__).parents[1] / "README.md"
_WIDTH = 80


def verbs() -> list[str]:
    """Name every verb of the command."""
    return startline.list_commands(click.Context(startline))


def table(heading: str) -> list[list[str]]:
    """Return the README's table whose first column has that heading: its rows, cell by cell."""
    found: list[list[str]] = []
    inside = False
    for line in README.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        inside = line.startswith("|") and (inside or cells[0] == heading)
        if inside:
            found.append(cells)
    assert len(found) > 2, f"the README has no table with the heading {heading!r}"
    return found[2:]


def help_of(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what --help prints in a terminal of 80 columns."""
    from click.testing import CliRunner

    monkeypatch.setenv("COLUMNS", str(_WIDTH))
    done = CliRunner().invoke(startline, [*arguments, "--help"], prog_name="startline")
    assert done.exit_code == 0, done.output
    return done.output


def test_the_readme_has_every_verb_and_no_other() -> None:
    """Its table of verbs is complete, without duplicates and without what is not there."""
    named = [re.findall(r"^`(?:startline )?([a-z-]+)", row[0])[0] for row in table("verb")]
    assert sorted(named) == verbs()


def test_the_readme_has_every_exit_code_with_its_meaning() -> None:
    """Its table of exit codes is the one in the code, word for word."""
    told = {int(code): meaning for code, meaning in table("exit code")}
    assert told == EXIT_CODES


@pytest.mark.parametrize("verb", ["", *verbs()])
def test_help_fits_a_terminal(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every help page fits 80 columns, and no option or verb goes without a word about it."""
    text = help_of([verb] if verb else [], monkeypatch)
    assert max(map(len, text.splitlines())) <= _WIDTH
    assert f"Usage: startline {verb}".strip() in text


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_explains_itself(verb: str) -> None:
    """Each verb has a first sentence, each of its options a help text, and --json is among them."""
    command = startline.get_command(click.Context(startline), verb)
    assert command is not None
    everything = _with_children(command)
    for one in everything:
        assert one.help
        named = [option for option in one.params if isinstance(option, click.Option)]
        assert [option.name for option in named if not option.help and not option.hidden] == []
    if not isinstance(command, click.Group):
        assert "--json" in {name for option in command.params for name in option.opts}


def test_the_groups_help_has_the_exit_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`startline --help` ends with every exit code and what it means."""
    text = re.sub(r"[\s│]+", " ", help_of([], monkeypatch))
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning}" in text


def _with_children(command: click.Command) -> list[click.Command]:
    if not isinstance(command, click.Group):
        return [command]
    return [
        command,
        *(child for one in command.commands.values() for child in _with_children(one)),
    ]
