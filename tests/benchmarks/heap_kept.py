"""What stays in use of the heap once a boot has ended, beside the same in a chip's objects.

The device stays, and every module that the boot imported. It is measured in the unix port, whose
objects have 64 bits, and in the oldest and newest official build, whose objects are a chip's. The
largest heap in between cannot be seen there: these builds collect garbage between programs only.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from startline_host.errors import Bug
from startline_host.mock_cloud import MockCloud
from tests.benchmarks.readers import make_reader
from tests.benchmarks.row import UNKNOWN, Peer, Row
from tests.firmware.harness import HarnessReader, micropython
from tests.npm_packages import NotHereError
from tests.versions.official import NEWEST, OLDEST, install

_SECONDS = 60
#: In use before the boot: the chip's stand-ins, and modules that a chip has in its firmware.
_PREPARE = """
import sys; sys.path[:] = {path}
import gc, json, socket, tls, requests, one_boot
with open({spec}) as file:
    chip = one_boot.make_chip(json.load(file))
gc.collect()
"""
_BOOT = """
before = gc.mem_alloc()
import startline, startline.hal
device = startline.first_boot(chip)
del chip.out[:]
gc.collect()
"""
_TELL = "print(device.state, gc.mem_alloc() - before)"


def rows(lib: Path, folders: Iterator[Path], cloud: MockCloud) -> Iterator[Row]:
    """Yield a first boot and a bound one, each in 64-bit objects beside a chip's of a version."""
    for version in (OLDEST, NEWEST):
        try:
            program, note = str(install() / version), ""
        except NotHereError as error:
            program, note = "", str(error)
        cloud.reset()
        readers = [make_reader(next(folders), lib, cloud) for _ in range(2)]
        for name in ("first_boot", "bound_boot"):
            whole = f"{_PREPARE}{_BOOT}{_TELL}"
            ours = _in_use(micropython(), readers[0], [whole])
            chips = (
                _in_use([program], readers[1], [_PREPARE, _BOOT, _TELL]) if program else UNKNOWN
            )
            peer = Peer(f"32-bit objects, {version}", chips)
            yield Row(f"kept_{name}_{version}", ours, "bytes", peer, note)


def _in_use(program: Sequence[str], reader: HarnessReader, steps: Sequence[str]) -> int:
    """Boot a reader; return the bytes that stay in use."""
    names = {"path": [*reader.path, ".frozen"], "spec": repr(str(reader.write_spec()))}
    asked = itertools.chain(*(("-c", step.format(**names)) for step in steps))
    done = subprocess.run(
        [*program, "-X", "heapsize=2m", *asked],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=True,
    )
    state, number = done.stdout.split()
    if state != "bound":
        raise Bug(f"A boot ended {state}.")
    return int(number)
