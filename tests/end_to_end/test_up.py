"""From a blank chip to bound with one command, and never twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from startline_host.device.port import open_port
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.observe import wait_for_state
from startline_host.formats.littlefs_image import read_filesystem
from startline_host.formats.partitions import parse_table
from startline_host.mock_cloud import MockCloud
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import ALIAS, MODEL, SERIAL, Startline

Start = Callable[..., VirtualEsp32]


def up(chip: VirtualEsp32, *more: str) -> tuple[str, ...]:
    """Return the words of the command that brings this chip up."""
    return ("up", "-p", chip.url, "--serial", SERIAL, "--alias", ALIAS, *more)


def test_a_blank_chip_ends_bound_and_stays_so(
    startline: Startline, start: Start, cloud: MockCloud, settings_file: Path, flash: Path
) -> None:
    """One command flashes, provisions, binds and verifies; a second one changes nothing."""
    chip = start()
    done = startline(*up(chip))
    assert done.code == 0, done.err
    (device,) = cloud.devices()
    assert f"deviceid {device['deviceid']}" in done.out
    assert (device["serial_number"], device["model"]) == (SERIAL, MODEL)
    assert device["alias"] == ALIAS
    assert "The cloud knows this very device." in done.err
    assert cloud.keys["WRITE"].encode() not in flash.read_bytes()

    before = flash.read_bytes()
    again = startline(*up(chip))
    assert again.code == 41
    assert f"is bound ({SERIAL}" in again.err
    assert flash.read_bytes() == before

    kept = startline(*up(chip, "--allow-bound", "--json"))
    assert kept.code == 0, kept.err
    result = kept.lines()[-1]
    assert result["deviceid"] == device["deviceid"]
    assert (result["kept_identity"], result["bytes_sent"], result["verified"]) == (True, 0, True)
    assert flash.read_bytes() == before
    assert [request.method for request in cloud.requests].count("POST") == 1


def test_a_reader_that_listens_to_a_browser_ends_bound_too(
    startline: Startline,
    start: Start,
    cloud: MockCloud,
    settings_file: Path,
    flash: Path,
    tmp_path: Path,
) -> None:
    """With improv = true the role is loaded and begins main.py; it binds, and the app starts.

    A second `up`, which finds the reader listening or in its app, keeps all and sends nothing.
    """
    told = settings_file.read_text(encoding="utf-8")
    settings_file.write_text(told.replace("[set]\n", "[set]\nimprov = true\n"), encoding="utf-8")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text(
        "def main(device):\n    print('timing', device.serial)\n"
    )
    chip = start()
    done = startline(*up(chip, "--app", "app"))
    assert done.code == 0, done.err
    (device,) = cloud.devices()
    assert f"deviceid {device['deviceid']}" in done.out
    with open_port(chip.url) as port:
        heard = b""
        while f"timing {SERIAL}".encode() not in heard and (more := port.read(60.0)):
            heard += more
    assert f"timing {SERIAL}".encode() in heard
    table = parse_table(flash.read_bytes()[0x8000:0x9000])
    row = table.get("vfs")
    files = read_filesystem(flash.read_bytes()[row.offset : row.end])
    assert "/lib/startline_improv/__init__.mpy" in files
    assert files["/main.py"].index(b"startline_improv") < files["/main.py"].index(
        b"from startline "
    )

    kept = startline(*up(chip, "--app", "app", "--allow-bound", "--json"))
    assert kept.code == 0, kept.err
    result = kept.lines()[-1]
    assert result["deviceid"] == device["deviceid"]
    assert (result["kept_identity"], result["bytes_sent"]) == (True, 0)
    assert [request.method for request in cloud.requests].count("POST") == 1


def test_the_deviceid_outlives_a_power_cut(
    start: Start, cloud: MockCloud, load_flash: Callable[..., None], provision: Provision
) -> None:
    """A chip that is killed right after binding comes back bound, without the network."""
    load_flash(provision.image())
    chip = start()
    with open_port(chip.url) as port:
        port.reset()
        bound = wait_for_state(port, "bound", Deadline(30))
    token = cloud.devices()[0]["deviceid"]
    chip.kill()
    seen = len(cloud.requests)
    chip = start({"link_fault": "down"})
    with open_port(chip.url) as port:
        port.reset()
        again = wait_for_state(port, "bound", Deadline(30))
    assert again.fields["token"] == token
    assert bound.fields["state"] == "bound"
    assert len(cloud.requests) == seen
