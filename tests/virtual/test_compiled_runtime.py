"""What a chip's program is started with: MicroPython alone, and the run time as bytecode."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from startline_host.virtual import compiled_runtime as compiled
from startline_host.virtual.vm_binary import find_micropython, micropython_command
from tests.virtual.vm_harness import Vm


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty place for bytecode, in which it may be written."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "prefix"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # whatever the environment says
    monkeypatch.setattr(compiled, "_place", compiled._place.__wrapped__)
    return tmp_path / "prefix"


def test_the_run_time_is_compiled_once_and_runs(elsewhere: Path, tmp_path: Path) -> None:
    """What is made stays whole in one folder, and a chip that has it boots as one from sources."""
    folder = compiled.compiled_runtime()
    assert folder
    assert folder.is_relative_to(elsewhere)
    assert list(folder.parent.iterdir()) == [folder]
    made = (folder / "runtime" / "boot.mpy").stat()
    assert compiled.compiled_runtime() == folder
    assert (folder / "runtime" / "boot.mpy").stat() == made
    with Vm(tmp_path) as vm:
        vm.start()
        from_bytecode = vm.try_run("import machine\nmachine.Pin('x')")
        vm.cpu._compiled = None
        vm.start()
        assert vm.try_run("import machine\nmachine.Pin('x')") == from_bytecode


def test_what_another_process_makes_is_not_looked_into(mocker: MockerFixture) -> None:
    """The folder in __pycache__ that goes when it is whole must not end a chip that starts then."""
    seen = [mocker.spy(os, name) for name in ("scandir", "listdir")]
    names = [path.name for path in compiled._sources()]
    assert "boot.py" in names
    assert "start.py" not in names
    looked = [str(call.args[0]) for spy in seen for call in spy.call_args_list]
    assert looked
    assert not [path for path in looked if "__pycache__" in path]


def test_no_bytecode_is_written_where_python_writes_none(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PYTHONDONTWRITEBYTECODE holds for this too, but what is there is used."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert compiled.compiled_runtime() is None
    assert not elsewhere.exists()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder = compiled.compiled_runtime()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert compiled.compiled_runtime() == folder


def test_a_place_that_cannot_be_written_leaves_the_sources(elsewhere: Path) -> None:
    """As for Python's own bytecode nobody is told: it only takes longer."""
    elsewhere.write_text("a file")
    assert compiled.compiled_runtime() is None


def test_micropython_in_a_package_is_started_without_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its program is Python; any other program is started by its own name."""
    monkeypatch.delenv("MICROPYTHON", raising=False)
    assert micropython_command()[:3] == [sys.executable, "-I", "-S"]
    monkeypatch.setenv("MICROPYTHON", "/bin/sh")
    assert micropython_command() == ["/bin/sh"]
    own = tmp_path / "micropython"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("MICROPYTHON", str(own))
    assert micropython_command() == [find_micropython()] == [str(own)]
