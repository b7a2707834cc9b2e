"""The flash that every virtual reader of a run starts with: firmware, agent, the bench's app."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from startline_host.bench.scenarios.race_app import RACE_APP
from startline_host.boards import Board, load_board
from startline_host.flows.firmware_bundle import FirmwareBundle
from startline_host.flows.firmware_store import FirmwareStore, default_cache
from startline_host.formats.bytecode import check_bytecode, device_files
from startline_host.formats.flash_plan import device_table, merged_image
from startline_host.formats.partitions import PartitionTable

VIRTUAL_BOARD = "VIRTUAL_ESP32"

#: The model whose application restarts the chip at once.
CRASHING = "Crashing"

#: The reader's own code on the bench: says that it runs, and does what it is typed.
APP = b"""\
import sys


def main(device):
    print("app:", device.state)
    if device.model == "Crashing":
        restart()
    while True:
        word = sys.stdin.readline().strip()
        if word == "retry":
            device.retry()
            print("app:", device.state)
        elif word == "restart":
            restart()
        elif word.startswith("race "):
            import bench_race

            bench_race.run(device, word[5:])
        elif word == "key":
            print("app: has", "a key" if device.key else "no key")


def restart():
    import machine

    machine.reset()
"""
#: The owner's files of a reader that nobody brought an application for.
BENCH_OWN = {"/app.py": APP, "/bench_race.py": RACE_APP}


class BaseFlash(msgspec.Struct, frozen=True):
    """A whole flash without an identity (`image`), the bundle that it was made of, and its table."""

    bundle: FirmwareBundle
    image: bytes

    @property
    def board(self) -> Board:
        """The board that it is for."""
        return self.bundle.board

    @property
    def table(self) -> PartitionTable:
        """Where everything stands in it."""
        return self.bundle.table


def make_base(
    board: Board | None = None,
    *,
    agent: Path | None = None,
    own: Mapping[str, bytes] | None = None,
    firmware: Path | None = None,
) -> BaseFlash:
    """Compile the agent (from the folder `agent`, or as it came) and lay the flash out, once a run.

    `own` are the reader's owner's files by absolute path; by default the bench's own app.
    """
    profile = board or load_board(VIRTUAL_BOARD)
    chosen = FirmwareStore(default_cache()).obtain(profile, firmware)
    files = device_files(agent)
    check_bytecode(files, chosen.firmware.version)
    bundle = FirmwareBundle(
        board=profile,
        firmware=chosen.firmware,
        table=device_table(profile, chosen.firmware),
        files=files,
        own=BENCH_OWN if own is None else dict(own),
    )
    return BaseFlash(bundle, merged_image(bundle.plan(vfs=True, fctry=None)))
