"""Paths that cannot be used, at every option that takes one."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from startline_host.cli import main
from startline_host.cli.written_files import WRITTEN as WRITTEN_TYPE
from startline_host.cli.written_files import check_written
from startline_host.errors import BadInput
from startline_host.factory.entries import StationSlot
from startline_host.factory.ledger import Ledger
from startline_host.util import write_whole
from tests.factory.made import mac, make_batch, token
from tests.test_json_output import VERBS

#: What else is to be typed so that the option is looked at.
BESIDE: dict[str, list[str]] = {
    "bench": ["-k", "TLS/certificate-expired"],
    "bench --scenarios": [],
    "build --units": ["--board", "VIRTUAL_ESP32"],
    "bench --wifi-password-file": ["-p", "/dev/nowhere", "--ssid", "bench"],
    "build --web": ["--board", "VIRTUAL_ESP32", "--node-modules", "."],
    "build --node-modules": ["--board", "VIRTUAL_ESP32", "--web", "site"],
    "build": ["--serial", "A-1", "--board", "VIRTUAL_ESP32"],
    "cloud": ["--port", "0", "--http-port", "0"],
    "cloud keys add": ["READ"],
    "cloud keys remove": ["1"],
    "doctor": ["--seconds", "0.1"],
    "label": ["RR-000001"],
    "label --font": ["RR-000001", "--format", "pdf"],
    "ledger history": ["RR-000001"],
    "ledger release": ["RR-000003", "--confirm", "RR-000003"],
    "ledger show": ["RR-000001"],
    "ledger verify": ["--settings", "settings.toml"],
    "ledger verify --ca": ["--base-url", "https://localhost:1/v0"],
    "line": ["RR-{n}", "--count", "1", "--board", "VIRTUAL_ESP32", "-p", "/dev/nowhere"],
    "line --ledger": [
        "RR-{n}",
        "--count",
        "1",
        "--board",
        "VIRTUAL_ESP32",
        "-p",
        "/dev/nowhere",
        "--no-verify",
    ],
    "line --folder": ["--virtual", "1"],
    "line --labels": ["--virtual", "1"],
    "panel --ca": ["--base-url", "https://localhost:1/v0"],
    "provision": ["--serial", "A-1"],
    "race audit --ca": ["--base-url", "https://localhost:1/v0"],
    "race resend --ca": ["--base-url", "https://localhost:1/v0"],
    "reconcile --ca": ["--base-url", "https://localhost:1/v0"],
    "retry --ca": ["--base-url", "https://localhost:1/v0"],
    "set": ["--ssid", "bench"],
    "set --settings": ["--try", "--link", "usb"],
    "set --ca": ["--try", "--link", "usb", "--base-url", "https://localhost:1/v0"],
    "unbind --ca": ["--base-url", "https://localhost:1/v0"],
    "up": ["--serial", "A-1", "--board", "VIRTUAL_ESP32"],
    "flash": ["--board", "VIRTUAL_ESP32"],
    "virtual --jumpstarter": ["--flash", "flash.bin"],
    "virtual --world": ["--flash", "flash.bin"],
}
#: What is written, and what is a folder; the rest are files that are read.
WRITTEN = {
    "--out",
    "--report",
    "--junit",
    "--jsonl",
    "--jumpstarter",
    "--html",
    "--ca-file",
    "--backup",
    "--labels",
    "--folder",
    "--web",
}
FOLDERS = {
    "--app",
    "--node-modules",
    "build --web",
    "--agent",
    "--labels",
    "--folder",
    "build --out",
    "label --out",
}
#: What is made where it is missing.
MADE = {"--db", "--flash", "line --ledger"}


#: Root reads and writes everything, unless it gives up CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
#: (PR_CAPBSET_DROP) before it starts a program.
AS_A_USER = """
import ctypes, os, sys
if os.geteuid() == 0:
    for capability in (1, 2):
        assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-m", "tests.path_options"])
"""


def path_options() -> Iterator[tuple[str, str]]:
    """Give each verb with each of its options that take a path, by click's types."""
    for verb, command in VERBS.items():
        for option in command.params:
            if isinstance(option.type, click.Path) or option.metavar == "FILE|URL":
                yield verb, option.opts[0]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with what commands need, and with paths that nobody can use."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text(
        '[claim]\ncloud = "rufus"\nbase_url = "http://localhost:1/v0"\nkey_env = "CLAIM_KEY"\n'
        '[net]\nlink = "usb"\n[set]\ninsecure_http = true\n[unit]\nmodel = "X"\n'
    )
    with Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        ledger.add_batch(make_batch(4))
        for chip in (1, 3):
            unit = ledger.allot("spring", StationSlot("bench", str(chip)), mac(chip))
            assert unit is not None
            ledger.pass_(ledger.bound(unit, token(chip)))
    shutil.copy(tmp_path / "ledger.db", tmp_path / "readonly.db")
    (tmp_path / "readonly.db").chmod(0o444)
    # By a link: what replaces it by a file, as a report must not, leaves the device as it is.
    (tmp_path / "full").symlink_to("/dev/full")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as heard:
        heard.bind("socket")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(1 << 33)
    for name in ("locked", "folder"):
        (tmp_path / name).mkdir()
    for name in ("locked/file", "file", "unreadable"):
        (tmp_path / name).write_bytes(b"what this is nobody knows\n" * 400)
    for name in ("locked", "unreadable"):
        (tmp_path / name).chmod(0)
    return tmp_path


def bad_paths(verb: str, option: str, turn: int = 0) -> Iterator[str]:
    """Give paths that this option cannot use; of what is rare, one in each `turn`."""
    kinds = {option, f"{verb} {option}"}
    yield "locked/file"
    yield ("file/below", "n" * 300)[turn % 2]
    if kinds & FOLDERS:
        yield "file"
    else:
        yield "folder"
    if option == "--ledger" and verb in {"label", "line"}:
        yield "readonly.db"
    if kinds & FOLDERS:
        yield "pipe"
    elif kinds & WRITTEN:
        yield ("full", "pipe", "socket")[turn % 3]
    else:
        yield "pipe"
        yield ("socket", "zeros", "terminal", "huge")[turn % 4]
    if not kinds & WRITTEN:
        yield "unreadable"
        if not kinds & MADE:
            yield "missing"


def command_line(verb: str, option: str, path: str) -> list[str]:
    """Return the words that have a verb use that path."""
    beside = BESIDE.get(f"{verb} {option}", BESIDE.get(verb, []))
    if "--settings" in beside and option == "--settings":
        beside = []
    return [*verb.split(), *beside, option, path]


def test_a_path_that_cannot_be_used_is_named(place: Path) -> None:
    """Whatever the option and the path: exit code 60 or 40, and the path in the sentence."""
    lines = [
        command_line(verb, option, path)
        for turn, (verb, option) in enumerate(path_options())
        for path in bad_paths(verb, option, turn)
    ]
    lines += [["line", "-p", "/dev/nowhere", path] for path in bad_paths("line", "UNITS")]
    assert len(lines) > 400, "options are found by click's types"
    environment = {
        **os.environ, "CLAIM_KEY": "ror-x", "STARTLINE_READ_KEY": "ror-y", "NO_COLOR": "1",
        "COLUMNS": "2000", "STARTLINE_LEDGER": str(place / "ledger.db"),
        "STARTLINE_UNBIND_KEY": "ror-z", "STARTLINE_TRACEBACK": "", "HOME": str(place),
        "XDG_CACHE_HOME": str(place / "cache"), "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", AS_A_USER],
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    wrong = [
        (" ".join(words)[:120], code, said)
        for words, (code, said) in zip(lines, json.loads(done.stdout), strict=True)
        if code not in {40, 60} or words[-1][:30] not in said
    ]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("as_json", [True, False])
def test_a_name_of_any_bytes_stays_on_its_line(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    as_json: bool,
) -> None:
    """Line ends, escapes and bytes that are no UTF-8 are shown as such; none is a fault of ours."""
    monkeypatch.chdir(tmp_path)
    name = "a\nb\x1b[31m\udcff"
    for words in (
        ["status", "-p", name], ["race", "status", "--dump", name], ["label", "X", "--ledger", name],
        ["build", "--units", name, "--board", "VIRTUAL_ESP32", "--settings", name],
        ["doctor", "--settings", name, "--seconds", "0.1"], ["bench", "--scenarios", name],
    ):  # fmt: skip
        with pytest.raises(SystemExit) as left:
            main([*words, *(["--json"] if as_json else [])])
        out, err = capfd.readouterr()
        assert left.value.code in {10, 60}, (words, err)
        assert "\x1b" not in out + err
        assert "a\nb" not in out + err
        assert "a\\nb" in out + err


def test_a_link_is_written_through(tmp_path: Path) -> None:
    """What a link names is written, also where it names nothing yet; the link stays."""
    for name in ("there", "new"):
        (tmp_path / f"{name}.link").symlink_to(f"{name}.html")
    (tmp_path / "there.html").write_text("old")
    for name in ("there", "new"):
        write_whole(tmp_path / f"{name}.link", b"now")
        assert (tmp_path / f"{name}.link").is_symlink()
        assert (tmp_path / f"{name}.html").read_bytes() == b"now"


def _each_pair() -> Iterator[tuple[str, click.Parameter, click.Parameter]]:
    """Give each option that writes a file, beside each that reads a path or writes another file."""
    for verb, command in VERBS.items():
        paths = [one for one in command.params
                 if isinstance(one.type, click.Path) or one.metavar == "FILE|URL"]  # fmt: skip
        for option in paths:
            if option.type is WRITTEN_TYPE:
                yield from ((verb, option, other) for other in paths if other is not option)


def test_every_file_that_is_written_is_known_as_such() -> None:
    """The rule below looks at types: each option that writes a file has the one for it."""
    for verb, command in VERBS.items():
        for option in command.params:
            if isinstance(option.type, click.Path):
                kinds = {option.opts[0], f"{verb} {option.opts[0]}"}
                is_written = bool(kinds & WRITTEN) and not kinds & FOLDERS
                assert (option.type is WRITTEN_TYPE) == is_written, kinds


@pytest.mark.parametrize("way", ["same", "spelled", "link", "hard link", "in a folder"])
def test_no_verb_writes_over_what_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """An output that is an input of the same verb, or another output, is refused before any work."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    kept = tmp_path / "folder" / "kept"
    kept.write_bytes(b"evidence")
    (tmp_path / "link").symlink_to(kept)
    (tmp_path / "hard link").hardlink_to(kept)
    written = {"same": str(kept), "spelled": "folder/../folder/./kept"}.get(way, way)
    pairs = list(_each_pair())
    assert len(pairs) > 20
    for verb, option, other in pairs:
        read = "folder" if way == "in a folder" else str(kept)
        written = "folder/kept" if way == "in a folder" else written
        if way == "in a folder" and other.type is WRITTEN_TYPE:
            continue
        # As they stand on a command line, without what else the verb needs.
        context = click.Context(VERBS[verb])
        context.params = {str(option.name): Path(written), str(other.name): Path(read)}
        with pytest.raises(BadInput, match="would write"):
            check_written(context)


def test_a_dump_is_not_replaced_by_its_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a ledger by its report, nor a scenario by the page of its bench: one sentence and 60."""
    monkeypatch.chdir(tmp_path)
    Path("kept").write_bytes(b"evidence")
    for words in (
        "race export --dump kept --out kept --overwrite", "ledger export --ledger kept --out kept",
        "ledger report --ledger kept --out ./kept", "bench --scenarios kept --html kept",
        "virtual --flash kept --jumpstarter kept --pty", "cloud --db kept --ca-file kept",
        "raceday --firmware kept --html kept --overwrite", "raceday --html new --report ./new",
        "flash --app . --backup kept",
    ):  # fmt: skip
        with pytest.raises(SystemExit) as left:
            main(words.split())
        said = capsys.readouterr().err
        assert (left.value.code, "would write" in said) == (60, True), (words, said)
    assert Path("kept").read_bytes() == b"evidence"


def test_devices_may_be_named_twice() -> None:
    """What goes nowhere, or to the terminal, replaces nothing."""
    context = click.Context(VERBS["raceday"])
    context.params = {"page_file": Path("/dev/null"), "json_file": Path("/dev/null")}
    check_written(context)
