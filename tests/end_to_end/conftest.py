"""A bench: virtual readers, a mock cloud, and the command itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from startline_host.boards import load_board
from startline_host.cli import main
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision, make_bundle
from startline_host.flows.firmware_store import FirmwareStore
from startline_host.formats.factory_partition import (
    ClaimSettings,
    DeviceSettings,
    NetSettings,
    OptionSettings,
    TlsSettings,
)
from startline_host.formats.flash_plan import merged_image
from startline_host.formats.units import Unit
from startline_host.mock_cloud import MockCloud
from startline_host.secrets import Secret
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import ALIAS, MODEL, SERIAL, SHORT_BOOT, Done, Startline


@pytest.fixture
def startline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Startline:
    """Run the command line in this process, far from the user's own settings."""
    for name in ("STARTLINE_PORT", "ESPPORT", "STARTLINE_READ_KEY", "STARTLINE_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("STARTLINE_BOARD", "VIRTUAL_ESP32")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        code = ended.value.code
        assert isinstance(code, int)
        return Done(code, out, err)

    return run


@pytest.fixture
def cloud() -> Iterator[MockCloud]:
    """Run a RUFUS cloud on this computer."""
    with MockCloud() as running:
        yield running


@pytest.fixture
def settings_file(cloud: MockCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a settings file for the bench's Wi-Fi and the mock cloud."""
    monkeypatch.setenv("CLAIM_KEY", cloud.keys["WRITE"])
    monkeypatch.setenv("WIFI_PASSWORD", "bench-wifi")
    monkeypatch.setenv("STARTLINE_READ_KEY", cloud.keys["READ"])
    (tmp_path / "ca.pem").write_bytes(cloud.ca_pem)
    path = tmp_path / "settings.toml"
    path.write_text(
        f"""
[claim]
cloud = "rufus"
base_url = "{cloud.base_url}"
key_env = "CLAIM_KEY"

[net]
ssid = "bench"
password_env = "WIFI_PASSWORD"

[tls]
ca = "ca.pem"

[set]
boot_limit = {SHORT_BOOT}

[unit]
model = "{MODEL}"
""",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> FirmwareBundle:
    """Compile the agent for the virtual board, once."""
    board = load_board("VIRTUAL_ESP32")
    store = FirmwareStore(tmp_path_factory.mktemp("firmware"))
    return make_bundle(board, store.obtain(board))


@pytest.fixture
def provision(cloud: MockCloud) -> Provision:
    """Make one unit of the mock cloud's, as the settings file would."""
    return Provision(
        Unit(serial=SERIAL, model=MODEL, alias=ALIAS, made_at=1_790_000_000),
        DeviceSettings(
            claim=ClaimSettings(
                cloud="rufus", base_url=cloud.base_url, key=Secret(cloud.keys["WRITE"])
            ),
            net=NetSettings(ssid="bench", password=Secret("bench-wifi")),
            tls=TlsSettings(ca=(cloud.ca_der,)),
            set=OptionSettings(boot_limit=SHORT_BOOT),
        ),
    )


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    """Name the file of a virtual reader's flash."""
    return tmp_path / "flash.bin"


@pytest.fixture
def load_flash(flash: Path, bundle: FirmwareBundle) -> Callable[[bytes | None], None]:
    """Write a whole flash at once, with the agent and, where it is given, an identity."""

    def load(fctry: bytes | None = None) -> None:
        flash.write_bytes(merged_image(bundle.plan(vfs=True, fctry=fctry)))

    return load


@pytest.fixture
def start(flash: Path) -> Iterator[Callable[..., VirtualEsp32]]:
    """Power up a virtual reader on the flash file; what still runs at the end is stopped."""
    running: list[VirtualEsp32] = []

    def power_up(
        world: Mapping[str, Any] | None = None, *, raw: bool = False, pty: bool = False
    ) -> VirtualEsp32:
        path = None
        if world is not None:
            path = flash.with_name("world.json")
            path.write_text(json.dumps(world), encoding="utf-8")
        running.append(VirtualEsp32(flash, world=path, raw=raw, pty=pty))
        return running[-1]

    yield power_up
    for chip in running:
        chip.stop()
