"""A reader whose record cannot be read: what the cloud's list can settle, and what it cannot."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.operator import lookup, reconcile
from startline_host.formats.factory_partition import OptionSettings
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, SHORT_BOOT, Startline, at_its_prompt
from tests.end_to_end.test_operator_reconcile import OTHER, bind, posts


@pytest.fixture
def reader(
    start: Callable[..., VirtualEsp32],
    load_flash: Callable[..., None],
    flash: Path,
    bundle: FirmwareBundle,
    provision: Provision,
    settings_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> VirtualEsp32:
    """Have a reader with noise where its record stood, and a short pause between two looks."""
    monkeypatch.setattr(reconcile, "pause_before_second", lambda *_: 1)
    options = OptionSettings(boot_limit=SHORT_BOOT)
    quick = msgspec.structs.replace(
        provision, settings=msgspec.structs.replace(provision.settings, set=options)
    )
    load_flash(quick.image())
    row = bundle.table.get("bind")
    with flash.open("r+b") as file:
        file.seek(row.offset)
        file.write(random.Random(1).randbytes(row.size))
    chip = start()
    assert at_its_prompt(chip)
    return chip


def state(startline: Startline, chip: VirtualEsp32) -> tuple[str, str]:
    """Stop a reader and ask what it is, and why."""
    told: dict[str, Any] = startline("status", "-p", chip.url, "--interrupt", "--json").lines()[-1]
    return told["state"], told["reason"]


def test_no_entry_after_two_looks_makes_it_new(
    startline: Startline,
    reader: VirtualEsp32,
    cloud: MockCloud,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only a key that is known to be the company's, and two looks, free it: then it binds, once."""
    assert state(startline, reader) == ("unknown", "record damaged")
    bind(cloud, OTHER)
    unsure = startline("reconcile", "-p", reader.url)
    assert unsure.code == 31, unsure.err
    assert "--same-company" in unsure.err
    with monkeypatch.context() as without:
        without.delenv("STARTLINE_READ_KEY")
        keyless = startline("reconcile", "-p", reader.url)
    assert keyless.code == 60
    assert "STARTLINE_READ_KEY" in keyless.err
    assert "--read-key-file" in keyless.err
    assert state(startline, reader) == ("unknown", "record damaged")

    before = cloud.requests.count("GET")
    done = startline("reconcile", "-p", reader.url, "--known-serial", OTHER, "--json")
    assert done.code == 0, done.out + done.err
    assert done.lines()[-1]["state"] == "bound"
    # `before` is one look; two come before the request, and one shows what came of it.
    assert cloud.requests.count("GET") == 4 * before
    assert [entry["serial_number"] for entry in cloud.devices()] == [OTHER, SERIAL]
    assert posts(cloud) == 2


def test_an_entry_of_its_serial_is_for_the_operator(
    startline: Startline, reader: VirtualEsp32, cloud: MockCloud
) -> None:
    """It may be the reader's own, or another's: it is named, and taken on a typed word only."""
    token = bind(cloud, SERIAL)
    for _ in range(2):
        done = startline("reconcile", "-p", reader.url, "--same-company")
        assert done.code == 32, done.err
        assert f"Unproven: deviceid {token}" in done.err
        assert "startline reconcile --adopt" in done.err
    assert state(startline, reader) == ("unknown", "record damaged")
    assert startline("retry", "-p", reader.url).code == 31

    adopted = startline("reconcile", "-p", reader.url, "--adopt", token, "--confirm", SERIAL)
    assert adopted.code == 0, adopted.err
    assert state(startline, reader)[0] == "bound"
    assert (posts(cloud), len(cloud.devices())) == (1, 1)


def test_the_second_look_waits_for_any_request() -> None:
    """Where the record cannot say when its request ends, the longest one is waited for: 30 s."""
    device: Any = SimpleNamespace(setting=lambda *_: 1)
    target = lookup.LookupTarget(serial=SERIAL, attempts=(), keys=(), due=None)
    assert lookup.pause_before_second(device, target) == 30
