"""The reader's own side of the race, in the real MicroPython, without a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from startline_host.clouds.vms import VmsClaim
from startline_host.formats.factory_partition import DeviceSettings, NetSettings
from tests.firmware.harness import factory_image, settings_for
from tests.race_role.vm_cases import names_of, run_cases


@pytest.fixture(scope="module")
def results(race_lib: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Run every case in one process."""
    fctry = tmp_path_factory.mktemp("facade") / "fctry"
    settings = settings_for("https://localhost:1/v0", b"0" * 64, run="same")
    fctry.write_bytes(factory_image(settings))
    vms = fctry.with_name("vms")
    claim = VmsClaim(
        cloud="vms", base_url="https://localhost:1", login="Ann", name="Start", type="reader"
    )
    vms.write_bytes(
        factory_image(DeviceSettings(claim=claim, net=NetSettings(ssid="bench"), tls=settings.tls))
    )
    return run_cases(race_lib, "facade_cases", fctry=str(fctry), vms=str(vms))


@pytest.mark.parametrize("name", names_of("facade_cases"))
def test_facade(results: Mapping[str, str], name: str) -> None:
    """The case of that name, described where it stands, holds."""
    assert results[name] == ""
