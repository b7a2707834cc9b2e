"""The agent's roles on a device: loaded as its settings use them, sent when a setting turns to one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from startline_host.boards import data_folder
from startline_host.flows.firmware_bundle import FirmwareBundle
from startline_host.formats.bytecode import compile_source, role_of
from startline_host.formats.littlefs_image import make_filesystem, read_filesystem
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline

VFS = slice(0x200000, 0x2FA000)
USB = "startline_usb"


def test_a_role_is_loaded_where_it_is_used(
    startline: Startline,
    start: Callable[..., VirtualEsp32],
    settings_file: Path,
    flash: Path,
    bundle: FirmwareBundle,
) -> None:
    """Without the cable as link its role is not loaded; `set` sends it, and `flash` keeps it.

    To an agent of another version it is not sent: nothing is changed, and the way is told (60).
    """
    chip = start()
    done = startline("up", "-p", chip.url, "--serial", SERIAL)
    assert done.code == 0, done.err
    files = read_filesystem(flash.read_bytes()[VFS])
    assert "startline_race" in set(map(role_of, files))
    assert USB not in set(map(role_of, files))
    assert files == bundle.with_roles(frozenset(map(role_of, files))).files
    chip.stop()

    name = "startline/record/rules"
    source = (data_folder("firmware") / f"{name}.py").read_bytes()
    other = {f"/lib/{name}.mpy": compile_source(source, "of another version")}
    image = bytearray(flash.read_bytes())
    image[VFS] = make_filesystem({**files, **other}, VFS.stop - VFS.start)
    flash.write_bytes(image)
    chip = start()
    done = startline("set", "-p", chip.url, "--link", "usb")
    assert done.code == 60, done.err
    assert "of another version" in done.err
    assert read_filesystem(flash.read_bytes()[VFS]) == {**files, **other}
    assert startline("flash", "-p", chip.url, "--allow-bound").code == 0
    assert read_filesystem(flash.read_bytes()[VFS]) == files

    done = startline("set", "-p", chip.url, "--link", "usb")
    assert done.code == 0, done.err
    assert f"Sending {USB}" in done.err
    sent = {path: data for path, data in bundle.files.items() if role_of(path) == USB}
    assert read_filesystem(flash.read_bytes()[VFS]) == {**files, **sent}
    assert startline("set", "-p", chip.url, "--factory", "link").code == 0
    assert startline("flash", "-p", chip.url, "--allow-bound").code == 0
    assert read_filesystem(flash.read_bytes()[VFS]) == {**files, **sent}
