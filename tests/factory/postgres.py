"""A PostgreSQL server of the tests' own: real, in a temporary folder, on a socket in it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.not_here import skip_outside_ci

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_LIMIT = 30.0


def binaries() -> Path:
    """Return the folder of the newest server's programs; without one the test is skipped.

    In continuous integration it fails instead: there the server is installed.
    """
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])
    )
    on_path = shutil.which("postgres")
    if not found and on_path:
        found = [Path(on_path)]
    if not found:
        skip_outside_ci("there is no PostgreSQL server here (Debian: apt-get install postgresql)")
    return found[-1].parent


class PostgresServer:
    """A running server: `url()` names a place without a ledger in it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def start(self) -> None:
        """Make the cluster if there is none yet, and serve it."""
        data = self._folder / "data"
        if not data.exists():
            if os.geteuid() == 0:
                shutil.chown(self._folder, self._user)
            self._run("initdb", "-D", str(data), "-A", "trust", "-U", "tester", "-N", "-E", "UTF8")
        settings = ("listen_addresses=", f"unix_socket_directories={self._folder}", "fsync=off")
        options = [word for setting in settings for word in ("-c", setting)]
        self._process = self._popen("postgres", "-D", str(data), *options)
        deadline = time.monotonic() + _START_LIMIT
        while not self._answers():
            assert self._process.poll() is None, "the server ended at once"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server as a power cut would: at once, with what it has committed kept."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def url(self) -> str:
        """Make room for a ledger of its own, and return its URL."""
        self._made += 1
        name = f"ledger{self._made}"
        with self._connect() as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"postgresql://tester@/postgres?host={self._folder}&options=-csearch_path%3D{name}"

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._folder), user="tester", dbname="postgres", autocommit=True
        )

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _popen(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        # initdb and postgres refuse to run as root.
        as_user = self._user if os.geteuid() == 0 else None
        return subprocess.Popen(
            [str(self._programs / program), *arguments],
            user=as_user,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _run(self, program: str, *arguments: str) -> None:
        assert self._popen(program, *arguments).wait(60) == 0, f"{program} failed"


@contextlib.contextmanager
def serving() -> Iterator[PostgresServer]:
    """Serve a new cluster, and remove it afterwards."""
    programs = binaries()
    # Not pytest's own folder: a socket's path is short, and another user has to get there.
    with tempfile.TemporaryDirectory(prefix="startline-pg-", ignore_cleanup_errors=True) as name:
        server = PostgresServer(programs, Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()
