"""`--dry-run`: what a load would do is shown, and nothing of it is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.formats.flash_plan import merged_image
from startline_host.formats.littlefs_image import make_filesystem
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline
from tests.json_lines import checked

Start = Callable[..., VirtualEsp32]


def steps(last: dict[str, Any]) -> set[tuple[str, str]]:
    """Return what is done to what, out of a verb's last line."""
    found = last.get("result") or last
    return {(step["action"], step["what"]) for step in found["steps"]}


def test_a_blank_chip(
    startline: Startline, start: Start, settings_file: Path, flash: Path, cloud: MockCloud
) -> None:
    """All regions are listed, in a table and as JSON alike; the chip stays blank, the cloud unasked."""
    before = flash.read_bytes() if flash.exists() else b""
    url = start().url
    words = ("up", "-p", url, "--serial", SERIAL, "--dry-run")
    done = startline(*words, "--json")
    assert done.code == 0, done.err
    last = checked(done.out)[-1]
    whole = ("boot loader", "partition table", "application", "vfs", "fctry")
    assert {("write", name) for name in whole} <= steps(last)
    assert (last["kind"], last["via"], last["serial"]) == ("result", "boot loader", SERIAL)
    shown = startline(*words)
    assert all(name in shown.out for name in whole)
    assert "Nothing was written." in shown.out
    assert flash.read_bytes().strip(b"\xff") == before.strip(b"\xff") == b""
    assert not cloud.devices()


def test_a_device_at_its_prompt(
    startline: Startline,
    start: Start,
    settings_file: Path,
    flash: Path,
    bundle: FirmwareBundle,
    provision: Provision,
) -> None:
    """An older file, an owner's main.py and an identity are told of, with the code of the load."""
    files = {**bundle.files, "/lib/startline/record/rules.mpy": b"M\x06\x00\x1fold"}
    image = bytearray(merged_image(bundle.plan(vfs=True, fctry=None)))
    image[0x200000:0x2FA000] = make_filesystem(files, 0xFA000)
    flash.write_bytes(image)
    chip = start()
    for verb, words, wanted in (
        ("flash", (), ("write", "/lib/startline/record/rules.mpy")),
        ("provision", ("--serial", SERIAL), ("write", "fctry")),
    ):
        done = startline(verb, "-p", chip.url, *words, "--dry-run", "--json")
        assert done.code == 0, done.err
        assert wanted in steps(checked(done.out)[-1])
    chip.stop()
    image[0x200000:0x2FA000] = make_filesystem({**files, "/main.py": b"print('mine')"}, 0xFA000)
    flash.write_bytes(image)
    chip = start()
    done = startline("flash", "-p", chip.url, "--dry-run", "--json")
    last = checked(done.out)[-1]
    assert (done.code, last["kind"]) == (60, "error")
    assert ("refuse", "device") in steps(last)
    done = startline("flash", "-p", chip.url, "--dry-run", "--overwrite", "--json")
    assert done.code == 0, done.err
    assert {("ask", "/main.py"), ("save", "/main.py"), ("write", "/main.py")} <= steps(
        checked(done.out)[-1]
    )
    assert flash.read_bytes() == image
    assert not list(flash.parent.rglob("*.zip"))


def test_settings_of_a_venue(
    startline: Startline,
    start: Start,
    settings_file: Path,
    flash: Path,
    cloud: MockCloud,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`set` tells of each setting and of a role to send, with a refusal's own code; no byte changes."""
    monkeypatch.setenv("STARTLINE_WIFI_PASSWORD", "venue-wifi")
    chip = start()
    assert startline("up", "-p", chip.url, "--serial", SERIAL).code == 0
    words = ("set", "-p", chip.url, "--ssid", "Arena", "--link", "usb", "--dry-run")
    before, asked = flash.read_bytes(), len(cloud.requests)
    done = startline(*words, "--json")
    assert done.code == 0, done.err
    last = checked(done.out)[-1]
    assert {("write", "net.ssid"), ("write", "net.password"), ("write", "net.link")} <= steps(last)
    assert ("write", "/lib/startline_usb/__init__.mpy") in steps(last)
    assert (last["kind"], last["verb"], last["serial"]) == ("result", "set", SERIAL)
    shown = startline(*words)
    assert "Arena, instead of bench" in shown.out
    assert "Nothing was written." in shown.out
    assert "venue-wifi" not in done.out + done.err + shown.out + shown.err
    none = startline("set", "-p", chip.url, "--factory", "--dry-run", "--json")
    assert none.code == 0, none.err
    assert {action for action, _ in steps(checked(none.out)[-1])} == {"read", "keep"}
    assert startline("set", "-p", chip.url, "--try", "--dry-run").code == 2
    assert flash.read_bytes() == before
    assert len(cloud.requests) == asked
    chip.stop()

    image = bytearray(before)
    image[0x200000:0x2FA000] = make_filesystem({"/main.py": b"print('mine')"}, 0xFA000)
    flash.write_bytes(image)
    chip = start()
    for more in (("--dry-run",), ()):
        refused = startline("set", "-p", chip.url, "--look-pause", "45", *more, "--json")
        last = checked(refused.out)[-1]
        assert (refused.code, last["kind"]) == (11, "error"), refused.err
        assert "no agent that this version" in last["message"]
        if more:
            assert ("refuse", "device") in steps(last)
    assert flash.read_bytes() == image
