"""A board that is lent for a while: it gets an app and an identity of its borrower's, and is given back.

What its owner has on it (files, identity, journal of passings) is put away meanwhile, and is as it
was afterwards, also after Ctrl-C; only the record is blank, as it was before. A board that is bound,
or whose journal holds what is at no cloud, is refused untouched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec

from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, find_cloud
from startline_host.device.bootloader import BootLoader
from startline_host.device.partition_access import differing_blocks, read_facts, write_partition
from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.device.repl import Repl
from startline_host.errors import DeviceSilent, StartlineError
from startline_host.flows.backup import backup_folder
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.flash_survey import Survey
from startline_host.flows.journal_swap import (
    PutAwayJournal,
    erase_journal_partition,
    give_journal_back,
    save_journal,
)
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.loading import load
from startline_host.flows.notices import Listener, Remark
from startline_host.flows.owner_swap import (
    PutAway,
    check_there,
    give_back,
    save_owner_files,
    take_away,
)
from startline_host.flows.prompt_survey import read_snapshot
from startline_host.flows.restart import restart
from startline_host.formats.factory_partition import DeviceSettings, TlsSettings
from startline_host.formats.partitions import FCTRY_SIZE
from startline_host.formats.stored_settings import StoredSettings
from startline_host.formats.units import Unit
from startline_host.secrets import Secret

#: Marks a unit as a borrower's own, under `factory`, so that no later one takes it for a person's.
LOAN_MARK: Mapping[str, str] = MappingProxyType({"bench": "1"})
PROMPT_SECONDS = 15.0
_NOWHERE = "https://elsewhere.invalid/v0"
_NO_KEY = "ror-00000000000000000000"

_BLANK_RECORD = """
import esp32
from esp32 import Partition
try:
    _nvs = esp32.NVS('startline')
    _nvs.erase_key('record')
    _nvs.commit()
except OSError:
    pass
for _part in Partition.find(Partition.TYPE_DATA, label='bind'):
    for _block in range(_part.info()[3] // 4096):
        _part.ioctl(6, _block)
# What NVS keeps of an erased record would count as one that was lost.
try:
    from startline.hal import Hal
    from startline.record.traces import wipe
    wipe(Hal().flash('nvs'))
except ImportError:
    pass
"""
_OWN_APP = "'app.py' in __import__('os').listdir('/')"


class LoanTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a board is borrowed with: what is loaded on it, and who it is until it is told.

    `neutral` is a unit of the borrower's (see LOAN_MARK) without a cloud or a network, so that it asks
    nobody whenever it starts. With `yields` the bundle's own app gives way to one of the owner's.
    With `races` the journal of passings is put away too, and is blank for the time.
    """

    bundle: FirmwareBundle
    neutral: Provision
    yields: bool = False
    races: bool = False


def neutral_provision(serial: str, model: str, ca_der: bytes) -> Provision:
    """Return a borrower's unit that belongs to no cloud and has no network."""
    claim = find_cloud(DEFAULT_CLOUD).played.claim(_NOWHERE, Secret(_NO_KEY), serial)
    unit = Unit(serial=serial, model=model, extra=dict(LOAN_MARK))
    return Provision(unit, DeviceSettings(claim=claim, tls=TlsSettings(ca=(ca_der,))))


def is_lent_unit(stored: StoredSettings) -> bool:
    """Tell whether a device was told that it is a borrower's unit."""
    return all(stored.get("factory", key) == value for key, value in LOAN_MARK.items())


@contextlib.contextmanager
def lent_board(url: str, terms: LoanTerms, listen: Listener) -> Iterator[Mapping[str, bytes]]:
    """Load a board for as long as the block runs; then give it back unbound.

    The value is the files that were put on it in place of its owner's, none where its owner's stay.
    Raises WouldTouchBound, before anything is written, for a board that is bound or may be; BadInput
    for a journal that may not be put away.
    """
    with PortSession(url) as line:
        there = _survey(line, terms, listen)
        own = terms.bundle.own
        if terms.yields and _has_app(line.port(), own):
            own = {}
        left_by = _left_by(there)
        kept, journal = PutAway(), None
        try:
            if left_by or there is None or not there.summary().must_stay:  # else refused below
                if terms.races and (journal := _save_journal(line.port(), listen, left_by)):
                    erase_journal_partition(prompt_of(line.port()))
                if own:
                    kept = _save_files(line.port(), listen, own if left_by else {})
                    take_away(prompt_of(line.port()), kept)
            _load(line, terms, own, listen)
            if terms.races and journal is None:  # there was no prompt to look at it
                journal = save_journal(prompt_of(line.port()), listen, left_by)
                erase_journal_partition(prompt_of(line.port()))
                restart(line)
        except BaseException:
            if kept.files or journal:
                _undo(line, kept, journal)
            raise
    fctry = there.fctry if there and there.fctry else b"\xff" * FCTRY_SIZE
    try:
        yield own
    finally:
        try:
            with PortSession(url) as line:
                _give_back(line.port(), fctry, kept if own else None, journal)
        except StartlineError:
            saved = [one.saved for one in (kept, journal) if one and one.saved]
            if any(path.exists() for path in saved):
                words = ", ".join(map(str, saved))
                listen(
                    Remark(f"What was put away is not back on the board: {words}", warning=True)
                )
            raise


def prompt_of(port: Port) -> Repl:
    """Take a lent board's prompt."""
    repl = Repl(port)
    repl.enter(PROMPT_SECONDS)
    return repl


def tell_identity(port: Port, image: bytes) -> None:
    """Tell a lent board who it is, by an image of `fctry`; it stays at its prompt."""
    repl = prompt_of(port)
    old = read_snapshot(repl, read_facts(repl)).fctry or b""
    write_partition(repl, "fctry", image, differing_blocks(old, image))


def blank_record(repl: Repl) -> None:
    """Erase both copies of a lent board's record, and every trace of them."""
    repl.run(_BLANK_RECORD, PROMPT_SECONDS)


def _left_by(there: DeviceSnapshot | None) -> str:
    """Return the serial number of a borrower's unit that was left on a board, "" for none."""
    stored = there.stored() if there else None
    return stored.get("factory", "serial") if stored and is_lent_unit(stored) else ""


def _load(line: PortSession, terms: LoanTerms, own: Mapping[str, bytes], listen: Listener) -> None:
    request = LoadRequest(
        board=terms.bundle.board,
        bundle=msgspec.structs.replace(terms.bundle, own=own),
        provision=terms.neutral,
        # It comes with any link and cloud.
        every_role=True,
    )
    load(line, request, listen)
    if own:
        check_there(prompt_of(line.port()), own)
    restart(line)


def _has_app(port: Port, own: Mapping[str, bytes]) -> bool:
    """Tell whether an application is on the board that is none of the borrower's."""
    try:
        repl = prompt_of(port)
        ours = own["/app.py"].decode()
        return bool(repl.value(_OWN_APP)) and ours != repl.value("open('/app.py').read()")
    except (DeviceSilent, DeviceRaised, OSError):
        return False


def _survey(line: PortSession, terms: LoanTerms, listen: Listener) -> DeviceSnapshot | None:
    """Return what the board keeps; the record of a borrower's unit that was left is cleared."""
    try:
        repl = prompt_of(line.port())
        snapshot = read_snapshot(repl, read_facts(repl))
    except (DeviceSilent, DeviceRaised, OSError):
        line.free()
        bundle = terms.bundle
        loader = BootLoader(line.url, bundle.board.baud.flash, listen)
        return Survey(loader, loader.identify().mac, bundle.table).snapshot
    if snapshot.summary().must_stay and is_lent_unit(snapshot.stored()):
        listen(
            Remark(
                "An earlier bench left its unit here: its record is cleared. What it had put away "
                f"is in {backup_folder()}",
                warning=True,
            )
        )
        blank_record(repl)
    return snapshot


def _save_files(port: Port, listen: Listener, left: Mapping[str, bytes]) -> PutAway:
    """Save the owner's files; a board that gives no prompt has none that could be asked for."""
    try:
        repl = prompt_of(port)
        mac = read_facts(repl).mac
    except (DeviceSilent, DeviceRaised, OSError):
        return PutAway()
    return save_owner_files(repl, mac, listen, left)


def _save_journal(port: Port, listen: Listener, left_by: str) -> PutAwayJournal | None:
    """Save the journal; None where there is no prompt to look at it."""
    try:
        repl = prompt_of(port)
        if not read_facts(repl).has("race"):
            return None
    except (DeviceSilent, DeviceRaised, OSError):
        return None
    return save_journal(repl, listen, left_by)


def _undo(line: PortSession, kept: PutAway, journal: PutAwayJournal | None) -> None:
    repl = prompt_of(line.port())
    if kept.files:
        give_back(repl, kept)
    if journal:
        give_journal_back(repl, journal)


def _give_back(
    port: Port, fctry: bytes, kept: PutAway | None, journal: PutAwayJournal | None
) -> None:
    repl = prompt_of(port)
    blank_record(repl)
    write_partition(repl, "fctry", fctry, range(len(fctry) // 4096))
    if journal is not None:
        give_journal_back(repl, journal)
    if kept is not None:
        give_back(repl, kept)
    # It stays at its prompt: what it does at its next start is its owner's decision.
    repl.leave()
