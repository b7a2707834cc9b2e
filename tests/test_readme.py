"""The README leads to what is there, and the command's own help tells the same as the code."""

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


def help_of(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what --help prints in a terminal of 80 columns."""
    from click.testing import CliRunner

    monkeypatch.setenv("COLUMNS", str(_WIDTH))
    done = CliRunner().invoke(startline, [*arguments, "--help"], prog_name="startline")
    assert done.exit_code == 0, done.output
    return done.output


def test_the_readme_is_a_screen_and_a_half() -> None:
    """It stays short: what is more than a way in belongs to the book."""
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 80


def test_what_the_readme_points_at_is_there() -> None:
    """Every link to a file, and every folder of its table, exists."""
    text = README.read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    folders = re.findall(r"^\| `([^`]+/)`", text, re.MULTILINE)
    assert len(linked) > 8
    assert len(folders) >= 5
    assert [name for name in (*linked, *folders) if not (README.parent / name).exists()] == []


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
