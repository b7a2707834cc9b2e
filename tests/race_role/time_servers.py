"""Time servers on loopback: a real chrony, a relay that jitters, and a liar of our own."""

from __future__ import annotations

import os
import random
import shutil
import socket
import struct
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.not_here import skip_outside_ci

_FROM_1900 = 2_208_988_800


def free_port() -> int:
    """Return a UDP port that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def chrony(folder: Path) -> Iterator[str]:
    """Run a chrony that serves this computer's clock; yield "host:port"."""
    program = shutil.which("chronyd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        skip_outside_ci("no chronyd (Debian: apt install chrony)")
    port = free_port()
    conf = folder / "chrony.conf"
    conf.write_text(
        f"port {port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 5\ncmdport 0\n"
        f"pidfile {folder}/pid\nbindcmdaddress /\n"
    )
    # -x: it serves the clock and never sets it.
    process = subprocess.Popen(
        [program, "-x", "-d", "-f", str(conf), "-u", "root"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", port))
        one.settimeout(0.2)
        for _ in range(50):
            try:
                one.send(b"\x23" + bytes(39) + b"12345678")
                one.recv(68)
            except OSError:
                time.sleep(0.1)
            else:
                return
    raise AssertionError("chronyd does not answer")


class DatagramServer(ABC):
    """Takes datagrams on a loopback port, `server`, until it is closed."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.server = f"localhost:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                data, client = self._socket.recvfrom(512)
            except OSError:
                return
            self._take(data, client)

    @abstractmethod
    def _take(self, data: bytes, client: tuple[str, int]) -> None:
        """Do something about a datagram."""


class Relay(DatagramServer):
    """Relays datagrams to a server, each held back for up to `up` or `down` seconds, at random."""

    def __init__(self, server: str, up: float, down: float, seed: int = 1) -> None:
        self.target = ("127.0.0.1", int(server.rpartition(":")[2]))
        self.up, self.down = up, down
        self._dice = random.Random(seed)
        super().__init__()

    def _take(self, data: bytes, client: tuple[str, int]) -> None:
        threading.Thread(target=self._carry, args=(data, client), daemon=True).start()

    def _carry(self, data: bytes, client: tuple[str, int]) -> None:
        time.sleep(self._dice.random() * self.up)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(2)
            one.sendto(data, self.target)
            try:
                answer = one.recv(512)
                time.sleep(self._dice.random() * self.down)
                self._socket.sendto(answer, client)
            except OSError:
                return


class LyingServer(DatagramServer):
    """A time server that is `wrong` seconds off, or that answers as `mode` says.

    Modes: honest, kiss (RATE), deny, stratum0, unsynchronised, replayed, zeros, ancient, silent.
    `asked` counts the questions.
    """

    def __init__(self, mode: str = "honest", wrong: float = 0.0) -> None:
        self.mode, self.wrong = mode, wrong
        self.asked = 0
        self._first = b""
        super().__init__()

    def _take(self, data: bytes, client: tuple[str, int]) -> None:
        self.asked += 1
        if self.mode != "silent":
            self._socket.sendto(self._answer(data), client)

    def _answer(self, question: bytes) -> bytes:
        flags, stratum, reference = 0x24, 2, b"LIAR"
        now = time.time() + self.wrong
        if self.mode == "kiss":
            stratum, reference = 0, b"RATE"
        elif self.mode == "deny":
            stratum, reference = 0, b"DENY"
        elif self.mode == "stratum0":
            stratum, reference = 0, bytes(4)
        elif self.mode == "unsynchronised":
            flags = 0xE4
        elif self.mode == "ancient":
            now = 631_152_000.0
        stamp = struct.pack(">II", (int(now) + _FROM_1900) & 0xFFFFFFFF, int(now % 1 * 2**32))
        if self.mode == "zeros":
            stamp = bytes(8)
        head = struct.pack(">BBbbII4s", flags, stratum, 6, -20, 0, 0, reference)
        answer = head + stamp + question[40:48] + stamp + stamp
        if self.mode == "replayed":
            self._first = self._first or answer
            return self._first
        return answer
