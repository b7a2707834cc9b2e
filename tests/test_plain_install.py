"""A plain installation: what it can do, and what it says of the parts that are extras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import click
import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

from startline_host import extras
from startline_host.cli import startline

ROOT = Path(__file__).parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]

#: A use of a verb that ends by itself, without a device: its words and how it ends. Of a verb that
#: has none here, a wrong option is tried.
USES = {
    "bench": (["--list"], 60),
    "boards": ([], 0),
    "build": (["--serial", "A-1", "--model", "M", "--out", "images"], 60),
    "cloud": (["faults"], 60),
    "doctor": (["-p", "/dev/does-not-exist"], 10),
    "flash": (["-p", "/dev/does-not-exist", "--firmware", "nothing.bin"], 60),
    "inspect": (["-p", "/dev/does-not-exist"], 10),
    "label": (["A-1"], 60),
    "ledger": (["list"], 60),
    "line": (["units.csv"], 60),
    "monitor": (["-p", "/dev/does-not-exist"], 10),
    "panel": (["-p", "/dev/does-not-exist"], 60),
    "ports": ([], 0),
    "provision": (["-p", "/dev/does-not-exist", "--serial", "A-1"], 60),
    "race": (["status", "-p", "/dev/does-not-exist", "--interrupt"], 10),
    "raceday": ([], 60),
    "reconcile": (["-p", "/dev/does-not-exist"], 10),
    "reset": (["-p", "/dev/does-not-exist"], 10),
    "retry": (["-p", "/dev/does-not-exist"], 10),
    "set": (["-p", "/dev/does-not-exist", "--ssid", "Arena", "--open"], 10),
    "status": (["-p", "/dev/does-not-exist"], 10),
    "unbind": (["-p", "/dev/does-not-exist"], 60),
    "up": (["-p", "/dev/does-not-exist", "--serial", "A-1"], 60),
    "virtual": (["--flash", "reader.flash"], 60),
    "wait": (["-p", "/dev/does-not-exist"], 10),
}
#: The verbs that need an extra, and which.
NEEDS = {"bench": "mock", "cloud": "mock", "label": "factory", "ledger": "factory",
         "line": "factory", "panel": "mock", "raceday": "mock", "virtual": "virtual"}  # fmt: skip


def closure(name: str) -> Iterator[metadata.Distribution]:
    """Yield a distribution's hard requirements and theirs, as pip would install them here."""
    seen: set[str] = set()
    wanted = [Requirement(name)]
    while wanted:
        one = wanted.pop()
        if one.name.lower() in seen:
            continue
        seen.add(one.name.lower())
        found = metadata.distribution(one.name)
        if one.name != name:
            yield found
        for line in found.requires or ():
            needed = Requirement(line)
            extras_of = one.extras or {""}
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": e}) for e in extras_of
            ):
                wanted.append(needed)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has the wheel and its hard requirements alone."""
    folder = tmp_path_factory.mktemp("plain")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    for one in closure("startline"):
        for file in one.files or ():
            top = file.parts[0]
            if top == ".." or (site / top).exists():
                continue
            (site / top).symlink_to(Path(str(one.locate_file(top))))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return folder / "venv" / "bin" / "python"


@pytest.fixture
def run(plain: Path, tmp_path: Path) -> Run:
    """Return what runs the command in the plain environment, with an empty home."""

    def run_it(*arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "units.csv").write_text("serial,model\nA-1,M\n")
        (tmp_path / "settings.toml").write_text('[claim]\nbase_url = "https://example.org/v0"\n')
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return subprocess.run(
            [str(plain), "-m", "startline_host", *arguments],
            cwd=tmp_path,
            env={**kept, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run_it


def test_it_brings_no_database_no_web_server_and_no_image_library(plain: Path) -> None:
    """None of the modules of the extras can be imported."""
    program = "import importlib.util as u, sys; print([m for m in sys.argv[1:] if u.find_spec(m)])"
    done = subprocess.run(
        [str(plain), "-I", "-c", program, *extras.MODULES],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


VERBS = startline.list_commands(click.Context(startline))


def test_every_use_is_of_a_verb() -> None:
    """No use stands here for a verb that is gone."""
    assert USES.keys() <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_helps_and_works_or_names_what_it_needs(verb: str, run: Run) -> None:
    """`--help` ends with 0; a use ends as documented, and a missing extra is named with the way to it."""
    helped = run(verb, "--help")
    assert (helped.returncode, f"Usage: startline {verb}" in helped.stdout) == (0, True)
    words, code = USES.get(verb, (["--no-such-option"], 2))
    done = run(verb, *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert ("Get it: " in done.stderr) == (verb in NEEDS)
    assert ("Virtual readers need MicroPython, too. " in done.stderr) == (
        verb in {"bench", "raceday"}
    )
    if verb in NEEDS:
        told = done.stderr.split("Get it: ")[1]
        assert any(
            module in told.lower()
            for module in (
                *[m for m, of in extras.MODULES.items() if of == NEEDS[verb]],
                "micropython",
            )
        )


def test_a_missing_extra_is_told_in_json_too(run: Run) -> None:
    """With --json the result names exit code, sentence and hint."""
    done = run("ledger", "list", "--json")
    told = json.loads(done.stdout)
    assert told["exit_code"] == done.returncode == 60
    assert (
        told["message"]
        == "The factory line, its ledger and its labels are not part of this installation."
    )


DIRECT = {
    "clone": (
        {"url": "{folder}", "dir_info": {"editable": True}},
        ["--editable", "{path}[factory]"],
    ),
    "folder": ({"url": "{folder}", "dir_info": {}}, ["{path}[factory]"]),
    "wheel": ({"url": "{wheel}", "archive_info": {}}, ["startline[factory] @ {wheel}"]),
    "repository": (
        {"url": "https://example.org/s.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
        ["startline[factory] @ git+https://example.org/s.git@abc"],
    ),
    "wheel that is gone": ({"url": "file:///gone.whl", "archive_info": {}}, ["reportlab<6,>=5"]),
    "by name": (None, ["reportlab<6,>=5"]),
}


@pytest.mark.parametrize("how", DIRECT)
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_the_command_is_the_one_for_how_it_was_installed(
    how: str, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a clone, a folder, a file, a repository or an index, by pip or uv, each has its own."""
    wheel = tmp_path / "startline-1-py3-none-any.whl"
    wheel.touch()
    places = {"folder": tmp_path.as_uri(), "path": str(tmp_path), "wheel": wheel.as_uri()}
    info = tmp_path / "startline-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        'Name: startline\nVersion: 1\nRequires-Dist: reportlab<6,>=5; extra == "factory"\n'
        'Requires-Dist: trustme; extra == "mock"\n'
    )
    (info / "INSTALLER").write_text(f"{tool}\n")
    direct, wanted = DIRECT[how]
    if direct is not None:
        written = {**direct, "url": str(direct["url"]).format(**places)}
        (info / "direct_url.json").write_text(json.dumps(written))
    monkeypatch.setattr(metadata, "distribution", lambda _name: metadata.PathDistribution(info))
    import shlex

    begin = {
        "pip": [sys.executable, "-m", "pip", "install"],
        "uv": ["uv", "pip", "install", "--python", sys.executable],
    }[tool]
    told = shlex.split(extras.install_command("factory"))
    assert told == [*begin, *[word.format(**places) for word in wanted]]


def test_pipx_is_told_by_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an environment that pipx made, the command is pipx's."""
    (tmp_path / "pipx_metadata.json").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert extras.install_command("factory").startswith("pipx ")


def test_only_an_extra_is_named(tmp_path: Path) -> None:
    """Another module that is missing is a fault of ours, and no extra."""
    assert extras.missing(ModuleNotFoundError("x", name="nonesuch")) is None
    assert extras.missing(ImportError("x")) is None
    told = extras.missing(ModuleNotFoundError("x", name="sqlalchemy.orm"))
    assert told is not None
    assert "factory" in told.hint or "SQLAlchemy" in told.hint
