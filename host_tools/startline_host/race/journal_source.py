"""Where a journal's bytes come from: a dump, whole or the partition alone, or a device at its prompt."""

from __future__ import annotations

from pathlib import Path

import msgspec
from startline.net.device_list import OTHER, SerialNumber
from startline_race.journal_format import HEADER_SIZE, MAGIC, SECTOR, NewerFormat, unpack_header

from startline_host.boards import list_boards
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.errors import BadInput, WrongDevice
from startline_host.file_access import read_file
from startline_host.flows.journal_swap import read_journal
from startline_host.flows.notices import Listener, Step
from startline_host.flows.operator.device_session import DeviceSession, device_session
from startline_host.formats.flash_dump import DumpPart, FlashDump, partition_reader
from startline_host.formats.partitions import (
    TABLE_OFFSET,
    TABLE_SIZE,
    PartitionRow,
    parse_table,
)
from startline_host.formats.record_copies import read_record
from startline_host.formats.stored_settings import StoredSettings, read_stored_settings
from startline_host.race.running_reader import RunningJournal, RunningReader
from startline_host.race.selection import EVERYTHING, Wanted, select
from startline_host.race.stored_race import read_race
from startline_host.util import printable

_HOW = "Read the whole chip: esptool read-flash 0 ALL dump.bin"


class JournalSource(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of a journal, and whose they are: texts are "" where nothing told them.

    Sectors that are `unread` are blank in `part`, and need not be.
    """

    part: DumpPart
    unread: frozenset[int] = frozenset()
    serial: str = ""
    deviceid: str = ""
    stored: StoredSettings | None = None


def from_dump(path: Path, serial: str = "") -> JournalSource:
    """Take the journal out of a file. Raises BadInput, or WrongDevice for another `serial`."""
    try:
        data = read_file(path)
    except OSError as error:
        raise BadInput(f"The dump {path} cannot be read: {error.strerror}.") from None
    if data[TABLE_OFFSET : TABLE_OFFSET + 2] == b"\xaa\x50":
        source = _from_chip(path, data)
        if serial and not source.serial:
            raise BadInput(
                f"{path} does not tell its serial number: fctry cannot be read, and no record has it.",
                "Without --serial it is read all the same.",
            )
        return _checked(source, serial)
    _check_partition(path, data)
    if serial:
        raise BadInput(
            f"{path} is the partition alone, which does not tell its serial number.", _HOW
        )
    return JournalSource(part=partition_reader(data))


def _from_chip(path: Path, data: bytes) -> JournalSource:
    table = parse_table(data[TABLE_OFFSET:][:TABLE_SIZE])
    row = table.find("race")
    if row is None:
        raise BadInput(
            f"The board of {path} has no partition 'race', and so no journal of passings.",
            "Is it the dump of another board?",
        )
    if row.end > len(data):
        raise BadInput(
            f"{path} is cut short: it has {len(data)} bytes, and the journal ends at {row.end}.",
            _HOW,
        )
    part = FlashDump({0: data}, len(data)).part

    def of(one: PartitionRow | None) -> DumpPart | None:
        return part(one.offset, one.size) if one is not None and one.end <= len(data) else None

    nvs, bind = of(table.find("nvs")), of(table.find("bind"))
    told = of(table.find("fctry")) or nvs
    stored = read_stored_settings(told) if told else None
    serial = stored.get("factory", "serial") if stored else ""
    deviceid = ""
    if stored is not None and nvs is not None:
        view = read_record(nvs, bind, stored, None)
        deviceid = next((one.token for one in (view.nvs, view.bind) if one and one.token), "")
        # Where fctry is damaged or cut off, the record still names the reader.
        serial = serial or view.nvs.serial or view.bind.serial
    return JournalSource(
        part=part(row.offset, row.size),
        serial=serial,
        deviceid=deviceid,
        stored=stored,
    )


def _check_partition(path: Path, data: bytes) -> None:
    """See that a file is the whole of a partition. Raises BadInput."""
    headers = [data[at : at + len(MAGIC)] == MAGIC for at in range(0, len(data), SECTOR)]
    if not any(headers):
        raise BadInput(f"{path} is neither the dump of a chip nor of a journal's partition.", _HOW)
    sizes = {board.race_size for board in list_boards().boards}
    if len(data) not in sizes or not _is_one_ring(data):
        raise BadInput(
            f"{path} is cut short, or not a whole partition: it has {len(data)} bytes.", _HOW
        )


def _is_one_ring(data: bytes) -> bool:
    """Tell whether the sequence numbers go round in a ring of just so many sectors."""
    count = len(data) // SECTOR
    turns = set()
    for index in range(count):
        try:
            header = unpack_header(data[index * SECTOR :][:HEADER_SIZE])
        except NewerFormat:
            return True  # what there is to say of that comes when it is read
        if header:
            turns.add((header[1] - index) % count)
    return len(turns) <= 1


def from_device(device: DeviceSession, listen: Listener, serial: str = "") -> JournalSource:
    """Read the journal of a device at its prompt. Raises BadInput, DeviceSilent, WrongDevice."""
    repl = device.repl
    try:
        found = repl.value(
            "[p.info()[2:4] for p in __import__('esp32').Partition.find("
            "__import__('esp32').Partition.TYPE_DATA, label='race')]"
        )
        if not found:
            raise BadInput(
                "The device has no partition 'race', and so no journal of passings.",
                "`startline flash` gives it one; the files of vfs are saved and put back.",
            )
        ((offset, size),) = found
        listen(Step("Reading the journal"))
        data = read_journal(repl, offset, size)
    except (OSError, DeviceRaised):
        raise WrongDevice("The device's firmware does not let its flash be read.") from None
    source = JournalSource(
        part=partition_reader(data),
        serial=device.name,
        deviceid=device.snapshot.summary().token,
        stored=device.stored,
    )
    return _checked(source, serial)


def from_port(line: PortSession, listen: Listener, serial: str = "") -> JournalSource:
    """Stop the device on a line, read its journal, and let it run again from its start."""
    with device_session(line, listen) as device:
        return from_device(device, listen, serial)


def from_running(
    line: PortSession, listen: Listener, serial: str = "", wanted: Wanted = EVERYTHING
) -> JournalSource:
    """Read the journal of the device on a line while its program goes on, as far as it is `wanted`.

    Raises DeviceSilent where the program does not answer, WrongDevice for another `serial`.
    """
    reader = RunningReader(line.port())
    check_serial(reader.state().serial, serial)
    source = running_source(reader.journal(wanted, listen))
    if source.unread and not _is_enough(source, wanted):
        source = running_source(reader.journal(listen=listen))
    return source


def _is_enough(source: JournalSource, wanted: Wanted) -> bool:
    """Tell whether a part of a journal has all that there is to tell of what is wanted."""
    race = read_race(source.part, source.unread)
    try:
        chosen = select(race, wanted)
    except BadInput:
        return False  # said of the whole
    # A session that waits for its turn stands only where it was wanted.
    return all(one.alias and one.utc for one in chosen)


def running_source(found: RunningJournal) -> JournalSource:
    """Return what a reader beside its program has told of itself, with its journal."""
    race = found.race
    claim: dict[str, str | int] = {"cloud": race.cloud, "base_url": race.base_url}
    return JournalSource(
        part=partition_reader(found.data),
        unread=found.unread,
        serial=race.serial,
        deviceid=race.token,
        stored=StoredSettings({"factory": {"serial": race.serial}, "claim": claim}, []),
    )


def _checked(source: JournalSource, serial: str) -> JournalSource:
    check_serial(source.serial, serial)
    return source


def check_serial(found: str, wanted: str) -> None:
    """Raise WrongDevice where another serial number than what was found is wanted, or none was."""
    if wanted and (not found or SerialNumber(wanted).compare(found) == OTHER):
        raise WrongDevice(
            f"This is the journal of {printable(found) or 'a reader without a serial number'}, "
            f"not of {printable(wanted)}."
        )
