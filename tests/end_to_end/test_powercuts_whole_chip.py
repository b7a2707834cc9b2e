"""Whole chips lose their power as the histories in one process say, and end as these do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from startline_host.device.port_session import PortSession
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.first_boot import FirstBootOutcome, follow_first_boot
from startline_host.flows.notices import ignore_notices
from startline_host.flows.restart import restart
from startline_host.formats.flash_dump import load_dump
from startline_host.formats.inspection import inspect
from startline_host.formats.partitions import SECTOR, TABLE_OFFSET, parse_table
from startline_host.mock_cloud import MockCloud
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL
from tests.proofs.powercuts.blank_units import with_factory_image
from tests.proofs.powercuts.cut_plan import specs
from tests.proofs.powercuts.vm_runner import VmRunner

_HALF = 2
_SECONDS = 40.0
_QUIET_SECONDS = 3.0
#: Before the promise, in its first and in its second copy, in the answer's record, in the scrub.
_OPERATIONS = (1, 4, 8, 12, 16, 19)


def wait_until(what: Callable[[], bool], quiet: float = 0.0) -> None:
    """Wait until something holds, and has held for a while."""
    deadline = time.monotonic() + _SECONDS
    since = time.monotonic()
    while time.monotonic() < deadline:
        if not what():
            since = time.monotonic()
        elif time.monotonic() - since >= quiet:
            return
        time.sleep(0.05)
    raise AssertionError("it did not come in time")


class Stillness:
    """Tells whether a file is as it was at the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = b""

    def __call__(self) -> bool:
        """Look."""
        before, self._last = self._last, self._path.read_bytes()
        return before == self._last


def predicted(
    folder: Path, fctry: bytes, key: str, *, operation: int | None = None, **world: Any
) -> dict[str, Any]:
    """Return how a unit rests in one process, by itself, when that flash operation is torn."""
    plain = next(spec for spec in specs("rufus") if spec["access"] == "WRITE")
    spec = {
        **plain,
        "unit": "whole",
        "serial": SERIAL,
        "key": key,
        "keys": {key: "WRITE"},
        **world,
    }
    with VmRunner(folder, {"whole": with_factory_image(fctry)}) as machine:
        points = machine.run([{"kind": "trace", "spec": spec}])[0]["points"]
        flash = [at for at, label in enumerate(points) if label in {"program", "erase"}]
        plan = [] if operation is None else [[flash[operation], _HALF]]
        said = machine.run([{"kind": "one", "spec": spec, "plan": plan}])[0]
    assert said["columns"] == {}
    return {**said["alone"], "posts": said["asked"]}


def found(flash: Path, outcome: FirstBootOutcome, cloud: MockCloud) -> dict[str, Any]:
    """Return the same of a whole chip: from its flash file, its last boot, and its cloud."""
    record = inspect(load_dump(flash)).record
    assert record is not None
    return {
        "state": outcome.state,
        "reason": outcome.reason,
        "records": len(cloud.devices()),
        "copies": [
            [copy.state, copy.generation, copy.token] for copy in (record.nvs, record.bind)
        ],
        "posts": [request.method for request in cloud.requests].count("POST"),
    }


@pytest.mark.parametrize("operation", _OPERATIONS)
def test_a_whole_chip_ends_as_the_history_in_one_process_does(
    operation: int,
    tmp_path: Path,
    cloud: MockCloud,
    provision: Provision,
    flash: Path,
    load_flash: Callable[[bytes | None], None],
) -> None:
    """State, reason, both copies of the record, requests and the cloud's records agree."""
    fctry = provision.image()
    key = cloud.keys["WRITE"]
    said = predicted(tmp_path, fctry, key, operation=operation)
    load_flash(fctry)
    chip = VirtualEsp32(flash, cut_after=operation)
    try:
        wait_until(lambda: not chip.has_power())
    finally:
        chip.stop()
    outcome = boot_twice(flash)
    agree(said, found(flash, outcome, cloud))
    if outcome.bound:
        assert key.encode() not in flash.read_bytes()


@pytest.mark.parametrize(("label", "part"), [("nvs", "data"), ("bind", "newest")])
def test_a_whole_chip_with_a_flipped_bit_ends_as_the_history_in_one_process_does(
    label: str,
    part: str,
    tmp_path: Path,
    cloud: MockCloud,
    provision: Provision,
    flash: Path,
    load_flash: Callable[[bytes | None], None],
) -> None:
    """One bit of one copy turned over, long after it was bound: the copies agree again, alike."""
    fctry = provision.image()
    said = predicted(tmp_path, fctry, cloud.keys["WRITE"], flip=[[label, part]])
    load_flash(fctry)
    assert boot_twice(flash).bound
    flip_in_token(flash, label, cloud.devices()[0]["deviceid"])
    agree(said, found(flash, boot_twice(flash), cloud))


def boot_twice(flash: Path) -> FirstBootOutcome:
    """Power a chip on, restart it once nothing changes any more, and return what that came to."""
    with VirtualEsp32(flash) as chip:
        wait_until(Stillness(flash), _QUIET_SECONDS)
        with PortSession(chip.url) as line:
            restart(line)
            return follow_first_boot(line.port(), Deadline(_SECONDS), ignore_notices)


def flip_in_token(flash: Path, label: str, token: str) -> None:
    """Turn one bit over in the token of the record that a partition holds."""
    data = bytearray(flash.read_bytes())
    row = parse_table(bytes(data[TABLE_OFFSET : TABLE_OFFSET + SECTOR])).get(label)
    at = data.index(token.encode(), row.offset, row.end)
    data[at + 7] ^= 1
    flash.write_bytes(data)


def agree(said: dict[str, Any], came: dict[str, Any]) -> None:
    """Compare two ends of a unit; each cloud draws its own tokens."""
    for copy in (*said["copies"], *came["copies"]):
        copy[2] = copy[2] and "a token"
    assert came == said
