"""The `startline` command itself, whatever its verbs do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib import import_module
from math import inf, nan

import click
import pytest

from startline_host import cli
from startline_host.cli import main
from startline_host.errors import BadInput
from startline_host.factory.label_layout import LabelSize
from tests.test_json_output import VERBS

#: What a verb cannot do without.
_NEEDED = {"virtual": ["--flash", "flash.bin"]}
_HELP = """
import sys
from startline_host import cli
try:
    cli.main(["--help"])
except SystemExit:
    pass
print(sorted(name for name in sys.modules if name.startswith("startline_host.")), file=sys.stderr)
"""

#: Presses Ctrl-C when the program is about to load what draws its help.
_INTERRUPTED_EARLY = """
import os, runpy, signal, sys
class Finder:
    @staticmethod
    def find_spec(name, *_):
        if name == "rich_click":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
runpy.run_module("startline_host", run_name="__main__")
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "startline_host", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help_lists_verbs_without_importing_them() -> None:
    """`startline --help` tells what every verb does, and imports none."""
    done = subprocess.run(
        [sys.executable, "-c", _HELP], capture_output=True, text=True, check=True, timeout=120
    )
    assert "Take a device from any state to bound and verified." in done.stdout
    imported = done.stderr.strip().splitlines()[-1]
    assert (
        imported
        == "['startline_host.cli', 'startline_host.cli.output', 'startline_host.code_page', 'startline_host.errors', 'startline_host.file_access', 'startline_host.util']"
    )


@pytest.mark.parametrize("name", cli._Verbs().list_commands(click.Context(click.Command("x"))))
def test_the_list_tells_of_a_verb_what_its_own_help_tells(name: str) -> None:
    """The first sentence in the list is that of `startline VERB --help`."""
    module = name.replace("-", "_")
    command = import_module(f"startline_host.cli.{module}").command
    assert isinstance(command, click.Command)
    assert (command.help or "").splitlines()[0] == cli._summary(module).splitlines()[0]


@pytest.mark.parametrize(
    ("words", "begun", "there"),
    [
        (["startline", "up", "--board"], "ESP32_", "ESP32_GENERIC_S3"),
        (["startline"], "rec", "reconcile"),
        (["startline", "set"], "--tr", "--try"),
    ],
)
def test_a_shell_completes_verbs_options_and_boards(
    words: list[str], begun: str, there: str
) -> None:
    """What is begun is completed with what can be meant, as bash asks for it."""
    done = subprocess.run(
        [sys.executable, "-c", "from startline_host.cli import main; main()"],
        env={
            **os.environ, "_STARTLINE_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join([*words, begun]), "COMP_CWORD": str(len(words)),
        },
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert f"plain,{there}" in done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("verb", ["up", "cloud", "bench"])
def test_a_narrow_terminal_cuts_no_option_off(verb: str) -> None:
    """With 20 columns the names of all options are whole; lines may be wrapped by the terminal."""
    command = import_module(f"startline_host.cli.{verb}").command
    done = subprocess.run(
        [sys.executable, "-m", "startline_host", verb, "--help"],
        env={**os.environ, "COLUMNS": "20", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert all(name in done.stdout for name in option.opts), option.opts


def test_help_names_the_environment() -> None:
    """Variables stand beside their options, those without one at the end of the whole help."""
    assert "ESPPORT" in run("status", "--help").stdout
    assert "STARTLINE_READ_KEY" in run("--help").stdout


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_is_told(option: str) -> None:
    """Either spelling tells name and version, and ends with 0."""
    done = run(option)
    assert (done.returncode, done.stdout[:18]) == (0, "startline, version")


@pytest.mark.parametrize(
    ("typed", "meant"), [("reconsile", "reconcile"), ("statsu", "status"), ("erase", None)]
)
def test_a_misspelt_verb_is_suggested_only_if_it_is_near(typed: str, meant: str | None) -> None:
    """A typo names the verb that was meant; another word, which might do harm, names none."""
    done = run(typed)
    assert done.returncode == 2
    assert ("Did you mean" in done.stderr) == (meant is not None)
    assert meant is None or meant in done.stderr


@pytest.mark.parametrize(
    "words",
    ["up --serial --json", "flash --app -p", "ledger export --out -h", "cloud keys add READ --alias --db"],
)  # fmt: skip
def test_an_option_is_no_other_ones_value(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What follows an option whose value was forgotten is not taken for it: a serial number stays."""
    with pytest.raises(SystemExit) as left:
        main(words.split())
    assert left.value.code == 2
    assert f"Option '{words.split()[-2]}' requires an argument." in capsys.readouterr().err


def test_no_number_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """Every option that takes a fraction refuses nan and inf, which no range or wait can hold (2)."""
    found = 0
    for verb, command in VERBS.items():
        for option in command.params:
            if not isinstance(option.type, click.types.FloatParamType):
                continue
            found += 1
            for word in ("nan", "-NaN", "inf", "1e999"):
                with pytest.raises(SystemExit) as left:
                    main([*verb.split(), f"{option.opts[-1]}={word}", *_NEEDED.get(verb, [])])
                said = capsys.readouterr().err
                assert left.value.code == 2, (verb, word, said)
                assert option.opts[-1] in said
    assert found >= 9


def test_a_label_has_a_size() -> None:
    """Millimetres that are no number, or without end, are told (60)."""
    for size in ((nan, 25.0), (50.0, nan), (inf, 25.0)):
        with pytest.raises(BadInput, match="cannot be read"):
            LabelSize(*size)


def test_ctrl_c_ends_the_demo_in_a_word() -> None:
    """`make bench` ends as a verb does, wherever it is: a sentence, 130, and no traceback."""
    with subprocess.Popen(
        [sys.executable, "-m", "startline_host.demo"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = ""
        while "$ startline up" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        os.kill(process.pid, signal.SIGINT)  # a verb that starts just now would say its own word
        said += process.stdout.read()
    assert process.returncode == 130, said
    assert "startline: Interrupted." in said
    assert "Traceback" not in said


def test_a_race_days_link_is_for_boards() -> None:
    """Its virtual readers have a Wi-Fi of their own, so that its help says what --link is for."""
    said = " ".join(run("raceday", "--help").stdout.replace("│", " ").split())
    assert "For boards only." in said
    assert "For boards only." not in run("bench", "--help").stdout


def test_ctrl_c_while_the_program_loads_is_a_word() -> None:
    """Who changes their mind at once sees no traceback either."""
    ended = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_EARLY], capture_output=True, text=True, check=False, timeout=120
    )  # fmt: skip
    assert ended.returncode == 130, ended.stderr
    assert ended.stderr == "startline: Interrupted.\n"
