"""`set --try`: the way to the cloud is tried on the reader, and nothing is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from startline_host.flows.firmware_bundle import Provision
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline
from tests.objecting_server import objecting_server

Start = Callable[..., VirtualEsp32]

POINTS = {
    "bench": {"password": "bench-wifi"},
    "venue": {"password": "venue-wifi"},
}


def test_a_venue_is_tried_without_touching_anything(
    startline: Startline,
    start: Start,
    settings_file: Path,
    cloud: MockCloud,
    flash: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bound reader joins, checks the cloud's certificate, and stays as it is; faults are named."""
    chip = start({"access_points": POINTS})
    done = startline("up", "-p", chip.url, "--serial", SERIAL)
    assert done.code == 0, done.err
    before, requests = flash.read_bytes(), len(cloud.requests)

    def tried(*words: str, password: str = POINTS["venue"]["password"]) -> tuple[int, str]:
        monkeypatch.setenv("STARTLINE_WIFI_PASSWORD", password)
        done = startline("set", "-p", chip.url, "--try", *words)
        assert "venue-wifi" not in done.out + done.err
        return done.code, done.out + done.err

    code, said = tried("--ssid", "venue")
    assert code == 0, said
    assert f"{SERIAL} joined the Wi-Fi venue, address " in said
    assert "accepted its certificate" in said
    assert "without --try" in said
    code, said = tried("--ssid", "venue", password="not the one")
    assert (code, "wrong password" in said) == (20, True), said
    code, said = tried("--ssid", "elsewhere")
    assert (code, "no such network" in said) == (20, True), said
    assert tried()[0] == 0, "what it has is tried as well"
    monkeypatch.setenv("STARTLINE_WIFI_PASSWORD", "venue-wifi")
    result = startline("set", "-p", chip.url, "--try", "--ssid", "venue", "--json").lines()[-1]
    assert (result["written"], result["verified"]) == ([], True)
    assert result["address"]
    assert len(cloud.requests) == requests
    assert flash.read_bytes() == before
    status = startline("status", "-p", chip.url, "--interrupt")
    assert "bound" in status.out
    cloud.close()
    with objecting_server(cloud.port):
        code, said = tried()
    assert (code, "TLS failed" in said, "with an alert." in said) == (21, True, False), said


def test_a_reader_that_looks_for_another_network_tries_the_one_that_is_named(
    startline: Startline,
    start: Start,
    settings_file: Path,
    load_flash: Callable[[bytes], None],
    provision: Provision,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At a venue whose Wi-Fi it does not have, its own join is still under way, and gives way."""
    load_flash(provision.image())
    chip = start({"access_points": {"venue": POINTS["venue"]}})
    for password, code in (("not the one", 20), ("venue-wifi", 0)):
        monkeypatch.setenv("STARTLINE_WIFI_PASSWORD", password)
        done = startline("set", "-p", chip.url, "--try", "--ssid", "venue")
        assert done.code == code, done.err
        assert ("wrong password" in done.err) == (code == 20), done.err
    assert f"{SERIAL} joined the Wi-Fi venue" in done.out
    for words in (["set", "--try", "--ssid", "nowhere"], ["retry"]):
        done = startline(words[0], "-p", chip.url, *words[1:])
        assert done.code == 20, done.err
        ssid = "bench" if words == ["retry"] else "nowhere"
        assert f"the Wi-Fi '{ssid}': no such network. It sees 'venue'" in done.err
        assert "startline set --ssid NAME" in done.err
