"""Where a page's commands are run: a folder, a bound virtual reader, its cloud, and free ports."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import ExitStack
from pathlib import Path

from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.book.pages import ROOT

SERIAL, MODEL = "DEVICE-123", "Model X1"
_WIFI = {"bench": {"password": "bench-wifi"}, "Arena": {"password": "bench-wifi"}}
_SETTINGS = """\
[claim]
cloud = "rufus"
base_url = "{base_url}"
key_env = "STARTLINE_CLAIM_KEY"
[net]
ssid = "bench"
password_env = "STARTLINE_WIFI_PASSWORD"
[tls]
ca = "ca.pem"
[set]
boot_limit = 20
[unit]
model = "Model X1"
"""
#: TCP ports that the pages name; each page gets free ones in their place.
_PORTS = ("4000", "4001", "8123", "8443", "8480", "8481")
_SECONDS = 240


class Shell:
    """Runs commands one after another in a folder, as somebody who follows a page types them.

    `loaded` is the flash of a bound reader; a virtual one with a copy of it is at $STARTLINE_PORT
    as soon as a command needs it. `make bench` is run with `make`, and only looked up without.
    """

    def __init__(
        self, folder: Path, cloud: MockCloud, loaded: bytes, stack: ExitStack, *, make: bool
    ) -> None:
        self.folder = folder
        self._make = make
        self._cloud = cloud
        self._loaded = loaded
        self._stack = stack
        self._port = ""
        self._ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self._environment = environment(folder, cloud)
        write_settings(folder, cloud)

    def run(self, command: str) -> None:
        """Run a command to its end. Raises AssertionError if it fails."""
        done = subprocess.run(
            ["bash", "-c", self._prepared(command)],
            cwd=self._folder_of(command),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, f"$ {command}\n{done.stderr}"

    def start(self, command: str) -> None:
        """Start a command that runs until it is stopped; return once it says that it runs."""
        log = self.folder / "background.log"
        with log.open("w") as out:
            running = subprocess.Popen(
                ["bash", "-c", f"exec {self._prepared(command)}"],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._stack.callback(_stop, running, command, log)
        end = time.monotonic() + _SECONDS
        while "Ctrl-C" not in log.read_text():
            assert running.poll() is None, f"$ {command}\n{log.read_text()}"
            assert time.monotonic() < end, f"$ {command} says nothing"
            time.sleep(0.05)
        if key := re.search(r"(\S+) +READ of ", log.read_text()):
            # Whoever starts a cloud of their own goes on with the key that it shows.
            self._environment["STARTLINE_READ_KEY"] = key[1]

    def with_free_ports(self, text: str) -> str:
        """Return a command, or a file that a page shows, with ports that are free here."""
        for shown, free in self._ports.items():
            text = re.sub(rf"\b{shown}\b", free, text)
        return text

    def _folder_of(self, command: str) -> Path:
        """Return where a command is typed: those that name files of the project, in its root."""
        return ROOT if re.search(r"\bfirmware/|\.venv/bin|^make\b", command) else self.folder

    def _prepared(self, command: str) -> str:
        words = shlex.split(command, comments=True)
        if words[0] == "make":
            return _make(words, run=self._make)
        command = self.with_free_ports(command)
        if words[:3] == ["startline", "cloud", "fault"]:
            command += f" --page http://localhost:{self._ports['8480']}/"
        elif words[:2] == ["startline", "cloud"] and not {"keys", "faults"} & set(words):
            command += f" --port {self._ports['8443']} --http-port {self._ports['8480']}"
        named = any(word in words for word in ("-p", "--port", "connect", "--virtual", "bench"))
        if words[0] == "mpremote" and "connect" not in words:
            command = command.replace("mpremote", f"mpremote connect {self._reader()}", 1)
        elif words[0] == "startline" and not named:
            self._environment["STARTLINE_PORT"] = self._reader()
        return command.replace(".venv/bin/python", shlex.quote(sys.executable))

    def _reader(self) -> str:
        if not self._port:
            flash = self.folder / "bound.flash"
            flash.write_bytes(self._loaded)
            world = write_world(self.folder)
            self._port = self._stack.enter_context(VirtualEsp32(flash, world=world)).url
        return self._port


def environment(folder: Path, cloud: MockCloud) -> dict[str, str]:
    """Return the environment of somebody who has the command, a board and the keys, and no more."""
    return {
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "COLUMNS": "120",
        "STARTLINE_BOARD": "VIRTUAL_ESP32",
        "STARTLINE_CLAIM_KEY": cloud.keys["WRITE"],
        "STARTLINE_READ_KEY": cloud.keys["READ"],
        "STARTLINE_UNBIND_KEY": cloud.keys["READ_WRITE_UNBIND"],
        "STARTLINE_WIFI_PASSWORD": "bench-wifi",
    }


def write_settings(folder: Path, cloud: MockCloud) -> None:
    """Write settings.toml for the mock cloud, and the files that it and the pages' own name."""
    (folder / "settings.toml").write_text(_SETTINGS.format(base_url=cloud.base_url))
    (folder / "ca.pem").write_bytes(cloud.ca_pem)
    password = folder / "wifi-password"
    password.touch(mode=0o600)
    password.write_text("bench-wifi\n")


def write_world(folder: Path) -> Path:
    """Write a world with the Wi-Fi of the bench and of the venue."""
    world = folder / "bound-world.json"
    world.write_text(json.dumps({"access_points": _WIFI}))
    return world


def _make(words: list[str], *, run: bool) -> str:
    """Return what `make` would run for `make bench`; any other target is only looked up."""
    shown = shlex.join([*words, "--dry-run", "--assume-old=.venv/run.stamp",
                        "--assume-old=.venv/check.stamp"])  # fmt: skip
    if "bench" not in words or not run:
        return shown
    done = subprocess.run(
        ["bash", "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (recipe,) = [line for line in done.stdout.splitlines() if "startline_host.demo" in line]
    return recipe.replace(".venv/bin/python", shlex.quote(sys.executable))


def _stop(running: subprocess.Popen[bytes], command: str, log: Path) -> None:
    os.killpg(running.pid, signal.SIGINT)
    code = running.wait(timeout=_SECONDS)
    assert code in {0, 130}, f"$ {command} ended with {code}\n{log.read_text()}"


def _free_ports(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    numbers = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return numbers
