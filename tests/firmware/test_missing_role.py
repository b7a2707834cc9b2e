"""A device that was not given a role that its settings use says so, and its app starts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec
import pytest
from startline.device import Device

from startline_host.device.console import Event
from startline_host.device.event_text import describe_event
from startline_host.formats.factory_partition import DeviceSettings, NetSettings
from tests.firmware.fake_chip import FakeChip
from tests.firmware.harness import Boot, HarnessReader, factory_image, settings_for
from tests.firmware.test_vms_activation import settings_for as vms_settings

_NOWHERE = "https://localhost:1/v0"


@pytest.fixture
def core(lib: Path, tmp_path: Path) -> Path:
    """Give the core, with the tests' own modules and without any role."""
    folder = tmp_path / "lib"
    shutil.copytree(lib / "startline", folder / "startline")
    for path in lib.glob("*.mpy"):
        shutil.copy(path, folder)
    return folder


def boot(core: Path, settings: DeviceSettings) -> Boot:
    """Boot a device that has the core alone."""
    return HarnessReader(core.parent / "reader", core, factory_image(settings)).boot()


def warned(one: Boot) -> list[str]:
    """Return what a boot warned of."""
    return [event["what"] for event in one.all("warning")]


def test_the_cable_without_its_role(core: Path) -> None:
    """The link fails with a reason, nothing is tried twice, and the device stays unbound."""
    settings = settings_for(_NOWHERE, b"ca")
    one = boot(core, msgspec.structs.replace(settings, net=NetSettings(link="usb")))
    assert one.failures() == [("link", "no_role")]
    assert (one.state, one.reason) == ("unbound", "link no_role")
    assert warned(one) == ["no_role startline_usb"]


def test_a_cloud_without_its_role(core: Path) -> None:
    """A cloud that is a role of its own is missing by name."""
    one = boot(core, vms_settings(_NOWHERE, b"ca"))
    assert (one.state, one.reason) == ("unprovisioned", "missing claim.cloud")
    assert warned(one) == ["no_role startline_vms"]


def test_an_led_without_its_role(core: Path) -> None:
    """The LED stays dark, which is said once, and the device tries to bind."""
    one = boot(core, settings_for(_NOWHERE, b"ca", led=2, boot_limit=6))
    assert warned(one) == ["no_role startline_led"]
    assert one.failures()[0][0] == "connect"


def test_a_race_without_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """`device.race()` raises ImportError, which says what to do."""
    monkeypatch.setitem(sys.modules, "startline_race", None)
    with pytest.raises(ImportError, match="startline flash"):
        Device(FakeChip({}, {})).race()


def test_the_host_says_what_to_do() -> None:
    """Whoever watches is told what is missing, and what loads it."""
    said = describe_event(Event("warning", 0, 0, {"what": "no_role startline_usb"}))
    assert said == "warning: it has no startline_usb, which it needs; `startline flash` loads it"
