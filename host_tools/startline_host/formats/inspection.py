"""What a device is, from the bytes of its flash: whole or half loaded, healthy or not."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec
from startline.roles import find_cloud

from startline_host.boards import LEAST_FLASH, NEEDED_FLASH
from startline_host.errors import BadInput
from startline_host.formats.bytecode import is_agents
from startline_host.formats.esp_image import (
    APPLICATION_HEAD,
    DESCRIPTOR_SIZE,
    first_segment,
    parse_image,
    read_descriptor,
)
from startline_host.formats.firmware_file import banner_version, micropython_version, release_of
from startline_host.formats.flash_dump import LazyFlashDump
from startline_host.formats.journal_summary import JournalSummary, summarize_journal
from startline_host.formats.littlefs_image import BLOCK, list_filesystem
from startline_host.formats.nvs_pages import PageHealth, read_pages
from startline_host.formats.partitions import (
    TABLE_OFFSET,
    TABLE_SIZE,
    TYPE_APP,
    PartitionRow,
    PartitionTable,
    parse_table,
    startline_table,
)
from startline_host.formats.record_copies import RecordView, read_record
from startline_host.formats.serial_number import check_serial, serial_trace
from startline_host.formats.stored_settings import (
    StoredSettings,
    has_claim_key,
    read_stored_settings,
)
from startline_host.formats.synthetic_firmware import stock_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from startline_host.formats.flash_dump import FlashDump

_T = TypeVar("_T")
_VERSION = re.compile(rb"(?<![\d.])\d+\.\d+\.\d+(?:[-.+a-z0-9]*)")
#: Where the chips' boot ROMs look for the boot loader.
_BOOT_OFFSETS = (0x1000, 0x0, 0x2000)
_STRETCH = 1 << 16
_VERSION_FILES = ("/lib/startline/__init__.py", "/lib/startline/__init__.mpy")
_AGENT = ("/boot.py", "/main.py", "/lib/startline/__init__.mpy")


class BootLoaderImage(msgspec.Struct, frozen=True):
    """A sound boot loader, for `chip` and a flash of `flash_size` bytes."""

    chip: str
    offset: int
    flash_size: int


class ApplicationImage(msgspec.Struct, frozen=True):
    """The application; `verified` is false where only its head was read."""

    version: str
    idf_version: str
    verified: bool


class AgentFiles(msgspec.Struct, frozen=True):
    """What `vfs` holds: the agent's version ("" if it does not say), and files of its owner."""

    version: str
    files: int
    owner_files: list[str]


class Inspection(msgspec.Struct, frozen=True):
    """The whole finding; None where a part is missing, unreadable, or was not read.

    `missing` says, each in a few words, what a device needs that this one has not; `notes` says
    what is unusual. `stock` means the stock partition table, with everything in `nvs`.
    """

    flash_size: int
    stock: bool = False
    boot_loader: BootLoaderImage | None = None
    table: list[PartitionRow] = []
    application: ApplicationImage | None = None
    agent: AgentFiles | None = None
    factory: StoredSettings | None = None
    settings: StoredSettings | None = None
    nvs_pages: list[PageHealth] = []
    fctry_pages: list[PageHealth] = []
    record: RecordView | None = None
    journal: JournalSummary | None = None
    missing: list[str] = []
    notes: list[str] = []

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


def inspect(
    dump: FlashDump,
    mac: bytes | None = None,
    files: Mapping[str, bytes] | None = None,
    running: str = "",
    *,
    starts: bool = True,
) -> Inspection:
    """Look at everything that the dump holds; `mac` is the chip's, where it is known.

    `files` is the content of `vfs` by path, where that was asked for in another way; of files
    that do not tell a version the names are enough. `running` is MicroPython's release, where it
    was asked. It `starts` unless its boot loader was heard to refuse the application. Raises
    BadInput for a dump that is smaller than its own partition table says.
    """
    return _Inspector(dump, mac, files, running, starts=starts).inspect()


class _Inspector:
    """Collects what is missing while it looks at one part after the other."""

    def __init__(
        self,
        dump: FlashDump,
        mac: bytes | None,
        files: Mapping[str, bytes] | None,
        running: str,
        *,
        starts: bool,
    ) -> None:
        self.dump = dump
        self.mac = mac
        self.files = files
        self.running = running
        self.starts = starts
        self.missing: list[str] = []
        self.notes: list[str] = []

    def inspect(self) -> Inspection:
        boot = self._boot_loader()
        if self.dump.size < LEAST_FLASH:
            self.notes.append(f"{NEEDED_FLASH} This chip has {self.dump.size >> 10} KiB")
        table = self._try("partition table", self._table)
        if table is None:
            return self._without_table(boot)
        if table.end > self.dump.size:
            self._table_too_long(table)
        stock = table.find("fctry") is None
        pages = self._pages(table, "nvs")
        fctry_pages = [] if stock else self._pages(table, "fctry")
        told = self._told(table, "nvs" if stock else "fctry")
        record = self._record(table, told)
        if told is not None:
            self._serial_fits(told)
        if told is not None and record is not None:
            self._key_fits(told, record.state)
        return Inspection(
            flash_size=self.dump.size,
            stock=stock,
            boot_loader=boot,
            table=list(table),
            application=self._application(table),
            agent=self._agent(table),
            factory=told,
            settings=None if stock else self._told(table, "nvs", overrides=True),
            nvs_pages=pages,
            fctry_pages=fctry_pages,
            record=record,
            journal=self._try("race", lambda: self._journal(table)),
            missing=self.missing,
            notes=self.notes,
        )

    def _table_too_long(self, table: PartitionTable) -> None:
        # What a chip says of its size is so; a file may have been cut short.
        if not isinstance(self.dump, LazyFlashDump):
            raise BadInput(
                f"The dump has {self.dump.size} bytes, and its partition table goes to "
                f"{table.end}: a part of the flash is not in it."
            )
        self.missing.append(
            f"partition table: it goes to {table.end >> 10} KiB, and the flash has "
            f"{self.dump.size >> 10} KiB"
        )

    def _serial_fits(self, told: StoredSettings) -> None:
        """Note a serial number that would be refused today: it is the device's all the same."""
        serial = told.get("factory", "serial")
        if not serial:
            return
        why = ""
        try:
            check_serial(serial)
        except BadInput as error:
            why = error.message
        if not why and (trace := serial_trace(serial)[0]):
            why = f"The serial number {serial!r} {trace}."
        if why:
            self.notes.append(
                f"{why} It would be refused today; a device that is bound keeps it, since its cloud "
                "knows it so"
            )

    def _key_fits(self, told: StoredSettings, state: str) -> None:
        """Note what a device that is not bound yet lacks for it, and a key that outlived its use."""
        if state == "bound" and has_claim_key(told) and told.get("run", "key") != "same":
            self.notes.append("the claim key is still there: the device clears it when it starts")
        if state != "unbound":
            return
        cloud = find_cloud(told.get("claim", "cloud"))
        needed = list(cloud.NEEDED) if cloud else []
        if told.get("claim", "base_url").startswith("https:"):
            needed.append("tls.ca0")
        lacking = [name for name in needed if not told.get(*name.split(".", 1))]
        if lacking:
            self.missing.append(f"binding: {', '.join(lacking)} not provisioned")

    def _without_table(self, boot: BootLoaderImage | None) -> Inspection:
        """Look in the usual places: a cut while the table was written leaves the rest as it was."""
        told = record = None
        with suppress(BadInput):
            usual = startline_table(stock_table(), self.dump.size)
            row = self._known(usual, "fctry")
            told = read_stored_settings(self.dump.part(row.offset, row.size)) if row else None
            if told is not None and told.values:
                record = self._record(usual, told)
                self.notes.append(
                    "no table: identity and record were looked for in the usual places"
                )
        return Inspection(
            flash_size=self.dump.size,
            boot_loader=boot,
            factory=told if told is not None and told.values else None,
            record=record,
            missing=self.missing,
            notes=self.notes,
        )

    def _try(self, what: str, step: Callable[[], _T]) -> _T | None:
        """Take a step; a part that is not as it should be is noted as missing, with the reason."""
        try:
            return step()
        except BadInput as error:
            self.missing.append(f"{what}: {error.message}")
            return None

    def _known(self, table: PartitionTable, name: str) -> PartitionRow | None:
        row = table.find(name)
        return row if row is not None and self.dump.has(row.offset, row.size) else None

    def _boot_loader(self) -> BootLoaderImage | None:
        known = [at for at in _BOOT_OFFSETS if self.dump.has(at, TABLE_OFFSET - at)]
        for at in known:
            data = self.dump.read(at, TABLE_OFFSET - at)
            if data[0] == 0xE9:
                image = self._try("boot loader", partial(parse_image, data, "the boot loader"))
                return BootLoaderImage(image.chip, at, image.flash_size) if image else None
        if known:
            self.missing.append("boot loader: there is none")
        return None

    def _table(self) -> PartitionTable:
        return parse_table(self.dump.read(TABLE_OFFSET, TABLE_SIZE))

    def _application(self, table: PartitionTable) -> ApplicationImage | None:
        row = next((row for row in table if row.kind == TYPE_APP), None)
        if row is None:
            self.missing.append("application: the partition table has no place for one")
            return None
        if self.dump.has(row.offset, row.size):
            return self._try("application", partial(_whole_application, self.dump, row))
        if not self.dump.has(row.offset, APPLICATION_HEAD):
            return None
        segment = first_segment(self.dump.read(row.offset, APPLICATION_HEAD))
        seen = segment and read_descriptor(
            self.dump.read(row.offset + segment.offset, DESCRIPTOR_SIZE)
        )
        if not segment or not seen:
            self.missing.append("application: there is none")
            return None
        if not self.starts:
            # Its head tells nothing of its rest, and reading that takes longer than writing it.
            self.missing.append(
                "application: its boot loader finds it damaged, as after an interrupted installation"
            )
        version = self.running or self._banner(row.offset + segment.offset, segment.size)
        return ApplicationImage(version or release_of(seen), seen.idf_version, verified=False)

    def _banner(self, offset: int, size: int) -> str:
        """Return the version in MicroPython's banner, which stands among the constants.

        The official images' descriptors do not tell it. What of them can be read is searched, in
        stretches that overlap by more than a banner.
        """
        for at in range(offset, offset + size, _STRETCH):
            length = min(_STRETCH + 0x100, offset + size - at)
            if not self.dump.has(at, length):
                break
            found = banner_version(self.dump.read(at, length))
            if found:
                return found
        return ""

    def _agent(self, table: PartitionTable) -> AgentFiles | None:
        files = self.files if self.files is not None else self._read_files(table)
        if files is None:
            return None
        lacking = [path for path in _AGENT if path not in files and not _as_source(path, files)]
        if lacking:
            self.missing.append(f"agent: vfs has no {', '.join(lacking)}")
        mine = {path for path in files if is_agents(path)}
        agents = len(mine - {"/boot.py", "/main.py"})
        return AgentFiles(_agent_version(files), agents, sorted(files.keys() - mine))

    def _read_files(self, table: PartitionTable) -> Mapping[str, bytes] | None:
        row = self._known(table, "vfs")
        if row is None:
            if table.find("vfs") is None:
                self.notes.append("no vfs in the table: the firmware makes one at boot")
            return None
        part = self.dump.part(row.offset, row.size)
        # What a file system begins with stands in its first two blocks.
        if part.read(0, 2 * BLOCK) == b"\xff" * (2 * BLOCK):
            self.missing.append("vfs: it is blank")
            return None
        return self._try("vfs", partial(list_filesystem, row.size, part.read, _VERSION_FILES))

    def _pages(self, table: PartitionTable, name: str) -> list[PageHealth]:
        row = self._known(table, name)
        if row is None:
            return []
        pages = read_pages(self.dump.read(row.offset, row.size))
        self.notes += [
            f"{name}: page {page.index} is {page.state}"
            + (f" with {page.broken} broken entries" if page.broken else "")
            + (" but not empty" if page.stray else "")
            for page in pages
            if not page.healthy
        ]
        return pages

    def _told(
        self, table: PartitionTable, name: str, *, overrides: bool = False
    ) -> StoredSettings | None:
        row = self._known(table, name)
        if row is None:
            return None
        told = read_stored_settings(self.dump.part(row.offset, row.size))
        self.notes += [f"{name}: {what} is damaged" for what in told.damaged]
        if not overrides and told.missing:
            self.missing.append(f"{name}: {', '.join(told.missing)} not provisioned")
        elif not overrides and told.unreadable:
            self.missing.append(f"{name}: {', '.join(told.unreadable)} damaged")
        return told

    def _journal(self, table: PartitionTable) -> JournalSummary | None:
        """Look at the journal where the whole of it is there: from a device it takes too long."""
        row = table.find("race")
        if row is None or not self.dump.is_here(row.offset, row.size):
            return None
        return summarize_journal(self.dump.part(row.offset, row.size), self.notes)

    def _record(self, table: PartitionTable, told: StoredSettings | None) -> RecordView | None:
        nvs, bind = self._known(table, "nvs"), self._known(table, "bind")
        if nvs is None or told is None or (bind is None and table.find("bind") is not None):
            return None
        bind_part = self.dump.part(bind.offset, bind.size) if bind is not None else None
        return read_record(self.dump.part(nvs.offset, nvs.size), bind_part, told, self.mac)


def _whole_application(dump: FlashDump, row: PartitionRow) -> ApplicationImage:
    data = dump.read(row.offset, row.size)
    if data.count(0xFF) == len(data):
        raise BadInput("there is none")
    image = parse_image(data, "the application")
    version = micropython_version(data[: image.size], image, "flash")
    return ApplicationImage(version, image.app.idf_version if image.app else "", verified=True)


def _as_source(path: str, files: Mapping[str, bytes]) -> bool:
    return path.removesuffix(".mpy") + ".py" in files


def _agent_version(files: Mapping[str, bytes]) -> str:
    for name in _VERSION_FILES:
        found = _VERSION.search(files.get(name, b""))
        if found:
            return found[0].decode()
    return ""
