"""What `--json` prints: one shape for every verb, held by the JSON Schema."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest

from startline_host.cli import main, startline
from startline_host.cli.results import RESULTS
from tests.json_lines import checked


def leaves(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Give every verb that can be typed, `cloud` and `cloud keys` among them."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None
            yield from leaves(found, f"{name} {sub}".strip())
        if not command.invoke_without_command:
            return
    yield name, command


VERBS = dict(leaves(startline))


def test_every_verb_has_a_result_and_the_options_that_all_have() -> None:
    """Each verb's result is described, and each takes --json, --quiet and --verbose."""
    assert RESULTS.keys() == VERBS.keys()
    for name, command in VERBS.items():
        taken = {word for option in command.params for word in option.opts}
        assert {"--json", "-q", "-v"} <= taken, name


@pytest.mark.parametrize("verb", VERBS)
def test_a_usage_error_is_the_last_line(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is typed wrong is told as an error with the verb and exit code 2."""
    with pytest.raises(SystemExit) as left:
        main([*verb.split(), "--no-such-option", "--json"])
    (line,) = checked(capsys.readouterr().out)
    assert (line["kind"], line["verb"], line["exit_code"]) == ("error", verb, 2)
    assert left.value.code == 2
    assert "--no-such-option" in line["message"]


@pytest.mark.parametrize(
    ("sent", "words", "end"),
    [
        ("SIGINT", ["cloud", "--port", "0", "--http-port", "0"], ("result", 0)),
        ("SIGTERM", ["virtual", "--flash", "flash.bin"], ("result", 0)),
        ("SIGINT", ["line", "--virtual", "1"], ("error", 130)),
        ("SIGTERM", ["line", "--virtual", "1"], ("error", 143)),
    ],
)
def test_a_signal_ends_with_a_last_line(
    sent: str, words: list[str], end: tuple[str, int], tmp_path: Any
) -> None:
    """A server that is stopped has done its work; any other verb says that it was ended."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "startline_host", *words, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        first = "" if words[0] == "line" else process.stdout.readline()
        if not first:
            plant = tmp_path / "startline-virtual"
            while not plant.exists() and process.poll() is None:
                pass
        process.send_signal(getattr(signal, sent))
        last = checked(first + process.stdout.read())[-1]
    assert (last["kind"], last["exit_code"]) == end
    assert process.returncode == end[1]
