"""With `link = "usb"` one cable is all that a reader needs: no Wi-Fi, no network of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from startline_host.flows.firmware_bundle import Provision
from startline_host.formats.factory_partition import NetSettings, OptionSettings
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline

Start = Callable[..., VirtualEsp32]

#: No access point, no name server, and no connection of the chip's own would ever be made.
NOTHING_AROUND = {"access_points": {}, "dns_fault": "fail", "ntp": {}}
#: Bytes on a cable take their time; one try has room in so many seconds.
BOOT = 30


@pytest.fixture
def usb_settings(settings_file: Path) -> Path:
    """Have the settings name the cable as the link."""
    head, rest = settings_file.read_text(encoding="utf-8").split("[net]")
    tail = rest.partition("[tls]")[2].replace("boot_limit = 6", f"boot_limit = {BOOT}")
    settings_file.write_text(f'{head}[net]\nlink = "usb"\n\n[tls]{tail}', encoding="utf-8")
    return settings_file


def test_up_binds_over_the_cable_alone(
    startline: Startline, start: Start, cloud: MockCloud, usb_settings: Path, flash: Path
) -> None:
    """One command takes a blank chip with nothing around it to bound and verified, over TLS."""
    chip = start(NOTHING_AROUND)
    done = startline("up", "-p", chip.url, "--serial", SERIAL)
    assert done.code == 0, done.err
    (device,) = cloud.devices()
    assert f"deviceid {device['deviceid']}" in done.out
    assert "TLS: verified" in done.err
    assert "The cloud knows this very device." in done.err
    assert cloud.keys["WRITE"].encode() not in flash.read_bytes()


def test_provision_follows_a_first_boot_that_needs_this_computer(
    startline: Startline,
    start: Start,
    cloud: MockCloud,
    usb_settings: Path,
    load_flash: Callable[..., None],
) -> None:
    """A reader that has its agent is told who it is, and its connections are carried until it rests."""
    load_flash()
    chip = start(NOTHING_AROUND)
    done = startline("provision", "-p", chip.url, "--serial", SERIAL, "--json")
    assert done.code == 0, done.err
    result = done.lines()[-1]
    assert (result["state"], result["written"]) == ("bound", ["fctry"])
    assert result["deviceid"] == cloud.devices()[0]["deviceid"]


def test_monitor_carries_connections_to_the_cloud_of_its_settings_only(
    start: Start,
    cloud: MockCloud,
    usb_settings: Path,
    load_flash: Callable[..., None],
    provision: Provision,
) -> None:
    """With another cloud's settings the reader gets no connection, with its own it binds."""
    ours = msgspec.structs.replace(
        provision.settings, net=NetSettings(link="usb"), set=OptionSettings(boot_limit=BOOT)
    )
    load_flash(Provision(provision.unit, ours).image())
    chip = start(NOTHING_AROUND)
    elsewhere = usb_settings.with_name("elsewhere.toml")
    elsewhere.write_text(
        '[claim]\ncloud = "rufus"\nbase_url = "https://localhost:1/v0"\n', "utf-8"
    )
    failed = watched(chip.url, elsewhere, '"name": "failed"')
    assert ('"connect"' in failed, len(cloud.requests)) == (True, 0)
    assert '"bound"' in watched(chip.url, usb_settings, '"name": "ready"')
    assert cloud.requests.count("POST") == 1


def watched(url: str, settings: Path, until: str) -> str:
    """Run `monitor` as a person does, until a line holds `until`; then press Ctrl-C."""
    words = ["monitor", "-p", url, "--reset", "--json", "--settings", str(settings)]
    code = f"from startline_host.cli import main; main({words!r})"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as shown:
        assert shown.stdout is not None
        too_long = threading.Timer(60, shown.kill)
        too_long.start()
        found = next((line for line in shown.stdout if until in line), "")
        shown.send_signal(signal.SIGINT)
        shown.communicate()
        too_long.cancel()
        assert shown.returncode == 0
    return found
