"""A reader whose own program takes the console away: told apart from a dead one, and got back."""

from __future__ import annotations

import contextlib
import os
import pty
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from startline_host.device.port import open_port
from startline_host.flows import take_prompt
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.observe import wait_for_state
from startline_host.flows.roles import RACING_ROLES
from startline_host.flows.take_prompt import take_prompt_at_start
from startline_host.formats.flash_plan import merged_image
from startline_host.formats.littlefs_image import read_filesystem
from startline_host.mock_cloud import MockCloud
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline

Start = Callable[..., VirtualEsp32]

NVS, BIND, VFS = slice(0x9000, 0xF000), slice(0x3FA000, 0x3FC000), slice(0x200000, 0x2FA000)
FCTRY = slice(0x3FC000, 0x400000)

DEAF = b"import micropython\nmicropython.kbd_intr(-1)\n"
FOR_EVER = b"import time\ndef main(device):\n    while True:\n        time.sleep(1)\n"
APPS = {
    "deaf": DEAF + FOR_EVER,
    "deaf and loud": DEAF + FOR_EVER.replace(b"sleep(1)", b"sleep(0.1)\n        print('tick')"),
    "catches all": b"""
import time
def main(device):
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass
""",
}


@pytest.fixture
def reader(
    start: Start, flash: Path, bundle: FirmwareBundle, provision: Provision, cloud: MockCloud
) -> Callable[..., VirtualEsp32]:
    """Have a reader that has bound itself, and that runs these files of its owner's."""

    def run(files: dict[str, bytes], **how: object) -> VirtualEsp32:
        image = msgspec.structs.replace(bundle, own=files).plan(vfs=True, fctry=provision.image())
        if "/boot.py" in files:
            changed = {**bundle.files, **files}
            image = msgspec.structs.replace(bundle, files=changed).plan(
                vfs=True, fctry=provision.image()
            )
        flash.write_bytes(merged_image(image))
        chip = start(**how)
        if "/boot.py" not in files:
            with open_port(chip.url) as port:
                port.reset()
                wait_for_state(port, "bound", Deadline(30))
        return chip

    return run


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up waiting for a prompt early, where it is known that there is none."""
    monkeypatch.setattr("startline_host.flows.operator.device_session._PROMPT", 2.0)
    monkeypatch.setattr("startline_host.flows.observe._PROMPT_SECONDS", 2.0)


@contextlib.contextmanager
def pressing(chip: VirtualEsp32) -> Iterator[None]:
    """Press RESET, and again after a while: a busy computer may be too late for the first start."""
    caught = threading.Event()

    def press() -> None:
        for pause in (0.5, 10, 10, 10, 10):
            if caught.wait(pause):
                return
            chip.reset()

    finger = threading.Thread(target=press)
    finger.start()
    try:
        yield
    finally:
        caught.set()
        finger.join()


def precious(flash: Path) -> list[bytes]:
    """Return what a bound reader must not lose."""
    image = flash.read_bytes()
    return [image[place] for place in (NVS, BIND, FCTRY)]


@pytest.mark.parametrize("app", APPS)
def test_a_program_that_keeps_the_console_is_named_and_stopped(
    startline: Startline,
    reader: Callable[..., VirtualEsp32],
    settings_file: Path,
    impatient: None,
    flash: Path,
    app: str,
) -> None:
    """Without --hard its program is blamed (12), with it the reader is asked, and then runs on."""
    chip = reader({"/app.py": APPS[app]})
    kept = precious(flash)
    for verb in (("status", "--interrupt"), ("retry",)):
        done = startline(verb[0], "-p", chip.url, *verb[1:])
        assert done.code == 12, done.err
        assert "its own program keeps the console" in done.err
        assert "startline flash --allow-bound --app FOLDER" in done.err
        assert "--hard" in done.err
        assert "power" not in done.err
    done = startline("status", "-p", chip.url, "--hard", "--json")
    assert done.code == 0, done.err
    assert (done.lines()[-1]["state"], done.lines()[-1]["serial"]) == ("bound", SERIAL)
    assert precious(flash) == kept
    done = startline("set", "-p", chip.url, "--hard", "--ntp", "localhost")
    assert done.code == 0, done.err
    assert f"{SERIAL} is bound" in done.out
    assert read_filesystem(flash.read_bytes()[VFS])["/app.py"] == APPS[app]


def test_another_app_can_be_loaded_past_it(
    startline: Startline,
    reader: Callable[..., VirtualEsp32],
    settings_file: Path,
    flash: Path,
    tmp_path: Path,
) -> None:
    """`flash --app` replaces just the app of such a reader, and the binding stays what it was."""
    chip = reader({"/app.py": APPS["deaf"], "/data.txt": b"kept"})
    kept = precious(flash)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "app.py").write_text("def main(device):\n    print('quiet')\n")
    done = startline(
        "flash", "-p", chip.url, "--allow-bound", "--app", str(tmp_path / "mine"), "--json"
    )
    assert done.code == 0, done.err
    assert (done.lines()[-1]["written"], done.lines()[-1]["files"]) == ([], 1)
    assert '"Sending 1 file"' in done.out
    files = read_filesystem(flash.read_bytes()[VFS])
    assert b"quiet" in files["/app.py"]
    assert files["/data.txt"] == b"kept"
    assert precious(flash) == kept
    assert startline("status", "-p", chip.url, "--interrupt").code == 0


def test_a_boot_py_that_keeps_the_console_is_got_round_by_the_boot_loader(
    startline: Startline,
    reader: Callable[..., VirtualEsp32],
    settings_file: Path,
    flash: Path,
    bundle: FirmwareBundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What --hard cannot stop is said, and the file system is replaced with all of it saved."""
    monkeypatch.setattr("startline_host.flows.take_prompt._CATCH", 3.0)
    chip = reader({"/boot.py": DEAF + b"while True:\n    pass\n"})
    done = startline("status", "-p", chip.url, "--hard")
    assert done.code == 12, done.err
    assert "flash --allow-bound --recreate-files --backup FILE" in done.err
    kept = precious(flash)
    old = flash.with_name("old.img")
    words = ("--allow-bound", "--recreate-files", "--backup", str(old))
    done = startline("flash", "-p", chip.url, *words)
    assert done.code == 0, done.err
    assert read_filesystem(old.read_bytes())["/boot.py"].startswith(DEAF)
    used = bundle.with_roles(RACING_ROLES | {"startline_console"})
    assert read_filesystem(flash.read_bytes()[VFS]) == used.files
    assert precious(flash) == kept


def test_without_reset_wires_a_person_presses_reset(
    startline: Startline,
    reader: Callable[..., VirtualEsp32],
    settings_file: Path,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a line without DTR and RTS the silence may be either, and --hard waits for the button."""
    chip = reader({"/app.py": APPS["deaf"]}, raw=True)
    assert chip.raw_url is not None
    done = startline("status", "-p", chip.raw_url, "--interrupt")
    assert done.code == 12, done.err
    assert "it has no power, or its own program keeps the console" in done.err

    def wait_for_the_button(*line: Any) -> None:
        """Wait as ever, beside a person who presses until it has worked."""
        with pressing(chip):
            take_prompt_at_start(*line)

    monkeypatch.setattr(take_prompt, "take_prompt_at_start", wait_for_the_button)
    done = startline("status", "-p", chip.raw_url, "--hard", "--json")
    assert done.code == 0, done.err
    assert done.lines()[-1]["state"] == "bound"


def test_a_dead_line_is_not_blamed_on_a_program(startline: Startline, impatient: None) -> None:
    """Where nothing ever prints, power and cable come first."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        done = startline("status", "-p", os.ttyname(slave), "--interrupt")
    finally:
        os.close(master)
        os.close(slave)
    assert done.code == 12, done.err
    assert "it has no power" in done.err


def test_a_program_that_does_not_compile_leaves_the_prompt(
    startline: Startline, reader: Callable[..., VirtualEsp32], settings_file: Path
) -> None:
    """A syntax error in app.py ends at the prompt: the reader can be asked as ever."""
    chip = reader({"/app.py": b"def main(device:\n"})
    done = startline("status", "-p", chip.url, "--interrupt", "--json")
    assert done.code == 0, done.err
    assert done.lines()[-1]["state"] == "bound"


def test_a_chip_without_a_prompt_to_come_names_the_way_back(
    startline: Startline,
    start: Start,
    load_flash: Callable[[bytes], None],
    provision: Provision,
    flash: Path,
) -> None:
    """Nothing to run, or no file system: asked or listened to, the next step is in the sentence."""
    load_flash(provision.image())
    with flash.open("r+b") as file:
        file.seek(VFS.start)
        file.write(b"\x55" * 0x6000)
    chip = start()
    for words in (["status"], ["status", "--interrupt"], ["retry"]):
        done = startline(words[0], "-p", chip.url, *words[1:])
        assert (done.code, "startline flash --allow-bound" in done.err) == (40, True), done.err
    chip.stop()
    flash.unlink()
    chip = start()
    done = startline("status", "-p", chip.url, "--interrupt")
    assert (done.code, "startline inspect" in done.err) == (12, True), done.err
