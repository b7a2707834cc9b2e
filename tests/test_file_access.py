"""Pipes, devices and the like in the place of a file: read, written, or named as what they are."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from startline_host import file_access
from startline_host.file_access import check_file, folder_of, is_stream, read_file, write_stream
from startline_host.util import write_whole


def through_shell(folder: Path, command: str, *words: str) -> str:
    """Run a Bash command in which "$@" reads or writes by our functions, and return what it prints."""
    done = subprocess.run(
        ["bash", "-c", command, "bash", sys.executable, "-c", *words],
        cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    return done.stdout


READ = "import sys; from pathlib import Path; from startline_host.file_access import read_file; print(read_file(Path(sys.argv[1])))"
WRITE = "import sys; from pathlib import Path; from startline_host.util import write_whole; write_whole(Path(sys.argv[1]), b'told' * 50000); print('done')"


def test_what_a_shell_puts_in_the_place_of_a_file_is_read_and_written(tmp_path: Path) -> None:
    """Process substitution and standard input give their bytes, an empty one none; so for output."""
    assert (
        through_shell(tmp_path, '"$@" <(sleep 0.2; echo one; sleep 0.2; echo two)', READ)
        == "b'one\\ntwo\\n'\n"
    )
    assert through_shell(tmp_path, 'echo one | "$@" /dev/stdin', READ) == "b'one\\n'\n"
    assert through_shell(tmp_path, '"$@" <(true); "$@" /dev/null', READ) == "b''\nb''\n"
    assert through_shell(tmp_path, '"$@" >(wc -c) | cat', WRITE) in {
        "done\n200000\n",
        "200000\ndone\n",
    }
    assert len(through_shell(tmp_path, '"$@" /dev/stdout | cat', WRITE)) == 200005
    assert len(through_shell(tmp_path, '"$@" /dev/stdout > out; cat out; rm out', WRITE)) == 200005


def test_a_pipe_is_read_when_its_writer_comes(tmp_path: Path) -> None:
    """A named pipe waits for a writer that comes later; all that it writes is read."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Timer(0.2, pipe.write_bytes, [b"x" * 300_000])
    writer.start()
    assert read_file(pipe) == b"x" * 300_000
    writer.join()


def test_nobody_at_the_other_end_is_said(tmp_path: Path, mocker: MockerFixture) -> None:
    """A pipe without a writer or reader, or with one that stays silent, ends with its reason."""
    mocker.patch.object(file_access, "_TO_MEET", 0.05)
    mocker.patch.object(file_access, "_SILENT", 0.05)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="Nobody writes to this pipe"):
        read_file(pipe)
    with pytest.raises(OSError, match="Nobody reads it"):
        write_stream(pipe, b"x")
    both = os.open(pipe, os.O_RDWR)
    with pytest.raises(OSError, match="Nothing came from this pipe"):
        read_file(pipe)
    with pytest.raises(OSError, match="Nobody reads it"):
        write_stream(pipe, b"x" * 1_000_000)
    os.close(both)


def test_what_is_no_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets, devices, terminals and what holds too much are refused before they are opened."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as heard:
        heard.bind("socket")
    os.mkfifo("pipe")
    master, slave = os.openpty()
    for name, words in (
        ("socket", "Is a socket"),
        ("/dev/zero", "Is a device"),
        (os.ttyname(slave), "Is a terminal"),
        (str(tmp_path), "Is a directory"),
    ):
        with pytest.raises(OSError, match=words):
            read_file(Path(name))
    with pytest.raises(OSError, match="Is a pipe, and a file is needed"):
        check_file(Path("pipe"))
    big = tmp_path / "big"
    big.write_bytes(bytes(2049))
    with pytest.raises(OSError, match="Holds more than 2 KB"):
        read_file(big, 2048)
    assert read_file(big, 2049) == bytes(2049)
    check_file(tmp_path / "not-there")
    assert not is_stream(big)
    assert is_stream(Path(os.ttyname(slave)))
    write_whole(Path(os.ttyname(slave)), b"shown")
    assert os.read(master, 5) == b"shown"
    os.close(master)
    os.close(slave)


def test_files_that_a_stream_names_are_looked_for_here(tmp_path: Path) -> None:
    """Names in a file are relative to its folder; in what came through a pipe, to the current one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert folder_of(tmp_path / "settings.toml") == tmp_path
    assert folder_of(Path("settings.toml")) == Path()
    assert (
        folder_of(pipe) == folder_of(Path("/dev/stdin")) == folder_of(Path("/dev/fd/63")) == Path()
    )
