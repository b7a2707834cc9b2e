"""Bytes and time on the serial line: loading the agent, and a whole device, a second, and again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from startline_host.device.bootloader import wire_size
from startline_host.device.port_session import PortSession
from startline_host.errors import Bug
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.load_request import LoadReport, LoadRequest
from startline_host.flows.loading import load
from startline_host.formats.flash_plan import merged_image
from startline_host.virtual import VirtualEsp32
from startline_host.virtual.uart import UartCounts
from tests.benchmarks.mpremote_copy import CHUNKS, copy_by_command, copy_in_chunks
from tests.benchmarks.row import Peer, Row
from tests.benchmarks.unit import SILENCE, official_sized_kit, provision, small_kit
from tests.end_to_end.common import at_its_prompt

_BITS_A_BYTE = 10
_BAUDS = (115200, 460800, 921600)
_OPERATIONS_A_SECTOR = 1 + 4096 // 256
_NEVER = 1 << 30


def rows(work: Path) -> Iterator[Row]:
    """Yield the agent alone at the prompt, then whole devices through the boot loader."""
    yield from _agent(work)
    bundle = official_sized_kit(work)
    for baud in _BAUDS:
        # The default is named by nobody: what is measured is what whoever says nothing gets.
        chosen = None if baud == bundle.board.baud.flash else baud
        yield from _blank_device(work / f"blank-{baud}.bin", bundle, baud, chosen)
    yield from _second_unit(work / "second.bin", small_kit(work))


def _agent(work: Path) -> Iterator[Row]:
    """Load the agent's files on a device with an empty file system, ours and mpremote's way."""
    bundle = small_kit(work)
    flash = work / "agent.bin"
    empty = msgspec.structs.replace(bundle, files={})
    image = merged_image(empty.plan(vfs=True, fctry=None))
    size = sum(map(len, bundle.files.values()))

    flash.write_bytes(image)
    with VirtualEsp32(flash) as chip:
        ours, report = _load(chip, LoadRequest(board=bundle.board, bundle=bundle))
        again, second = _load(chip, LoadRequest(board=bundle.board, bundle=bundle))
    if report.files != len(bundle.files) or second.changed:
        raise Bug("Loading the agent did not do what it should.")
    taken = {}
    for chunk in (None, *CHUNKS):
        flash.write_bytes(image)
        with VirtualEsp32(flash) as chip:
            before = chip.counts()
            if chunk is None:
                copy_by_command(chip.url, bundle.files, work / "tree")
            else:
                copy_in_chunks(chip.url, bundle.files, chunk)
            taken[chunk] = _both(chip.counts(), before)
    best = min(CHUNKS, key=taken.__getitem__)
    told = f"{report.files} files, {size:,} bytes, both directions of the line counted"
    yield Row("agent_bytes_default", ours, "bytes", Peer("mpremote cp -r", taken[None]), told)
    yield Row("agent_bytes_best", ours, "bytes", Peer(f"mpremote, chunks of {best}", taken[best]))
    yield Row("agent_again", again, "bytes", note="the same order again: only asked, none written")


def _blank_device(
    flash: Path, bundle: FirmwareBundle, baud: int, chosen: int | None
) -> Iterator[Row]:
    """Load a blank chip: the line's seconds at the rates that were set, against the least."""
    unit = provision("DEVICE-123")
    with VirtualEsp32(flash) as chip:
        before = chip.counts()
        request = LoadRequest(board=bundle.board, bundle=bundle, provision=unit, flash_baud=chosen)
        _load(chip, request)
        busy = chip.counts().busy - before.busy
    least = sum(wire_size(region.data) for region in bundle.plan(vfs=True, fctry=unit.image()))
    peer = Peer("deflated bytes / line rate", least * _BITS_A_BYTE / baud)
    yield Row(
        f"device_{baud}",
        busy,
        "s of line",
        peer,
        f"{least:,} deflated bytes" + (", the default rate" if chosen is None else ""),
    )


def _second_unit(flash: Path, bundle: FirmwareBundle) -> Iterator[Row]:
    """Give a chip like the last one of a batch another identity, by either way, then the same."""
    first, second = provision("DEVICE-123"), provision("DEVICE-124")
    flash.write_bytes(merged_image(bundle.plan(vfs=True, fctry=first.image())))
    least = _OPERATIONS_A_SECTOR * _differing_sectors(first, second)
    air = flash.with_suffix(".air")
    air.write_text(json.dumps(SILENCE), encoding="utf-8")
    with VirtualEsp32(flash, world=air, cut_after=_NEVER) as chip:  # such a chip counts
        if not at_its_prompt(chip):
            raise Bug("The reader did not come to the end of its program.")
        own = chip.operations()
        request = LoadRequest(board=bundle.board, bundle=bundle, provision=second)
        taken, report = _load(chip, request)
        written = chip.operations() - own
        again, _ = _load(chip, request)
        rewritten = chip.operations() - own - written
    note = f"{', '.join(report.regions)}; {report.same:,} bytes same; {taken:,} bytes of line"
    peer = Peer("of the sectors that differ", least)
    yield Row("second_unit_written", written, "erases and programs", peer, note)
    note = f"{again:,} bytes of line to find that out"
    yield Row("reload_written", rewritten, "erases and programs", note=note)


def _differing_sectors(first: Provision, second: Provision) -> int:
    pairs = zip(_sectors(first.image()), _sectors(second.image()), strict=True)
    return sum(one != other for one, other in pairs)


def _sectors(image: bytes) -> Sequence[bytes]:
    return [image[at : at + 4096] for at in range(0, len(image), 4096)]


def _load(chip: VirtualEsp32, request: LoadRequest) -> tuple[int, LoadReport]:
    """Load, and return the bytes that it took on the line both ways."""
    before = chip.counts()
    with PortSession(chip.url) as line:
        report = load(line, request)
    return _both(chip.counts(), before), report


def _both(now: UartCounts, before: UartCounts) -> int:
    return now.received - before.received + now.sent - before.sent
