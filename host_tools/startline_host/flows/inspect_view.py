"""An inspection as a person reads it: who the device is first, then part by part what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from startline_host.boards import LEAST_FLASH, NEEDED_FLASH
from startline_host.device.event_text import printable_field
from startline_host.flows.device_snapshot import lost_identity
from startline_host.flows.inspect_device import DeviceInspection
from startline_host.flows.next_steps import next_of_state, next_without_agent
from startline_host.formats.inspection import Inspection
from startline_host.formats.nvs_pages import ENTRIES, PageHealth
from startline_host.formats.partitions import PartitionRow
from startline_host.formats.record_copies import RecordCopy, RecordView
from startline_host.formats.stored_settings import StoredSettings
from startline_host.util import counted, printable

_MIB, _KIB = 1 << 20, 1 << 10
_STYLES = {"bound": "bold green", "unbound": "bold", "unknown": "bold red", "refused": "bold red"}
_INDENT = 2
#: The namespaces that are told as they are, key by key.
_SPACES = ("factory", "claim", "run", "net", "tls", "set")
_MANY_FILES = 12

Rows = Iterable[tuple[str, str]]


def show_inspection(console: Console, device: DeviceInspection) -> None:
    """Print an inspection; nothing in it is markup to the console."""
    found = device.found
    console.print(inspection_title(device), soft_wrap=True)
    console.print(_source(device), style="dim", soft_wrap=True, markup=False)
    if found.missing:
        _section(console, "Missing")
        _list(console, found.missing, "red")
        console.print(f"  {_mend(found)}", style="dim", markup=False, soft_wrap=True)
    if software := list(software_rows(device)):
        _section(console, "Software")
        _facts(console, software)
    if found.table:
        _section(console, "Partitions")
        console.print(_partitions(found))
    if found.record is not None:
        _section(console, f"Record: {record_verdict(found.record)}")
        console.print(_record(found.record))
    _show_told(
        console, "Provisioned (nvs)" if found.stock else "Provisioned (fctry)", found.factory
    )
    _show_told(console, "Changed later (nvs)", found.settings)
    if found.notes:
        _section(console, "Notes")
        _list(console, found.notes, "yellow")


def inspection_title(device: DeviceInspection) -> Text:
    """Say in one line who the device is, how it stands, and what to do next."""
    found = device.found
    serial = found.factory.get("factory", "serial") if found.factory else ""
    if not serial and found.record is not None:
        serial = found.record.nvs.serial or found.record.bind.serial
    state = _state(found)
    nameless = (
        "A device without a serial number" if found.table else "A chip without a partition table"
    )
    title = Text(printable(serial) or nameless, style="bold")
    title.append(" is ", style="")
    title.append(state, style=_STYLES.get(state, "bold yellow"))
    lacks = len(found.missing)
    if lacks:
        title.append(f", {counted(lacks, 'part')} missing", style="not bold red")
    return title.append(f". {next_step(found)}", style="not bold")


def next_step(found: Inspection) -> str:
    """Return what to do next with a device that was found so, in a sentence."""
    if found.missing:
        return _mend(found)
    return next_of_state(_state(found), found.record.reason if found.record else "")


def _state(found: Inspection) -> str:
    if found.factory is None or not found.factory.get("factory", "serial"):
        held = found.record is not None and found.record.state not in {"unbound", "unprovisioned"}
        return found.record.state if held and found.record else "unprovisioned"
    return found.record.state if found.record else "of unknown state"


def _mend(found: Inspection) -> str:
    if found.factory is not None and found.record is not None:
        lost = lost_identity(found.factory, found.record)
        if lost:
            return f"{lost.removesuffix('.')}."
    if found.flash_size < LEAST_FLASH:
        return f"{NEEDED_FLASH} Use another chip."
    return next_without_agent(found.record.state if found.record is not None else "")


def _source(device: DeviceInspection) -> str:
    how = {
        "prompt": "asked at its prompt",
        "boot loader": "read through its boot loader",
        "dump": "a dump",
    }
    size = device.found.flash_size
    flash = f"{size // _MIB} MiB of flash" if size >= _MIB else f"{size} bytes of flash"
    parts = [device.chip, device.mac, flash, how[device.via]]
    return f"{printable(device.source)}\n{', '.join(part for part in parts if part)}"


def software_rows(device: DeviceInspection) -> Rows:
    """Yield what runs on the device, each with its name."""
    found = device.found
    if device.running:
        yield "MicroPython", f"{device.running}, running"
    if found.application is not None:
        built = found.application
        checked = "checksum and hash are right" if built.verified else "only its head was read"
        idf = f", ESP-IDF {printable(built.idf_version)}" if built.idf_version else ""
        version = printable(built.version) or "of unknown version"
        yield "Application", f"MicroPython {version}{idf}; {checked}"
    if found.boot_loader is not None:
        boot = found.boot_loader
        yield (
            "Boot loader",
            f"{boot.chip}, for {boot.flash_size // _MIB} MiB, at {boot.offset:#x}; sound",
        )
    if found.agent is not None:
        version = printable(found.agent.version) or "of unknown version"
        yield "Agent", f"Startline {version}, {found.agent.files} files"
        yield "Owner's files", _some(found.agent.owner_files)
    elif found.table and not any(text.startswith("vfs") for text in found.missing):
        yield "Agent", "not looked for"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:_MANY_FILES])
    more = len(names) - _MANY_FILES
    return f"{shown} and {more} more" if more > 0 else shown or "none"


def _partitions(found: Inspection) -> _Grid:
    table = _Grid("left", "right", "right", "left")
    for cells in partition_rows(found):
        table.row(*cells)
    return table


def partition_rows(found: Inspection) -> Iterable[tuple[str, str, str, Text]]:
    """Yield each partition's name, offset, size, and how what it holds is."""
    for row in found.table:
        name = printable(row.name)
        yield name, f"{row.offset:#x}", f"{row.size // _KIB} KiB", _held(found, row)


def _held(found: Inspection, row: PartitionRow) -> Text:
    if row.name == "race" and found.journal is not None:
        stored, waiting = found.journal.stored, found.journal.waiting
        return Text(f"{stored} passings stored, {waiting} not sent")
    pages = {"nvs": found.nvs_pages, "fctry": found.fctry_pages}.get(row.name)
    if not pages:
        return Text("")
    bad = [page for page in pages if not page.healthy]
    text = Text(f"{_counted(pages)}, ")
    if bad:
        return text.append(f"{len(bad)} of them not healthy", style="yellow")
    return text.append("healthy", style="green")


def _counted(pages: Sequence[PageHealth]) -> str:
    written = sum(page.written for page in pages)
    states: dict[str, int] = {}
    for page in pages:
        states[page.state] = states.get(page.state, 0) + 1
    stored = ", ".join(f"{count} {state}" for state, count in states.items())
    return f"{stored}; {written} of {len(pages) * ENTRIES} entries"


def record_verdict(record: RecordView) -> str:
    """Return the state that both copies come to, and why."""
    return record.state + (f" ({printable_field(record.reason)})" if record.reason else "")


def _record(record: RecordView) -> _Grid:
    """Put both copies side by side; what they agree on stands once."""
    table = _Grid("left", "left", "left")
    table.row("", Text("in nvs", style="dim"), Text("in bind", style="dim"))
    for name, one, other in record_rows(record):
        if one == other and one:
            table.row(name, one, Text("the same", style="dim"))
        elif one or other:
            table.row(name, one or "-", Text(other or "-", style="yellow"))
    return table


def record_rows(record: RecordView) -> Iterable[tuple[str, str, str]]:
    """Yield what the copies in nvs and in bind say, name by name; "" for what one does not."""
    both = (_told_by(record.nvs), _told_by(record.bind))
    for name in dict.fromkeys([*both[0], *both[1]]):
        yield name, both[0].get(name, ""), both[1].get(name, "")


def _told_by(copy: RecordCopy) -> dict[str, str]:
    if copy.found != "record":
        words = {"newer": "of a newer agent", "absent": "no such partition"}
        return {"state": words.get(copy.found, copy.found)}
    return {
        "state": copy.state + (f" ({printable_field(copy.reason)})" if copy.reason else ""),
        "generation": str(copy.generation),
        "cloud": printable(copy.cloud),
        "serial": printable(copy.serial),
        "deviceid": _halved(printable(copy.token)),
        "chip": copy.mac,
        "answer": str(copy.status or ""),
        "attempt": copy.attempt,
        "key": copy.key_fingerprint,
        "looks": f"{copy.looks}, last {_time(copy.looked)}" if copy.looks else "",
    }


def _halved(token: str) -> str:
    """Put a long token on two lines: 64 digits and the word for them do not fit beside another."""
    half = len(token) // 2
    return f"{token[:half]}\n{token[half:]}" if len(token) > 40 else token


def _show_told(console: Console, title: str, stored: StoredSettings | None) -> None:
    if stored is None or not stored.values:
        return
    _section(console, title)
    _facts(console, settings_rows(stored))


def settings_rows(stored: StoredSettings) -> Rows:
    """Yield the settings of a device, secrets masked."""
    for space in _SPACES:
        for key, value in stored.values.get(space, {}).items():
            yield f"{space}.{key}", _value(key, value)


def _value(key: str, value: str | int) -> str:
    return _time(value) if key == "made_at" and isinstance(value, int) else printable(str(value))


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _section(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def _facts(console: Console, rows: Rows) -> None:
    table = _Grid("left", "left")
    for name, value in rows:
        if value:
            table.row(Text(name, style="dim"), value)
    console.print(table)


def _list(console: Console, lines: Sequence[str], style: str) -> None:
    table = _Grid("left", "left")
    for line in lines:
        table.row(Text("·", style=style), printable(line))
    console.print(table)


class _Grid:
    """Rows of cells in columns, indented; a cell is never markup."""

    def __init__(self, *sides: Literal["left", "right"]) -> None:
        self._table = Table.grid(padding=(0, 2, 0, 0))
        for side in sides:
            self._table.add_column(justify=side, overflow="fold")

    def row(self, *cells: str | Text) -> None:
        """Add a row."""
        self._table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))

    def __rich__(self) -> Padding:
        return Padding(self._table, (0, 0, 0, _INDENT))
