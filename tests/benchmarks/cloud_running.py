"""Servers as processes of their own, and what is measured of one from outside."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from startline_host.errors import TimedOut

#: The folder whose packages the processes import.
_ROOT = Path(__file__).parents[2]
#: Seconds for a server to listen, and for a load to end.
_START, _LOAD = 60.0, 120.0


@dataclass
class MeasuredServer:
    """A mock at a port of this computer: the path of its devices, its keys, the CA's file if any."""

    process: subprocess.Popen[str]
    port: int
    path: str
    ca: Path | None = None
    keys: dict[str, str] = field(default_factory=dict)

    def bind(self, count: int, first: int = 0) -> tuple[float, list[float]]:
        """Bind `count` devices; return binds a second, and milliseconds of each."""
        command = ["--port", str(self.port), "--path", self.path, "--count", str(count)]
        command += ["--first", str(first), "--key", self.keys.get("WRITE", "")]
        command += ["--ca", str(self.ca)] if self.ca else []
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.cloud_load", *command],
            cwd=_ROOT, capture_output=True, check=True, timeout=_LOAD,
        )  # fmt: skip
        told = json.loads(done.stdout)
        return told["a_second"], told["ms"]

    def fill(self, count: int) -> None:
        """Have our own mock hold so many devices."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def get(self, target: str) -> bytes:
        """Return the body of an answer to GET, over plain HTTP."""
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_LOAD)
        with contextlib.closing(asked):
            asked.request("GET", target, headers={"api_key": self.keys.get("READ", "")})
            return asked.getresponse().read()

    def memory(self) -> float:
        """Return the process's resident memory in MiB, NaN where `ps` cannot tell."""
        command = ["ps", "-o", "rss=", "-p", str(self.process.pid)]
        with contextlib.suppress(OSError, ValueError):
            told = subprocess.run(command, capture_output=True, check=False, text=True)
            return int(told.stdout) / 1024
        return math.nan

    def cpu(self) -> float:
        """Return the seconds that the process computed so far, NaN where that is not told."""
        with contextlib.suppress(OSError):
            told = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
            user, system = told.rpartition(")")[2].split()[11:13]
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
        return math.nan


@contextlib.contextmanager
def ours(*, ca: Path | None = None, proxied: bool = False) -> Iterator[MeasuredServer]:
    """Run our mock; with a `ca` over TLS, whose certificate is written there."""
    command = [sys.executable, "-m", "tests.benchmarks.cloud_server"]
    command += ["--ca", str(ca)] if ca else []
    command += ["--proxied"] if proxied else []
    with _process(command) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield MeasuredServer(process, told["port"], "/v0/devices", ca, told["keys"])


@contextlib.contextmanager
def theirs(command: Sequence[str], port: int, ca: Path | None = None) -> Iterator[MeasuredServer]:
    """Run another's mock, which listens at `port`; with a `ca` over TLS.

    Raises TimedOut if it does not listen.
    """
    with _process(command) as process:
        deadline = time.monotonic() + _START
        while not _listens(port, ca):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimedOut(f"{' '.join(command[:2])} does not listen at port {port}.")
            time.sleep(0.1)
        yield MeasuredServer(process, port, "/devices", ca)


def free_port() -> int:
    """Return a TCP port of this computer that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def _process(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a process, its standard error thrown away, and end it whatever happens."""
    with subprocess.Popen(
        command, cwd=_ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def _listens(port: int, ca: Path | None) -> bool:
    tls = ssl.create_default_context(cafile=str(ca)) if ca else None
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as plain:
            if tls is not None:
                tls.wrap_socket(plain, server_hostname="localhost").close()
    except OSError:
        return False
    return True
