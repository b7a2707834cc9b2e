"""Every command of the book and the README works, and every file that they show is a right one."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import click
import msgspec
import pytest
import yaml

from startline_host import cli
from startline_host.cli import results, startline
from startline_host.flows.settings_file import load_settings
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.virtual import VirtualEsp32
from tests.book.pages import CLASSES, ROOT, Block, blocks, name_of, pages
from tests.book.shell import MODEL, SERIAL, Shell, environment, write_settings, write_world

#: The languages of blocks that hold no command.
_LANGUAGES = {"ini", "json", "python", "toml", "yaml"}
_PAGES = {name_of(page): list(blocks(page)) for page in pages()}
_RUN = {name: found for name, found in _PAGES.items() if any(block.is_run for block in found)}
#: Of each page the commands that are not run: their arguments are checked all the same.
_NOT_RUN = sorted(
    (name, command)
    for name, found in _PAGES.items()
    for block in found
    if "console" in block.classes and not block.is_run
    for command in block.commands
)


@pytest.fixture(scope="session")
def cloud() -> Iterator[MockCloud]:
    """Run the cloud that all pages share."""
    with MockCloud(MockOptions(proxied=True)) as running:
        yield running


@pytest.fixture(scope="session")
def loaded(cloud: MockCloud, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the flash of a reader that `startline up` has bound."""
    folder = tmp_path_factory.mktemp("bound")
    write_settings(folder, cloud)
    flash = folder / "flash"
    with VirtualEsp32(flash, world=write_world(folder)) as chip:
        command = f"startline up -p {chip.url} --serial {SERIAL} --model '{MODEL}'"
        subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment(folder, cloud), check=True,
            capture_output=True, timeout=240,
        )  # fmt: skip
    return flash.read_bytes()


@pytest.mark.parametrize("page", _RUN)
def test_the_commands_of_a_page_work(
    page: str, tmp_path: Path, cloud: MockCloud, loaded: bytes
) -> None:
    """In their order, in a folder with the files that the page shows, each ends with 0."""
    with ExitStack() as stack:
        # Several pages begin with `make bench`: the README's stands for all of them.
        shell = Shell(tmp_path, cloud, loaded, stack, make=page == "README.md")
        for block in _PAGES[page]:
            if block.title and block.title != "settings.toml":
                path = tmp_path / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(shell.with_free_ports(block.body), encoding="utf-8")
        for block in _PAGES[page]:
            if block.is_run:
                for command in block.commands:
                    (shell.start if "until-stopped" in block.classes else shell.run)(command)


@pytest.mark.parametrize("page", _PAGES)
def test_the_blocks_of_a_page_are_what_they_say(
    page: str, tmp_path: Path, cloud: MockCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known languages and classes alone, code that compiles, settings that load, no shell by another name."""
    for block in _PAGES[page]:
        if "console" in block.classes:
            assert block.classes <= CLASSES, block
            assert block.commands, block
            continue
        assert block.language in _LANGUAGES, block
        if block.language == "python":
            compile(block.body, page, "exec")
        elif block.language == "json":
            json.loads(block.body)
        elif block.language == "toml":
            tomllib.loads(block.body)
        elif block.language == "yaml":
            yaml.safe_load(block.body)
        if block.title in {"settings.toml", "vms.toml"} and "base_url" in block.body:
            _check_settings(block, tmp_path, cloud, monkeypatch)


def test_the_verb_of_its_page_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The two blocks of "Add a verb" are all that such a verb takes: its file, and its result."""
    page = "docs/how-to/add-a-verb.md"
    verb, result = (block.body for block in _PAGES[page] if block.language == "python")
    names = dict(vars(results))
    exec(compile(result, page, "exec", dont_inherit=True), names)  # noqa: S102
    monkeypatch.setattr(results, "Hello", names["Hello"], raising=False)
    told = msgspec.json.schema(names["Hello"])["$defs"]["Hello"]["properties"]["title"]
    assert told["description"] == "name of the board"
    monkeypatch.setattr(startline, "list_commands", lambda _context: ["hello"])
    module = ModuleType("startline_host.cli.hello")
    exec(compile(verb, page, "exec", dont_inherit=True), vars(module))  # noqa: S102
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(cli, "hello", module, raising=False)
    with pytest.raises(SystemExit) as left:
        cli.main(["hello", "--json"])
    assert left.value.code == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Espressif ESP32 devkit"


def _check_settings(
    block: Block, folder: Path, cloud: MockCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings(folder, cloud)
    for name in ("STARTLINE_CLAIM_KEY", "VMS_AUTH", "STARTLINE_RUN_KEY"):
        monkeypatch.setenv(name, "x" * 24)
    path = folder / block.title
    path.write_text(block.body, encoding="utf-8")
    load_settings(path)


@pytest.mark.parametrize(("page", "command"), _NOT_RUN)
def test_commands_that_are_not_run_have_arguments_that_exist(page: str, command: str) -> None:
    """A command that needs hardware or minutes names verbs, options and targets that are there."""
    words = shlex.split(command, comments=True)
    if words[0].endswith("startline"):
        _parse(words[1:])
    elif words[0] == "make":
        targets = (ROOT / "Makefile").read_text()
        for word in words[1:]:
            assert "=" in word or f"\n{word}: " in targets, command


def _parse(words: list[str]) -> None:
    context = click.Context(startline)
    verb = startline.get_command(context, words[0])
    assert verb is not None, words
    # Values such as files that exist only on somebody's computer are converted, and not opened.
    verb.make_context(words[0], list(words[1:]), parent=context)


def test_the_book_names_every_page() -> None:
    """No page of docs/ is left out of these tests, and most of them have something to run."""
    assert {name_of(path) for path in (ROOT / "docs").rglob("*.md")} <= set(_PAGES)
    assert {"README.md", "docs/index.md", "docs/guides/field-support.md"} <= set(_RUN)
