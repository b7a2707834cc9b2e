"""Improv Serial: a client that others wrote sets up the Wi-Fi of a reader, which is then bound."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from startline_host.boards import load_board
from startline_host.flows.field_settings import field_settings
from startline_host.flows.firmware_bundle import FirmwareBundle, make_bundle
from startline_host.flows.firmware_store import FirmwareStore
from startline_host.flows.owner_files import _says_nothing
from startline_host.formats.bytecode import compile_source, device_files, files_with_roles
from startline_host.formats.flash_plan import merged_image
from startline_host.mock_cloud import MockCloud
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32
from tests.firmware.harness import factory_image, settings_for
from tests.firmware.test_start import start as start_main
from tests.not_here import skip_outside_ci
from tests.npm_packages import NotHereError, fetch, node
from tests.race_role.vm_cases import compile_race, run_cases

HERE = Path(__file__).parent
NVS = slice(0x9000, 0xF000)
VENUE = {"password": "p" * 63}


def test_in_the_real_vm(tmp_path: Path) -> None:
    """Each case of vm/improv_cases.py, described where it stands, holds."""
    lib = compile_race(tmp_path)
    cases = (HERE / "vm" / "improv_cases.py").read_bytes()
    (lib / "improv_cases.mpy").write_bytes(compile_source(cases, "improv_cases.py"))
    fctry = tmp_path / "fctry"
    fctry.write_bytes(
        factory_image(settings_for("https://localhost:1/v0", b"0" * 64, run="same", improv=True))
    )
    results = run_cases(lib, "improv_cases", fctry=str(fctry))
    assert len(results) == cases.count(b"\ndef test_")
    assert {name: why for name, why in results.items() if why} == {}


def test_a_damaged_role_keeps_no_app_from_starting(tmp_path: Path) -> None:
    """The main.py of a device with the role starts the agent without it, and is known as ours."""
    files = files_with_roles(device_files(), frozenset({"startline_improv"}), listens=True)
    starter = files["/main.py"]
    assert _says_nothing(starter)
    plain = files_with_roles(device_files(), frozenset({"startline_led"}), listens=True)[
        "/main.py"
    ]
    assert plain == device_files()["/main.py"]
    (tmp_path / "startline_improv").mkdir()
    (tmp_path / "startline_improv" / "__init__.mpy").write_bytes(b"torn")
    (tmp_path / "app.py").write_text("def main(device):\n    print('app has', device)\n")
    assert "booted\napp has the device\n" in start_main(tmp_path, None, main=starter.decode())


class Browser:
    """The client of npm's improv-wifi-serial-sdk at the raw port of a virtual chip."""

    def __init__(self, chip: VirtualEsp32) -> None:
        try:
            folder = fetch(HERE, "improv")
            command = [node(), HERE / "client.mjs", folder]
        except NotHereError as error:
            skip_outside_ci(error)
        assert chip.raw_url is not None
        host, port = chip.raw_url.removeprefix("socket://").split(":")
        self._process = subprocess.Popen(
            [*command, host, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, method: str, *given: Any) -> Any:
        """Call a method of the client; return its answer, or raise AssertionError with its error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([method, *given]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "failed" not in answer, answer["failed"]
        return answer["is"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> FirmwareBundle:
    """Compile the agent for the virtual board."""
    board = load_board("VIRTUAL_ESP32")
    return make_bundle(board, FirmwareStore(tmp_path_factory.mktemp("firmware")).obtain(board))


@pytest.fixture(scope="module")
def cloud() -> Iterator[MockCloud]:
    """Run a cloud."""
    with MockCloud() as running:
        yield running


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    """Name a chip's flash; beside it lies its world, with the Wi-Fi of a venue."""
    (tmp_path / "world.json").write_text(
        json.dumps({"access_points": {"venue": VENUE, "caf\udce9": {}}})
    )
    return tmp_path / "flash.bin"


def start(flash: Path) -> VirtualEsp32:
    """Power a chip up."""
    return VirtualEsp32(flash, world=flash.with_name("world.json"), raw=True)


def test_from_no_wifi_to_bound(flash: Path, bundle: FirmwareBundle, cloud: MockCloud) -> None:
    """A reader that cannot join its Wi-Fi is told another, joins it, keeps it, and binds.

    While an attempt is under way it answers as well, and what it is told ends the attempt.
    """
    settings = settings_for(
        cloud.base_url, cloud.ca_der, cloud.keys["WRITE"], ssid="elsewhere", improv=True
    )
    roles = frozenset({"startline_improv"})
    plan = bundle.with_roles(roles, listens=True).plan(vfs=True, fctry=factory_image(settings))
    flash.write_bytes(merged_image(plan))
    with start(flash) as chip, Browser(chip) as browser:
        info = browser("initialize", 60000)
        assert (info["firmware"], info["chipFamily"]) == ("Startline", "ESP32")
        assert browser("state") in (2, 3)
        names = [one["name"] for one in browser("scan", 90000)]
        assert "venue" in names
        with pytest.raises(AssertionError, match="UNABLE_TO_CONNECT"):
            browser("provision", "venue", "q" * 63, 90000)
        with pytest.raises(AssertionError, match="UNKNOWN_RPC_COMMAND"):
            browser("setHostname", "x")
        browser("requestInfo", 90000)
        assert browser("info")["name"] == "DEVICE-123"
        assert field_settings(flash.read_bytes()[NVS]) == {}
        browser("provision", "venue", VENUE["password"], 90000)
        assert browser("state") == 4
        browser("requestCurrentState", 90000)
        deadline = Deadline(60)
        while not cloud.devices():  # it answers before it binds
            assert not deadline.expired
            time.sleep(0.1)
    stored = field_settings(flash.read_bytes()[NVS])
    assert stored == {("net", "ssid"): b"venue", ("net", "password"): b"p" * 63}
    assert len(cloud.devices()) == 1
