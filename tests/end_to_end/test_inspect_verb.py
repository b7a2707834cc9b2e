"""`startline inspect`: whatever a device is, it is told, and left running and unchanged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from startline_host.device.port import open_port
from startline_host.flows.firmware_bundle import Provision
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import ALIAS, MODEL, SERIAL, Done, Startline, at_its_prompt

Start = Callable[..., VirtualEsp32]
Load = Callable[..., None]


def url_of(chip: VirtualEsp32, kind: str) -> str:
    """Return where the chip is reached by that kind of port."""
    url = {"rfc2217": chip.url, "socket": chip.raw_url, "pty": chip.pty_path}[kind]
    assert url is not None
    return url


def runs(chip: VirtualEsp32) -> bool:
    """Tell whether the device gives up a prompt or speaks within ten seconds."""
    with open_port(chip.url) as port:
        port.write(b"\r\n")
        return bool(port.read(10.0))


def result(done: Done) -> dict[str, object]:
    """Return what a run with --json found."""
    assert done.code == 0, done.err
    return done.lines()[-1]


@pytest.mark.parametrize("kind", ["rfc2217", "socket", "pty"])
def test_a_running_device_is_asked_on_every_kind_of_port(
    startline: Startline,
    start: Start,
    load_flash: Load,
    provision: Provision,
    flash: Path,
    kind: str,
) -> None:
    """Versions, table, identity and record come from the prompt, and no byte of flash changes."""
    load_flash(provision.image())
    chip = start({"access_points": {}}, raw=True, pty=True)
    assert at_its_prompt(chip)
    before = flash.read_bytes()
    done = startline("inspect", "-p", url_of(chip, kind), "--json")
    told = result(done)
    assert (told["via"], told["mac"], told["running"]) == ("prompt", "24:6f:28:00:00:01", "1.29.0")
    found = told["found"]
    assert isinstance(found, dict)
    assert found["missing"] == []
    assert found["factory"]["values"]["factory"]["alias"] == ALIAS
    assert found["record"]["state"] == "unbound"
    assert found["agent"]["files"] > 20
    assert [row["name"] for row in found["table"]][-3:] == ["race", "bind", "fctry"]
    assert provision.settings.claim.key is not None
    assert provision.settings.claim.key.reveal() not in done.out + done.err
    assert flash.read_bytes() == before
    assert runs(chip)


def test_a_bound_device_shows_both_copies_of_its_record(
    startline: Startline,
    start: Start,
    load_flash: Load,
    provision: Provision,
    cloud: MockCloud,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The record that the agent wrote reads well at 80 columns, the deviceid whole."""
    load_flash(provision.image())
    chip = start()
    cloud.wait_for_request("POST", timeout=30)
    assert at_its_prompt(chip)
    monkeypatch.setenv("COLUMNS", "80")
    done = startline("inspect", "-p", chip.url)
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    assert f"{SERIAL} is bound. Nothing to do." in done.out
    token = cloud.devices()[0]["deviceid"]
    assert token[:32] in done.out
    assert token[32:] in done.out
    assert "the same" in done.out
    assert MODEL in done.out
    assert "claim.key" not in done.out


def test_a_damaged_file_system_is_read_through_the_boot_loader(
    startline: Startline, start: Start, load_flash: Load, provision: Provision, flash: Path
) -> None:
    """A device that gives no prompt is read all the same, and what is missing is named."""
    load_flash(provision.image())
    with flash.open("r+b") as file:
        file.seek(0x200000)
        file.write(bytes(0x2000))
    chip = start({"access_points": {}})
    before = flash.read_bytes()
    told = result(startline("inspect", "-p", chip.url, "--json"))
    assert (told["via"], told["chip"], told["whole"]) == ("boot loader", "ESP32", False)
    found = told["found"]
    assert isinstance(found, dict)
    assert [words.split(":")[0] for words in found["missing"]] == ["vfs"]
    assert found["boot_loader"]["chip"] == "esp32"
    assert found["factory"]["values"]["factory"]["serial"] == SERIAL
    assert flash.read_bytes() == before
    assert b"filesystem" in _said(chip)


def test_an_interrupted_installation_is_noticed(
    startline: Startline, start: Start, load_flash: Load, provision: Provision, flash: Path
) -> None:
    """An application whose head is whole and whose rest is not is named as damaged, with what mends it."""
    load_flash(provision.image())
    with flash.open("r+b") as file:
        file.seek(0x14000)  # its fifth sector, as a flash cut there leaves it
        file.write(b"\xff" * 0x1000)
    chip = start({"access_points": {}})
    done = startline("inspect", "-p", chip.url)
    assert done.code == 0, done.err
    assert "application: its boot loader finds it damaged" in done.out
    assert "To load what is missing: startline up" in done.out


def _said(chip: VirtualEsp32) -> bytes:
    heard = b""
    with open_port(chip.url) as port:
        while b"filesystem" not in heard and (more := port.read(10.0)):
            heard += more
    return heard


def test_a_blank_chip_is_told_as_such(startline: Startline, start: Start) -> None:
    """A chip fresh from the factory has nothing, and that is what is said."""
    chip = start()
    done = startline("inspect", "-p", chip.url)
    assert done.code == 0, done.err
    assert "boot loader: there is none" in done.out
    assert "The partition table is blank" in done.out
    assert "startline up" in done.out


@pytest.mark.parametrize("mib", [1, 2])
@pytest.mark.parametrize("table", ["none", "of 4 MiB"])
def test_a_chip_with_too_little_flash_is_shown(
    startline: Startline, start: Start, load_flash: Load, flash: Path, mib: int, table: str
) -> None:
    """A chip that cannot be a reader is shown as it is, with a remark on what a reader needs."""
    if table == "none":
        flash.write_bytes(b"\xff" * (mib << 20))
    else:
        load_flash(None)
        flash.write_bytes(flash.read_bytes()[: mib << 20])
    chip = start()
    done = startline("inspect", "-p", chip.url)
    assert done.code == 0, done.err
    assert f"{mib} MiB of flash, read through its boot loader" in done.out
    assert "A reader needs at least 4 MiB of flash. Use another chip." in done.out
    assert f"This chip has {mib << 10} KiB" in done.out
    assert ("The partition table is blank" in done.out) == (table == "none")
    beyond = f"partition table: it goes to 4096 KiB, and the flash has {mib << 10} KiB"
    assert (beyond in done.out) == (table != "none")


def test_a_dump_needs_no_device(
    startline: Startline, load_flash: Load, provision: Provision, flash: Path
) -> None:
    """A file with the whole flash tells the same, its application checked to the last byte."""
    load_flash(provision.image())
    told = result(startline("inspect", "--dump", str(flash), "--json"))
    found = told["found"]
    assert isinstance(found, dict)
    assert (told["via"], found["application"]["verified"]) == ("dump", True)
    assert found["record"]["state"] == "unbound"
    assert len(found["nvs_pages"]) == 6


@pytest.mark.parametrize("size", [0, 3 << 20, (4 << 20) - 1])
def test_a_dump_of_the_wrong_size_is_exit_60(
    startline: Startline, tmp_path: Path, size: int
) -> None:
    """A file that is no whole flash says how to make one."""
    path = tmp_path / "dump.bin"
    path.write_bytes(bytes(size))
    done = startline("inspect", "--dump", str(path))
    assert done.code == 60
    assert "esptool read-flash 0 ALL" in done.err
