"""What binds a reader is found nowhere once it is bound: flash, console, files, process list."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from startline_host.device.port import open_port
from startline_host.flows.firmware_bundle import FirmwareBundle
from startline_host.formats.flash_plan import merged_image
from startline_host.formats.littlefs_image import make_filesystem
from startline_host.formats.partitions import make_table
from startline_host.formats.synthetic_firmware import stock_table
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import MODEL, SERIAL

Start = Callable[..., VirtualEsp32]

AUTHORIZATION = "Bearer canary-0123456789abcdef"
CLAIMS = {
    "rufus": 'key_file = "secrets/claim"',
    "vms": 'auth_file = "secrets/claim"\nlogin = "user-login"\nname = "name"\ntype = "mediaagent"',
}


class Watch:
    """Reads over and over what every process was called with, and what lies in open files.

    `commands` is all that `ps` showed, `inherited` the commands that were given a secret in their
    environment, `written` the files below a folder that held a secret.
    """

    def __init__(self, folder: Path, secrets: list[bytes]) -> None:
        self.commands = ""
        self.inherited: set[str] = set()
        self.written: set[Path] = set()
        self._folder = folder
        self._secrets = secrets
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            listed = subprocess.run(
                ["ps", "axww", "-o", "command="], capture_output=True, check=True
            )
            self.commands += listed.stdout.decode(errors="replace")
            self.written |= holders(self._folder, self._secrets)
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):  # it has ended, or is another user's
                    environment = (process / "environ").read_bytes()
                    if any(secret in environment for secret in self._secrets):
                        self.inherited.add(name_of(process))


def name_of(process: Path) -> str:
    """Return the program that a process runs: the module, where Python runs one."""
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    return words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name


def holders(folder: Path, secrets: list[bytes]) -> set[Path]:
    """Return the files anywhere below a folder that hold one of the secrets, in any usual form."""
    found = set()
    for path in folder.rglob("*"):
        try:
            data = path.read_bytes() if path.is_file() else b""
        except OSError:  # it has gone meanwhile
            continue
        if any(form in data for secret in secrets for form in forms(secret)):
            found.add(path)
    return found


def forms(secret: bytes) -> list[bytes]:
    """Return a secret as it is, in hex, and in base64 wherever it may begin."""
    encoded = [base64.b64encode(bytes(skip) + secret)[4:-4] for skip in range(3)]
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), *encoded]


@pytest.fixture
def cloud() -> Iterator[MockCloud]:
    """Run both clouds; the VMS wants an Authorization value."""
    with MockCloud(MockOptions(vms_authorization=AUTHORIZATION)) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Have a place for everything that the commands may write, whatever they keep or forget."""
    for name in ("secrets", "tmp", "home"):
        (tmp_path / name).mkdir()
    return tmp_path


def typed(home: Path, secrets: list[bytes], *words: str) -> str:
    """Run a command as a process of its own, with the secrets in variables; return what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "startline_host", *words],
        cwd=home,
        env={
            **{name: text for name, text in os.environ.items() if "STARTLINE" not in name},
            "TMPDIR": str(home / "tmp"),
            "HOME": str(home / "home"),
            "XDG_CACHE_HOME": str(home / "home" / "cache"),
            "STARTLINE_BOARD": "VIRTUAL_ESP32",
            "STARTLINE_CLAIM_KEY": secrets[0].decode(),
            "STARTLINE_READ_KEY": secrets[1].decode(),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


def tap(chip: VirtualEsp32, over: threading.Event, heard: list[bytes]) -> None:
    """Take down every byte that the chip sends."""
    assert chip.raw_url is not None
    with open_port(chip.raw_url) as port:
        while not over.is_set():
            heard.append(port.read(0.2))


def settings(home: Path, cloud: MockCloud, name: str) -> list[bytes]:
    """Write settings that name files of secrets; return the secrets."""
    keys = cloud.add_company("canary")
    claim = {"rufus": keys["WRITE"], "vms": AUTHORIZATION}[name]
    for file, secret in (("claim", claim), ("wifi", "bench-wifi"), ("read", keys["READ"])):
        (home / "secrets" / file).touch(0o600)
        (home / "secrets" / file).write_text(secret)
    (home / "ca.pem").write_bytes(cloud.ca_pem)
    url = {"rufus": cloud.base_url, "vms": cloud.root_url}[name]
    (home / "settings.toml").write_text(
        f'[claim]\ncloud = "{name}"\nbase_url = "{url}"\n{CLAIMS[name]}\n'
        '[net]\nssid = "bench"\npassword_file = "secrets/wifi"\n[tls]\nca = "ca.pem"\n'
        f'[set]\nboot_limit = 20\n[unit]\nmodel = "{MODEL}"\n'
    )
    return [claim.encode(), keys["READ"].encode()]


@pytest.mark.parametrize("table", ["own", "stock"])
@pytest.mark.parametrize("name", ["rufus", "vms"])
def test_what_binds_is_found_nowhere(
    start: Start,
    cloud: MockCloud,
    bundle: FirmwareBundle,
    home: Path,
    flash: Path,
    name: str,
    table: str,
) -> None:
    """Not in any byte of flash or console, any file that is left, any process or open file before."""
    secrets = settings(home, cloud, name)
    if table == "stock":
        image = bytearray(merged_image(bundle.plan(vfs=False, fctry=None)))
        image[0x8000:0x8C00] = make_table(stock_table())
        image[0x200000:] = make_filesystem(dict(bundle.files), 0x200000)
        flash.write_bytes(image)
    chip = start({"access_points": {"bench": {"password": "bench-wifi"}}}, raw=True)
    over, heard = threading.Event(), list[bytes]()
    listener = threading.Thread(target=tap, args=(chip, over, heard))
    listener.start()
    unit = ("-p", chip.url, "--serial", SERIAL)
    try:
        with Watch(home / "tmp", secrets) as watch:
            if table == "own":
                said = typed(home, secrets, "up", *unit, "--read-key-file", "secrets/read")
            else:
                said = typed(home, secrets, "provision", *unit) + typed(
                    home, secrets, "retry", "-p", chip.url
                )
            said += typed(home, secrets, "status", "-p", chip.url, "--interrupt", "--json")
            said += typed(home, secrets, "inspect", "-p", chip.url, "--json")
    finally:
        over.set()
        listener.join()
    assert '"state": "bound"' in said
    chip.stop()
    console = b"".join(heard)
    assert b"bound" in console
    # The watch saw esptool at work, and the command itself with its secrets.
    assert table == "stock" or "esptool_runner.py" in watch.commands
    assert watch.inherited == ({"startline_host"} if Path("/proc").is_dir() else set())
    assert " -m startline_host " in watch.commands
    for secret in secrets:
        text = secret.decode()
        assert text not in said + watch.commands
        assert not any(form in console for form in forms(secret)[:3])
    # Elsewhere than on Linux they lie in a folder for the length of a verb.
    assert not watch.written or not hasattr(os, "memfd_create")
    left = {path for path in holders(home, secrets) if path.parent.name != "secrets"}
    assert not left, f"{secrets} in {left}"
