"""Loading by asking first: what is there stays, what differs is written, a binding is never lost."""

from __future__ import annotations

import io
import re
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import msgspec
import pytest

from startline_host.device.port import open_port
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.first_boot import follow_first_boot
from startline_host.flows.notices import ignore_notices
from startline_host.formats.flash_plan import merged_image
from startline_host.formats.littlefs_image import make_filesystem, read_filesystem
from startline_host.formats.partitions import make_table
from startline_host.formats.synthetic_firmware import stock_table
from startline_host.mock_cloud import MockCloud
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Done, Startline

Start = Callable[..., VirtualEsp32]

NVS, BIND, VFS = slice(0x9000, 0xF000), slice(0x3FA000, 0x3FC000), slice(0x200000, 0x2FA000)
FCTRY = slice(0x3FC000, 0x400000)

#: The core's modules when they all stood side by side, as far as none of these is a module now.
FLAT = (
    "answer_text", "attempt_lock", "backoff", "bind_answer", "bind_request", "clock", "console",
    "dates", "device_list", "erase_key", "error_reasons", "errors", "http_chunked", "http_guard",
    "http_head", "json_scanner", "limits", "nvs_entries", "nvs_reader", "nvs_record", "nvs_traces",
    "outcome", "prepare", "record_frame", "record_load", "record_rules", "record_store",
    "serial_match", "settings_check", "unicode_fold", "wifi", "zero_erased", "clouds/__init__",
)  # fmt: skip


def up(startline: Startline, chip: VirtualEsp32, *more: str) -> Done:
    """Bring a reader up and return how the command ended."""
    return startline("up", "-p", chip.url, "--serial", SERIAL, *more)


@pytest.fixture
def bound(start: Start, load_flash: Callable[..., None], provision: Provision) -> VirtualEsp32:
    """Have a reader that has bound itself."""
    load_flash(provision.image())
    chip = start()
    with open_port(chip.url) as port:
        port.reset()
        outcome = follow_first_boot(port, Deadline(30), ignore_notices)
    assert outcome.bound
    return chip


def edit(flash: Path, place: slice, data: bytes) -> None:
    """Change the flash of a reader that is switched off."""
    image = bytearray(flash.read_bytes())
    image[place] = data.ljust(place.stop - place.start, b"\xff")
    flash.write_bytes(image)


def precious(flash: Path) -> list[bytes]:
    """Return what a bound reader must not lose."""
    image = flash.read_bytes()
    return [image[place] for place in (NVS, BIND, FCTRY)]


def test_the_owners_files_outlive_a_new_agent(
    startline: Startline, start: Start, settings_file: Path, flash: Path, bundle: FirmwareBundle
) -> None:
    """An older agent is brought up to date file by file; app.py, data and strangers' files stay.

    It is one whose modules all stood side by side: of those none is left, and no folder is missing.
    """
    new = {path for path in bundle.files if re.match("/lib/startline/[a-z]+/", path)}
    assert {PurePosixPath(path).parent.name for path in new} == {"record", "nvs", "net", "clouds"}
    left = {f"/lib/startline/{name}.mpy" for name in FLAT}
    assert not left & bundle.files.keys()
    old = {path: data for path, data in bundle.files.items() if path not in new}
    old |= dict.fromkeys(left, b"M\x06\x00\x1fold")
    old["/lib/startline/leftover.py"] = b"raise SystemExit"
    old["/main.py.new"] = b"import"
    own = {"/app.py": b"def main(device):\n    print('app', device.state)\n", "/data/a.txt": b"1"}
    flash.write_bytes(merged_image(_with_files(bundle, old | own).plan(vfs=True, fctry=None)))
    done = up(startline, start(), "--json")
    assert done.code == 0, done.out
    result = done.lines()[-1]
    assert (result["files"], result["removed"]) == (len(new), len(left) + 2)
    assert result["written"] == ["fctry"]
    files = read_filesystem(flash.read_bytes()[VFS])
    assert files == {**bundle.files, **own}


def test_a_bound_reader_with_a_damaged_file_system_is_saved(
    startline: Startline, bound: VirtualEsp32, start: Start, settings_file: Path, flash: Path
) -> None:
    """With --allow-bound the files are written anew, and the binding is what it was."""
    bound.stop()
    kept = precious(flash)
    edit(flash, VFS, b"\x55" * 0x4000)
    done = up(startline, start(), "--allow-bound", "--json")
    assert done.code == 0, done.err
    result = done.lines()[-1]
    assert (result["state"], result["kept_identity"]) == ("bound", True)
    assert result["written"] == ["vfs"]
    assert precious(flash) == kept


def test_a_bound_reader_without_a_prompt_is_left_as_it_is(
    startline: Startline, bound: VirtualEsp32, start: Start, settings_file: Path, flash: Path
) -> None:
    """Where only the boot loader can tell that it is bound, it does, and nothing is written."""
    bound.stop()
    edit(flash, slice(0x8000, 0x9000), b"")  # A cut while the table was written leaves none.
    before = flash.read_bytes()
    chip = start()
    done = up(startline, chip)
    assert done.code == 41, done.err
    assert f"is bound ({SERIAL}" in done.err
    assert flash.read_bytes() == before
    saved = up(startline, chip, "--allow-bound", "--json")
    assert saved.code == 0, saved.err
    assert saved.lines()[-1]["written"] == ["partition table"]
    assert precious(flash) == [before[place] for place in (NVS, BIND, FCTRY)]


def test_loading_that_was_cut_is_finished_by_running_it_again(
    startline: Startline, start: Start, settings_file: Path, flash: Path, cloud: MockCloud
) -> None:
    """A chip whose plug is pulled while it is written to is loaded by the next run."""
    chip = start()
    cutter = threading.Thread(target=_pull_the_plug, args=(chip, flash))
    cutter.start()
    done = up(startline, chip)
    cutter.join()
    assert done.code in {10, 12}, done.err
    assert flash.read_bytes().count(b"\xff") < 4 << 20
    again = up(startline, start())
    assert again.code == 0, again.err
    assert len(cloud.devices()) == 1


def _pull_the_plug(chip: VirtualEsp32, flash: Path) -> None:
    deadline = time.monotonic() + 60
    while flash.read_bytes()[0x10000:0x11000] == b"\xff" * 0x1000 and time.monotonic() < deadline:
        time.sleep(0.01)
    chip.kill()


def test_a_plain_micropython_becomes_a_reader(
    startline: Startline, start: Start, settings_file: Path, flash: Path, bundle: FirmwareBundle
) -> None:
    """A board with the stock table is given ours; that its file system goes is said."""
    flash.write_bytes(plain(bundle, {"/boot.py": STOCK_BOOT}))
    done = up(startline, start())
    assert done.code == 0, done.err
    assert "it is written anew" in done.err
    assert not list(flash.parent.rglob("*.zip"))


def test_what_a_plain_micropython_holds_is_not_lost_unasked(
    startline: Startline, start: Start, settings_file: Path, flash: Path, bundle: FirmwareBundle
) -> None:
    """Its owner's files are named and stay (60), and on demand they are saved before they go."""
    own = {
        "/main.py": b"print('plain')", "/data/x.bin": bytes(20_000), "/boot.py": STOCK_BOOT,
    }  # fmt: skip
    image = plain(bundle, own)
    flash.write_bytes(image)
    chip = start()
    done = up(startline, chip)
    assert done.code == 60, done.err
    assert "/data/x.bin, /main.py" in done.err
    assert "written anew" not in done.err
    assert flash.read_bytes() == image
    done = up(startline, chip, "--overwrite")
    assert done.code == 0, done.err
    assert saved(flash) == {"main.py": own["/main.py"], "data/x.bin": own["/data/x.bin"]}


def test_a_saved_file_system_needs_no_second_saving(
    startline: Startline, start: Start, settings_file: Path, flash: Path, bundle: FirmwareBundle
) -> None:
    """Who names a --backup has agreed: all bytes of the old file system are kept, and no ZIP."""
    flash.write_bytes(plain(bundle, {"/main.py": b"print('plain')"}))
    image = flash.with_name("old.img")
    done = up(startline, start(), "--backup", str(image))
    assert done.code == 0, done.err
    assert read_filesystem(image.read_bytes()) == {"/main.py": b"print('plain')"}
    assert not list(flash.parent.rglob("*.zip"))


def test_an_owners_main_py_is_not_overwritten_unasked(
    startline: Startline,
    bound: VirtualEsp32,
    start: Start,
    settings_file: Path,
    flash: Path,
    bundle: FirmwareBundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is named and stays (60); once its owner agrees it is saved, and the binding is what it was."""
    bound.stop()
    kept = precious(flash)
    own = b"import startline\ndevice = startline.first_boot()\nprint('mine', device.state)\n"
    edit(flash, VFS, make_filesystem({**bundle.files, "/main.py": own}, VFS.stop - VFS.start))
    chip = start()
    before = flash.read_bytes()
    for verb in (("flash",), ("up", "--serial", SERIAL)):
        done = startline(verb[0], "-p", chip.url, *verb[1:], "--allow-bound")
        assert done.code == 60, done.err
        assert "/main.py" in done.err
        assert "--overwrite" in done.err
    assert flash.read_bytes() == before
    answers = LoadingTerminal("n\ny\n")
    monkeypatch.setattr("sys.stdin", answers)
    assert startline("flash", "-p", chip.url, "--allow-bound").code == 60
    assert flash.read_bytes() == before
    done = startline("flash", "-p", chip.url, "--allow-bound")
    assert done.code == 0, done.err
    assert read_filesystem(flash.read_bytes()[VFS]) == bundle.files
    assert saved(flash) == {"main.py": own}
    assert precious(flash) == kept


def test_an_owners_main_py_behind_other_firmware_is_asked_about_first(
    startline: Startline, start: Start, settings_file: Path, flash: Path, bundle: FirmwareBundle
) -> None:
    """Where firmware is written as well, the question comes before the first byte of it."""
    own = {"/main.py": b"print('mine')", "/app.py": b"x = 1"}
    image = bytearray(
        merged_image(_with_files(bundle, {**bundle.files, **own}).plan(vfs=True, fctry=None))
    )
    image[0x20000] ^= 1
    flash.write_bytes(image)
    chip = start()
    done = startline("flash", "-p", chip.url)
    assert done.code == 60, done.err
    assert flash.read_bytes() == image
    done = startline("flash", "-p", chip.url, "--overwrite")
    assert done.code == 0, done.err
    assert saved(flash) == {"main.py": own["/main.py"]}
    assert read_filesystem(flash.read_bytes()[VFS]) == {**bundle.files, "/app.py": b"x = 1"}


@pytest.mark.parametrize("verb", ["up", "flash"])
def test_a_refusal_announces_nothing(
    startline: Startline, bound: VirtualEsp32, start: Start, settings_file: Path, flash: Path,
    verb: str,
) -> None:  # fmt: skip
    """A bound reader with a damaged file system is refused (41) before anything is said of it."""
    bound.stop()
    edit(flash, VFS, b"\x55" * 0x4000)
    before = flash.read_bytes()
    words = ("--serial", SERIAL) if verb == "up" else ()
    done = startline(verb, "-p", start().url, *words)
    assert done.code == 41, done.err
    assert "anew" not in done.err
    assert flash.read_bytes() == before


class LoadingTerminal(io.StringIO):
    """Somebody who answers what is asked."""

    def isatty(self) -> bool:
        """Be a person's."""
        return True


#: What MicroPython's port writes as boot.py onto a blank file system.
STOCK_BOOT = (
    b"# This file is executed on every boot (including wake-boot from deepsleep)\n#import esp\n"
)


def plain(bundle: FirmwareBundle, files: dict[str, bytes]) -> bytes:
    """Return the flash of a board with a plain MicroPython, its stock table, and these files."""
    image = bytearray(merged_image(bundle.plan(vfs=False, fctry=None)))
    image[0x8000:0x8C00] = make_table(stock_table())
    image[0x200000:] = make_filesystem(files, 0x200000)
    return bytes(image)


def saved(flash: Path) -> dict[str, bytes]:
    """Return what is in the one ZIP that was saved, which only its owner can read."""
    (path,) = flash.parent.rglob("*.zip")
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_reader_of_another_identity_is_not_overwritten(
    startline: Startline,
    start: Start,
    settings_file: Path,
    load_flash: Callable[..., None],
    provision: Provision,
    cloud: MockCloud,
    flash: Path,
) -> None:
    """A refused reader keeps its record, and another serial number does not go over it."""
    cloud.faults.turn_on("status:403@POST")
    load_flash()
    chip = start()
    assert up(startline, chip).code == 30
    before = flash.read_bytes()
    done = startline("up", "-p", chip.url, "--serial", "ANOTHER-1")
    assert done.code == 41, done.err
    assert f"another identity ({SERIAL}, refused)" in done.err
    assert "startline reset" in done.err
    assert flash.read_bytes() == before
    cloud.faults.clear()
    mended = up(startline, chip)
    assert mended.code == 0, mended.err


def _with_files(bundle: FirmwareBundle, files: dict[str, bytes]) -> FirmwareBundle:
    return msgspec.structs.replace(bundle, files=files)


def test_an_unchanged_reader_costs_no_byte(
    startline: Startline,
    start: Start,
    settings_file: Path,
    load_flash: Callable[..., None],
    flash: Path,
) -> None:
    """`flash` on a reader that has it all writes nothing and says so."""
    load_flash()
    chip = start()
    before = flash.read_bytes()
    done = startline("flash", "-p", chip.url, "--json")
    assert done.code == 0, done.err
    assert done.lines()[-1]["bytes_sent"] == 0
    assert flash.read_bytes() == before


@pytest.mark.parametrize("kind", ["socket", "pty"])
def test_a_line_without_reset_wires_will_do(
    startline: Startline,
    start: Start,
    settings_file: Path,
    load_flash: Callable[..., None],
    cloud: MockCloud,
    kind: str,
) -> None:
    """A reader that has its agent is brought up at its prompt alone, and restarted from there."""
    load_flash()
    chip = start(raw=True, pty=True)
    url = chip.raw_url if kind == "socket" else chip.pty_path
    assert url is not None
    done = startline("up", "-p", url, "--serial", SERIAL, "--json")
    assert done.code == 0, done.err
    assert done.lines()[-1]["deviceid"] == cloud.devices()[0]["deviceid"]
    again = startline("up", "-p", url, "--serial", SERIAL)
    assert again.code == 41


def test_provisioning_alone_lets_the_reader_bind_itself(
    startline: Startline,
    start: Start,
    settings_file: Path,
    load_flash: Callable[..., None],
    cloud: MockCloud,
) -> None:
    """`provision` writes the identity, restarts the reader, and that is all it needs."""
    load_flash()
    chip = start()
    done = startline("provision", "-p", chip.url, "--serial", SERIAL)
    assert done.code == 0, done.err
    assert "Wrote fctry" in done.out
    cloud.wait_for_request("POST", timeout=30)
    again = startline("provision", "-p", chip.url, "--serial", SERIAL)
    assert again.code == 41
