"""A bound reader whose `fctry` is lost: its record names it, and each verb names the one way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline, at_its_prompt
from tests.end_to_end.test_operator_reconcile import posts

Start = Callable[..., VirtualEsp32]

WAY_BACK = f"startline provision --allow-bound --serial {SERIAL}"


@pytest.fixture
def bound(start: Start, load_flash: Callable[..., None], provision: Provision) -> VirtualEsp32:
    """Have a reader that is bound, and off."""
    load_flash(provision.image())
    chip = start()
    assert at_its_prompt(chip)
    chip.stop()
    return chip


def lose(flash: Path, bundle: FirmwareBundle, text: bytes = b"") -> None:
    """Erase the identity, or damage one text of it."""
    row = bundle.table.get("fctry")
    with flash.open("r+b") as file:
        file.seek(row.offset)
        old = bytearray(file.read(row.size))
        if text:
            old[old.index(text)] ^= 1
        file.seek(row.offset)
        file.write(old if text else b"\xff" * row.size)


@pytest.mark.usefixtures("bound", "settings_file")
def test_every_verb_names_the_way_back(
    startline: Startline, start: Start, flash: Path, bundle: FirmwareBundle, cloud: MockCloud
) -> None:
    """An erased identity: nothing is touched, and provision --allow-bound makes it bound again."""
    (device,) = cloud.devices()
    lose(flash, bundle)
    chip = start()
    assert at_its_prompt(chip)
    before = flash.read_bytes()
    for verb, code in (
        (["inspect"], 0),
        (["retry"], 60),
        (["reconcile", "--same-company"], 60),
        (["flash"], 41),
        (["provision", "--serial", SERIAL], 41),
        (["up", "--serial", SERIAL], 41),
    ):
        done = startline(verb[0], "-p", chip.url, *verb[1:])
        assert done.code == code, (verb, done.err)
        assert WAY_BACK in " ".join((done.out + done.err).split()), (verb, done.out + done.err)
    status = startline("status", "-p", chip.url, "--interrupt", "--json").lines()[-1]
    assert (status["state"], status["serial"]) == ("unprovisioned", SERIAL)
    assert (status["reason"], status["deviceid"]) == ("missing factory.serial", device["deviceid"])
    other = startline("provision", "-p", chip.url, "--allow-bound", "--serial", "OTHER-1")
    assert other.code == 11
    assert f"its serial number is {SERIAL}, not OTHER-1" in other.err
    assert flash.read_bytes() == before

    done = startline("provision", "-p", chip.url, "--allow-bound", "--serial", SERIAL)
    assert done.code == 0, done.err
    assert at_its_prompt(chip)
    after = startline("status", "-p", chip.url, "--interrupt", "--json").lines()[-1]
    assert (after["state"], after["deviceid"]) == ("bound", device["deviceid"])
    assert posts(cloud) == 1
    assert cloud.keys["WRITE"].encode() not in flash.read_bytes()
    again = startline("provision", "-p", chip.url, "--allow-bound", "--serial", SERIAL)
    assert (again.code, "keeps the identity" in again.out) == (0, True), again.err


@pytest.mark.parametrize(
    ("text", "options"),
    [(SERIAL.encode() + b"\0", []), (b"https://", ["--recreate-files"])],
    ids=["at its prompt", "in the boot loader"],
)
def test_up_mends_a_damaged_identity(
    startline: Startline, settings_file: Path, bound: VirtualEsp32, start: Start, flash: Path,
    bundle: FirmwareBundle, cloud: MockCloud, text: bytes, options: list[str],
) -> None:  # fmt: skip
    """`up --allow-bound` does it too: bound and verified, and the cloud is not asked again."""
    lose(flash, bundle, text)
    chip = start()
    done = startline("up", "-p", chip.url, "--allow-bound", "--serial", SERIAL, *options, "--json")
    assert done.code == 0, done.err
    result = done.lines()[-1]
    # Written anew, the file system has the roles alone that its settings use.
    written = ["vfs", "fctry"] if options else ["fctry"]
    assert (result["state"], result["verified"], result["written"]) == ("bound", True, written)
    assert posts(cloud) == 1


def test_a_damaged_ca_of_a_bound_reader_is_written_anew(
    startline: Startline, settings_file: Path, bound: VirtualEsp32, start: Start, flash: Path,
    bundle: FirmwareBundle, cloud: MockCloud,
) -> None:  # fmt: skip
    """A bound reader whose CA is damaged could send no passing: it is told, and mended, and bound."""
    lose(flash, bundle, cloud.ca_der[:64])
    chip = start()
    assert at_its_prompt(chip)
    found = startline("inspect", "-p", chip.url)
    said = " ".join(found.out.split())
    assert "tls.ca0 damaged" in said
    assert WAY_BACK in said
    done = startline("provision", "-p", chip.url, "--allow-bound", "--serial", SERIAL)
    assert done.code == 0, done.err
    assert at_its_prompt(chip)
    row = bundle.table.get("fctry")
    image = flash.read_bytes()
    assert cloud.ca_der[:64] in image[row.offset : row.end]
    assert cloud.keys["WRITE"].encode() not in image
    after = startline("status", "-p", chip.url, "--interrupt", "--json").lines()[-1]
    assert (after["state"], posts(cloud)) == ("bound", 1)
