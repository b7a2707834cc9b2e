"""The device's files and their bytecode."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from startline_host.errors import BadInput
from startline_host.formats.bytecode import (
    AGENT_FOLDERS,
    bytecode_version,
    check_bytecode,
    compile_source,
    device_files,
    owner_files,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture


def test_the_agent_becomes_bytecode_under_lib() -> None:
    """Every source of the agent is there as .mpy, with boot.py and main.py beside it."""
    files = device_files()
    assert {"/boot.py", "/main.py", "/lib/startline/__init__.mpy"} <= files.keys()
    rest = files.keys() - {"/boot.py", "/main.py"}
    assert all(
        path.startswith(tuple(f"{folder}/" for folder in AGENT_FOLDERS)) and path.endswith(".mpy")
        for path in rest
    )
    check_bytecode(files, "1.23.0")


def test_compiling_is_reproducible_and_hides_the_build_path(tmp_path: Path) -> None:
    """The bytes depend on the source and its name on the device, not on where it was built."""
    for folder in ("a", "b"):
        package = tmp_path / folder / "startline"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("def f(x):\n    return 1 / x\n")
        for name in ("boot.py", "main.py"):
            (tmp_path / folder / name).write_text("")
    one, two = device_files(tmp_path / "a"), device_files(tmp_path / "b")
    assert one == two
    assert str(tmp_path).encode() not in one["/lib/startline/__init__.mpy"]


def agent_with(folder: Path, package: str, **modules: str) -> dict[str, bytes]:
    """Return the device's files of an agent that is little more than a package of these modules."""
    for name in ("boot.py", "main.py", "startline/__init__.py", f"{package}/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    for name, source in modules.items():
        (folder / package / f"{name}.py").write_text(source)
    return device_files(folder)


def test_a_constant_of_a_role_keeps_no_name(micropython: list[str], tmp_path: Path) -> None:
    """It is where it is used, and gone where it is private; what is public is still to be had."""
    package = tmp_path / "lib" / "startline_led"
    package.mkdir(parents=True)
    files = agent_with(
        tmp_path,
        package.name,
        kinds="_FIRST = 0x42\nOPEN, SHUT = range(7, 9)\nLAST = OPEN << 4\n",
        __init__="from .kinds import LAST, OPEN\n_MOST = 400  # bytes\n_WORD = 'seven'\n"
        "def sums():\n    return _MOST + OPEN + LAST, _WORD\n",
    )
    for name in ("__init__", "kinds"):
        (package / f"{name}.mpy").write_bytes(files[f"/lib/{package.name}/{name}.mpy"])
    ours = files[f"/lib/{package.name}/__init__.mpy"]
    assert not {b"_MOST", b"_WORD", b"OPEN", b"kinds"} & set(re.findall(rb"\w+", ours))
    assert b"_FIRST" not in files[f"/lib/{package.name}/kinds.mpy"]
    program = "import startline_led, startline_led.kinds as k; print(startline_led.sums(), k.SHUT)"
    done = subprocess.run(
        [*micropython, "-c", program],
        capture_output=True,
        timeout=30,
        cwd=package.parent,
        check=False,
    )
    assert done.stdout == b"(519, 'seven') 8\n"


def test_a_private_number_of_the_core_keeps_no_name(tmp_path: Path) -> None:
    """Decimal or hexadecimal; what is public, or no number, keeps its name."""
    source = "_MOST = 400  # bytes\n_KIND = 0x42\nOPEN = 7\n_WORD = 'seven'\nall = _MOST + _KIND\n"
    data = agent_with(tmp_path, "startline", words=source)["/lib/startline/words.mpy"]
    assert {b"OPEN", b"_WORD"} <= set(re.findall(rb"\w+", data))
    assert not {b"_MOST", b"_KIND"} & set(re.findall(rb"\w+", data))


def test_the_real_vm_runs_it(micropython: list[str], tmp_path: Path) -> None:
    """A compiled module is imported by MicroPython, and its tracebacks name our source."""
    (tmp_path / "crash.mpy").write_bytes(compile_source(b"1 / 0\n", "startline/crash.py"))
    done = subprocess.run(
        [*micropython, "-c", "import crash"],
        capture_output=True,
        timeout=30,
        cwd=tmp_path,
        check=False,
    )
    assert b'File "startline/crash.py", line 1' in done.stdout
    assert b"ZeroDivisionError" in done.stdout


def test_a_source_that_does_not_compile_is_named() -> None:
    """The compiler's own reason is passed on, with the file's name."""
    with pytest.raises(BadInput, match=r"startline/x\.py does not compile: .*SyntaxError"):
        compile_source(b"def f(:\n", "startline/x.py")


def test_a_folder_without_agent_is_refused(tmp_path: Path) -> None:
    """Pointing at the wrong folder is one sentence."""
    with pytest.raises(BadInput, match="contains no agent"):
        device_files(tmp_path)


@pytest.mark.parametrize(
    ("release", "mpy"), [("1.29.0", 6), ("v1.23.0", 6), ("1.19.1", 6), ("1.18", 5), ("1.0", 0)]
)
def test_releases_and_their_bytecode(release: str, mpy: int) -> None:
    """The documented table of .mpy versions holds, dev builds and a leading v included."""
    assert bytecode_version(release) == mpy


@pytest.mark.parametrize(
    ("content", "firmware", "reason"),
    [
        (b"M\x06\x00\x1f", "1.22.2", "agent needs 1.23 or later"),
        (b"M\x05\x00\x1f", "1.23.0", "bytecode version 5, and MicroPython 1.23.0 reads 6"),
        (b"M\x06\x2b\x1f", "1.23.0", "contains native code"),
        (b"print(1)", "1.23.0", "not a .mpy file"),
        (b"M\x06\x00\x1f", "soon", "not a MicroPython version"),
    ],
)
def test_bytecode_that_the_firmware_cannot_run_is_refused(
    content: bytes, firmware: str, reason: str
) -> None:
    """Old firmware, other versions, native code and other files are told apart."""
    with pytest.raises(BadInput, match=reason):
        check_bytecode({"/lib/a.mpy": content}, firmware)


def test_the_owners_files_come_along(tmp_path: Path) -> None:
    """Data and app.py of the reader's owner are taken as they are, hidden files are not."""
    (tmp_path / "data").mkdir()
    (tmp_path / "app.py").write_text("def main(device): pass\n")
    (tmp_path / "data" / "x.bin").write_bytes(b"\x00\xff")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("")
    (tmp_path / "data" / "__pycache__").mkdir()
    (tmp_path / "data" / "__pycache__" / "x.pyc").write_text("")
    found = owner_files(tmp_path)
    assert found == {"/app.py": b"def main(device): pass\n", "/data/x.bin": b"\x00\xff"}


def test_a_folder_that_vanishes_is_named(tmp_path: Path, mocker: MockerFixture) -> None:
    """What cannot be read is refused, not left out, unless it is one that comes and goes."""
    (tmp_path / "data").mkdir()
    (tmp_path / "__pycache__").mkdir()
    look = os.scandir

    def gone(path: str) -> Any:
        if path.endswith(missing):
            raise FileNotFoundError(2, "No such file or directory", path)
        return look(path)

    mocker.patch("os.scandir", gone)
    missing = "__pycache__"
    assert owner_files(tmp_path) == {}
    missing = "data"
    with pytest.raises(BadInput, match="data cannot be read: No such file or directory"):
        owner_files(tmp_path)


def test_the_owner_cannot_replace_the_agents_files(tmp_path: Path) -> None:
    """A boot.py among the owner's files is refused, not silently mixed in."""
    (tmp_path / "boot.py").write_text("while True: pass\n")
    with pytest.raises(BadInput, match=r"would replace the agent's own /boot\.py"):
        owner_files(tmp_path)
