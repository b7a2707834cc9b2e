"""Settings of a venue: written, found wrong, told when they stand in the way, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from startline_host.flows.firmware_bundle import Provision
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline, at_its_prompt
from tests.end_to_end.test_operator_orders import posts

Start = Callable[..., VirtualEsp32]
Load = Callable[..., None]


def test_a_wrong_password_is_mended_at_the_venue(
    startline: Startline,
    start: Start,
    load_flash: Load,
    settings_file: Path,
    cloud: MockCloud,
    monkeypatch: pytest.MonkeyPatch,
    flash: Path,
) -> None:
    """`up` names the reason (20), `set` stores the right password, `retry` finds it bound."""
    load_flash()
    chip = start({"access_points": {"bench": {"password": "another one"}}})
    done = startline("up", "-p", chip.url, "--serial", SERIAL)
    assert done.code == 20, done.err
    assert "wrong password" in done.err

    nobody = startline("set", "-p", chip.url, "--ssid", "bench")
    assert nobody.code == 60
    assert "--password-file" in nobody.err
    monkeypatch.setenv("STARTLINE_WIFI_PASSWORD", "another one")
    done = startline("set", "-p", chip.url, "--password", "--look-pause", "45", "--json")
    assert done.code == 0, done.err
    assert done.lines()[-1]["written"] == ["net.password", "set.look_pause"]
    assert "another one" not in done.out + done.err
    done = startline("retry", "-p", chip.url)
    assert done.code == 0, done.err
    assert posts(cloud) == 1
    assert cloud.devices()[0]["deviceid"] in done.out
    assert cloud.keys["WRITE"].encode() not in flash.read_bytes()


def test_what_the_venue_set_is_told_and_taken_back(
    startline: Startline, start: Start, load_flash: Load, settings_file: Path, flash: Path,
    provision: Provision, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """`provision` names settings that stand before its own; `set --factory` forgets them, bytes too."""
    load_flash(provision.image())
    chip = start({"access_points": {"bench": {"password": "bench-wifi"}}, "ntp": {"*": "nothing"}})
    at_its_prompt(chip)
    monkeypatch.setenv("STARTLINE_WIFI_PASSWORD", "venue-wifi")
    at_venue = startline("set", "-p", chip.url, "--ssid", "bench", "--look-pause", "45")
    assert (at_venue.code, "unbound" in at_venue.out) == (0, True), at_venue.err
    again = startline("provision", "-p", chip.url, "--serial", SERIAL)
    assert again.code == 0, again.err
    assert "stand before what is provisioned: net.password, set.look_pause" in again.err

    one = startline("set", "-p", chip.url, "--factory", "wifi", "--boot-limit", "7", "--json")
    assert one.code == 0, one.err
    result = one.lines()[-1]
    assert result["taken_back"] == ["net.ssid", "net.password"]
    assert result["written"] == ["set.boot_limit"]
    assert b"venue-wifi" not in flash.read_bytes()
    rest = startline("set", "-p", chip.url, "--factory")
    assert "Restored to the factory's: set.look_pause, set.boot_limit." in rest.out, rest.err
    none = startline("set", "-p", chip.url, "--factory", "ntp")
    assert (none.code, "None of these settings" in none.err) == (0, True)
    silent = startline("provision", "-p", chip.url, "--serial", SERIAL)
    assert "stand before" not in silent.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "No setting is given"),
        (["--ssid", "x" * 33, "--open"], "net.ssid"),
        (["--boot-limit", "5"], "boot_limit is 5; it must be a number of seconds from 6 to 3600"),
        (["--ntp", "a b"], "net.ntp"),
        (["--open", "--password"], "open Wi-Fi"),
        (["wifi"], "startline set --factory wifi"),
    ],
)
def test_a_wrong_setting_is_refused_before_the_port_is_opened(
    startline: Startline, options: list[str], words: str
) -> None:
    """What no device could use is refused first: the port, which does not exist, is not tried."""
    done = startline("set", "-p", "/dev/no-such-port", *options)
    assert done.code == 60, done.err
    assert words in done.err


@pytest.mark.parametrize("password", ["seven77", "with a \a bell", "\udcff" * 8, "x" * 65])
def test_a_password_that_no_wifi_has_is_refused(
    startline: Startline, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    """Too short, too long, controls, no text: refused without showing it or trying the port."""
    monkeypatch.setenv("STARTLINE_WIFI_PASSWORD", password)
    done = startline("set", "-p", "/dev/no-such-port", "--ssid", "bench")
    assert done.code == 60, done.err
    assert password not in done.err
