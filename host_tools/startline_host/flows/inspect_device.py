"""`startline inspect`: what a device is, asked at its prompt or read through its boot loader."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from startline_host.device.bootloader import DEFAULT_BAUD, BootLoader
from startline_host.device.flash_access import flash_size, read_flash
from startline_host.device.partition_access import DeviceFacts, read_facts
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised, UnsoundApplication
from startline_host.device.repl import Repl
from startline_host.errors import BadInput, DeviceSilent, StartlineError
from startline_host.flows.notices import Listener, Remark, Step, ignore_notices
from startline_host.flows.restart import restart
from startline_host.formats.esp_image import APPLICATION_HEAD, first_segment
from startline_host.formats.flash_dump import FlashDump, LazyFlashDump, load_dump
from startline_host.formats.inspection import Inspection, inspect
from startline_host.formats.partitions import (
    TABLE_OFFSET,
    TABLE_SIZE,
    TYPE_APP,
    PartitionRow,
    PartitionTable,
    parse_table,
    startline_table,
)
from startline_host.formats.synthetic_firmware import stock_table

#: Seconds for a device whose boot loader can be reached anyway, and for one without reset wires.
_SHORT, _LONG = 4.0, 15.0
#: The head of an application, as far as it tells its version; and where that ends as a rule,
#: so that boot loader, table and `nvs` come with it in one stretch.
_HEAD = 0x200
_LOW_END = 0x10000 + _HEAD
_VERSION_FILES = ("/lib/startline/__init__.mpy", "/lib/startline/__init__.py")

Via = Literal["prompt", "boot loader", "dump"]


class DeviceInspection(msgspec.Struct, frozen=True, kw_only=True):
    """A finding and where it comes from: `via` what, and `source`, the port or the file.

    `chip` (as esptool names it), `mac` and `running` (MicroPython's release, where it answered)
    are "" where they are not known.
    """

    via: Via
    source: str
    chip: str = ""
    mac: str = ""
    running: str = ""
    found: Inspection

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {**plain, "whole": self.found.whole}


def inspect_dump(path: Path) -> DeviceInspection:
    """Inspect a file with a whole flash. Raises BadInput for one that is none."""
    return DeviceInspection(via="dump", source=str(path), found=inspect(load_dump(path)))


def inspect_device(
    line: PortSession,
    *,
    flash_baud: int | None = None,
    quick: bool = False,
    listen: Listener = ignore_notices,
) -> DeviceInspection:
    """Inspect the device on a line, and leave it running from its start.

    A MicroPython that answers is asked; otherwise the flash is read through the boot loader, the
    file system only if not `quick`. Raises DeviceSilent where neither answers.
    """
    listen(Step("Asking the device"))
    try:
        return _at_prompt(line)
    except DeviceSilent as silent:
        if not line.port().can_reset:
            raise
        starts = not isinstance(silent, UnsoundApplication)
    listen(Remark("It has no prompt to give: its flash is read instead."))
    return _in_boot_loader(line, flash_baud or DEFAULT_BAUD, listen, quick=quick, starts=starts)


def _at_prompt(line: PortSession) -> DeviceInspection:
    port = line.port()
    repl = Repl(port)
    repl.enter(_SHORT if port.can_reset else _LONG)
    try:
        facts = read_facts(repl)
        size = flash_size(repl)
        dump = _FlashReader(size, lambda offset, length: read_flash(repl, offset, length)).dump()
        files = _files(repl)
    except (OSError, DeviceRaised):
        raise DeviceSilent(
            "What answers there is a MicroPython, but it tells nothing of its flash.",
            "Is it an ESP32 at all?",
        ) from None
    finally:
        repl.restart()
    mac = bytes.fromhex(facts.mac.replace(":", ""))
    return DeviceInspection(
        via="prompt",
        source=line.url,
        chip=facts.chip,
        mac=facts.mac,
        running=_release(facts),
        found=inspect(dump, mac, files, _release(facts)),
    )


def _in_boot_loader(
    line: PortSession, flash_baud: int, listen: Listener, *, quick: bool, starts: bool
) -> DeviceInspection:
    line.free()
    try:
        loader = BootLoader(line.url, flash_baud, listen)
        chip = loader.identify()
        reader = _FlashReader(chip.flash_size, loader.read)
        dump = reader.dump(boot_loader=True)
        vfs = reader.table.find("vfs") if reader.table else None
        if vfs is not None and vfs.end <= chip.flash_size and not quick:
            listen(Step("Reading the file system"))
            dump.allow(vfs.offset, vfs.size)
        if not quick:
            _allow_constants(dump, reader.table)
        found = inspect(dump, bytes.fromhex(chip.mac.replace(":", "")), starts=starts)
    except StartlineError:
        with contextlib.suppress(StartlineError):
            restart(line)
        raise
    restart(line)
    return DeviceInspection(
        via="boot loader",
        source=line.url,
        chip=chip.kind,
        mac=chip.mac,
        found=found,
    )


def _allow_constants(dump: LazyFlashDump, table: PartitionTable | None) -> None:
    """Let the application's first segment be read, where MicroPython's version stands."""
    for row in table or ():
        if row.kind == TYPE_APP and dump.has(row.offset, APPLICATION_HEAD):
            segment = first_segment(dump.read(row.offset, APPLICATION_HEAD))
            if segment is not None and segment.size < row.size:
                dump.allow(row.offset + segment.offset, segment.size)


class _FlashReader:
    """Reads the parts of a flash that an inspection looks at, in as few stretches as it can."""

    def __init__(self, size: int, read: Callable[[int, int], bytes]) -> None:
        self.table: PartitionTable | None = None
        self._size = size
        self._read = read
        self._parts: dict[int, bytes] = {}

    def dump(self, *, boot_loader: bool = False) -> LazyFlashDump:
        """Read table, head of the application, `nvs`, `bind` and `fctry`, each where it is.

        The boot loader itself needs no proof where the device runs.
        """
        low = 0 if boot_loader else TABLE_OFFSET
        self._fetch(low, _LOW_END)
        rows: Iterable[PartitionRow]
        try:
            raw = self._parts[low][TABLE_OFFSET - low :][:TABLE_SIZE]
            rows = self.table = parse_table(raw)
        except BadInput:
            rows = _usual_rows(self._size)
        heads = [(row.offset, row.offset + _HEAD) for row in rows if row.kind == TYPE_APP]
        wholes = [(row.offset, row.end) for row in rows if row.name in {"nvs", "bind", "fctry"}]
        for begin, end in _joined(heads + wholes):
            if not FlashDump(self._parts, self._size).has(begin, end - begin):
                self._fetch(begin, end)
        return LazyFlashDump(self._parts, self._size, self._read)

    def _fetch(self, begin: int, end: int) -> None:
        end = min(end, self._size)
        if begin < end:
            self._parts[begin] = self._read(begin, end - begin)


def _usual_rows(size: int) -> Iterable[PartitionRow]:
    """Return where a reader's partitions are as a rule; none for a flash that cannot be one's."""
    try:
        return startline_table(stock_table(), size)
    except BadInput:
        return ()


def _joined(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return (begin, end) stretches in order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(stretches):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _files(repl: Repl) -> dict[str, bytes]:
    """Return the device's files by path, empty but for those that tell the agent's version."""
    files = dict.fromkeys(repl.files_below(""), b"")
    for name in _VERSION_FILES:
        if name in files:
            files[name] = repl.value(f"open({name!r}, 'rb').read()")
    return files


def _release(facts: DeviceFacts) -> str:
    return ".".join(str(number) for number in facts.release)
