"""Readers that carry another's identity or record: each ends in its named state, none binds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.formats.flash_plan import merged_image
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.secrets import Secret
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline, at_its_prompt

_TWIN = "24:6f:28:00:00:02"


class Readers:
    """Virtual readers that run until the test is over."""

    def __init__(self, startline: Startline) -> None:
        self._startline = startline
        self.chips: list[VirtualEsp32] = []

    def start(self, flash: Path, mac: str = "24:6f:28:00:00:01") -> VirtualEsp32:
        """Power up a reader on a flash file, and wait until it has come to its rest."""
        chip = VirtualEsp32(flash, mac=mac)
        self.chips.append(chip)
        assert at_its_prompt(chip)
        return chip

    def status(self, chip: VirtualEsp32) -> dict[str, Any]:
        """Ask a reader what it is."""
        return dict(self._startline("status", "-p", chip.url, "--interrupt", "--json").lines()[-1])


@pytest.fixture
def readers(startline: Startline, settings_file: Path) -> Iterator[Readers]:
    """Power readers up, and down again at the end."""
    running = Readers(startline)
    yield running
    for chip in running.chips:
        chip.stop()


def posts(cloud: MockCloud) -> int:
    """Count the requests to bind that reached the cloud."""
    return [request.method for request in cloud.requests].count("POST")


def test_a_cloned_flash_does_not_bind(
    startline: Startline,
    readers: Readers,
    bundle: FirmwareBundle,
    provision: Provision,
    cloud: MockCloud,
    tmp_path: Path,
) -> None:
    """A bound reader's flash on another chip: foreign_record, no request; reset frees the chip."""
    one, other = tmp_path / "one.bin", tmp_path / "other.bin"
    one.write_bytes(merged_image(bundle.plan(vfs=True, fctry=provision.image())))
    original = readers.start(one)
    assert readers.status(original)["state"] == "bound"
    original.stop()
    other.write_bytes(one.read_bytes())

    twin = readers.start(other, _TWIN)
    state = readers.status(twin)
    assert (state["state"], state["reason"]) == ("unknown", "foreign record")
    settled = startline("reconcile", "-p", twin.url)
    assert settled.code == 31, settled.err
    assert "another device's" in settled.err
    assert startline("retry", "-p", twin.url).code == 31
    assert startline("reset", "-p", twin.url).code == 60
    done = startline("reset", "-p", twin.url, "--confirm", SERIAL)
    assert done.code == 0, done.err
    assert "24:6f:28:00:00:01" in done.err
    assert readers.status(twin)["state"] == "unbound"
    assert posts(cloud) == 1


def test_a_reader_of_the_bench_is_no_reader_of_another_cloud(
    startline: Startline,
    readers: Readers,
    bundle: FirmwareBundle,
    provision: Provision,
    cloud: MockCloud,
    tmp_path: Path,
) -> None:
    """Bound to a mock and then pointed elsewhere: foreign_record, and the new cloud hears nothing."""
    flash = tmp_path / "flash.bin"
    flash.write_bytes(merged_image(bundle.plan(vfs=True, fctry=provision.image())))
    readers.start(flash).stop()
    with MockCloud() as elsewhere:
        there = provision.settings
        claim = msgspec.structs.replace(there.claim, base_url=elsewhere.base_url)
        moved = msgspec.structs.replace(
            provision, settings=msgspec.structs.replace(there, claim=claim)
        )
        row = bundle.table.get("fctry")
        content = bytearray(flash.read_bytes())
        content[row.offset : row.offset + row.size] = moved.image()
        flash.write_bytes(content)
        chip = readers.start(flash)
        state = readers.status(chip)
        assert (state["state"], state["reason"]) == ("unknown", "foreign record")
        assert startline("up", "-p", chip.url, "--serial", SERIAL).code == 41
        assert not list(elsewhere.requests)
        assert not elsewhere.connections
    assert posts(cloud) == 1


def test_a_serial_number_that_the_cloud_has_is_not_given_again(
    startline: Startline,
    readers: Readers,
    bundle: FirmwareBundle,
    provision: Provision,
    cloud: MockCloud,
    tmp_path: Path,
) -> None:
    """With a READ key `up` looks first: a second board of the number is told nothing and asks nothing."""
    one, other = tmp_path / "one.bin", tmp_path / "other.bin"
    one.write_bytes(merged_image(bundle.plan(vfs=True, fctry=provision.image())))
    other.write_bytes(merged_image(bundle.plan(vfs=True, fctry=None)))
    assert readers.status(readers.start(one))["state"] == "bound"
    second = readers.start(other, _TWIN)
    done = startline("up", "-p", second.url, "--serial", f" {SERIAL.lower()}".strip())
    assert done.code == 32, done.err
    assert f"as deviceid {cloud.devices()[0]['deviceid']}. Nothing was written." in done.err
    assert readers.status(second)["state"] == "unprovisioned"
    assert (posts(cloud), len(cloud.devices())) == (1, 1)


class Twins(msgspec.Struct):
    """A cloud of its own, and two boards that were told one serial number, both off."""

    cloud: MockCloud
    rule: str
    flashes: tuple[Path, Path]
    place: tuple[str, ...]


@pytest.fixture
def twins(
    request: pytest.FixtureRequest,
    bundle: FirmwareBundle,
    provision: Provision,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings_file: Path,
) -> Iterator[Twins]:
    """Make them for a cloud with the rule for a second bind that the test names."""
    with MockCloud(MockOptions(second_bind=request.param)) as cloud:
        shared = provision.settings
        claim = msgspec.structs.replace(
            shared.claim, base_url=cloud.base_url, key=Secret(cloud.keys["WRITE"])
        )
        tls = msgspec.structs.replace(shared.tls, ca=(cloud.ca_der,))
        unit = msgspec.structs.replace(
            provision, settings=msgspec.structs.replace(shared, claim=claim, tls=tls)
        )
        image = merged_image(bundle.plan(vfs=True, fctry=unit.image()))
        (tmp_path / "here.pem").write_bytes(cloud.ca_pem)
        monkeypatch.setenv("STARTLINE_READ_KEY", cloud.keys["READ"])
        flashes = (tmp_path / "one.bin", tmp_path / "other.bin")
        for flash in flashes:
            flash.write_bytes(image)
        yield Twins(
            cloud, request.param, flashes, ("--base-url", cloud.base_url, "--ca", "here.pem")
        )


@pytest.mark.parametrize("twins", ["conflict", "new", "same"], indirect=True)
def test_two_boards_of_one_serial_number(
    startline: Startline, readers: Readers, twins: Twins
) -> None:
    """Without an answer the second never takes the first one's deviceid: a stranger's, so unknown."""
    cloud = twins.cloud
    first = readers.start(twins.flashes[0])
    cloud.faults.turn_on("drop")
    second = readers.start(twins.flashes[1], _TWIN)
    cloud.faults.clear()
    done = startline("reconcile", "-p", second.url, *twins.place)
    assert done.code == 32, done.err
    assert "Stranger: deviceid" in done.err
    state = readers.status(second)
    assert (state["state"], state["reason"]) == ("unknown", "serial taken")
    (entry,) = cloud.devices()
    assert readers.status(first)["deviceid"] == entry["deviceid"]


@pytest.mark.parametrize("twins", ["conflict", "new", "same"], indirect=True)
def test_what_a_cloud_makes_of_a_second_board(
    startline: Startline, readers: Readers, twins: Twins
) -> None:
    """409 leaves it unknown; a token binds it, as no board can know better; `reconcile` tells (32)."""
    cloud = twins.cloud
    first = readers.start(twins.flashes[0])
    token = cloud.devices()[0]["deviceid"]
    second = readers.start(twins.flashes[1], _TWIN)
    state = readers.status(second)
    told = startline("reconcile", "-p", first.url, *twins.place)
    if twins.rule == "conflict":
        assert (state["state"], told.code) == ("unknown", 0)
        return
    assert told.code == 32, told.err
    assert state["state"] == "bound"
    assert (state["deviceid"] == token) is (twins.rule == "same")
    assert {"same": "Shared: deviceid", "new": "Orphan: deviceid"}[twins.rule] in told.err
