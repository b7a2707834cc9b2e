"""A board that is lent for a while: it gets an app and an identity of its borrower's, and is given back.

What its owner has on it (files, identity, journal of passings) is put away meanwhile in one ZIP on
this computer, and is as it was afterwards, also after Ctrl-C; only the record is blank, as it was
before. Of a loan that was killed the board keeps a mark: it is told first who the borrower is, and
last who its owner is. Whoever borrows it next on this computer gives it back first. A board that is
bound, or whose journal holds what is at no cloud, is refused untouched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, find_cloud
from startline_host.device.bootloader import BootLoader
from startline_host.device.partition_access import (
    DeviceFacts,
    differing_blocks,
    read_facts,
    write_partition,
)
from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised, NoPrompt
from startline_host.device.repl import Repl
from startline_host.errors import DeviceSilent
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.flash_survey import Survey
from startline_host.flows.journal_swap import (
    erase_journal_partition,
    give_journal_back,
    journal_to_keep,
)
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.loading import load
from startline_host.flows.loan_safe import LentThings, read_saved, saved_of
from startline_host.flows.notices import Listener, Remark
from startline_host.flows.owner_swap import check_there, give_back, read_owner_files, take_away
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
        board = _survey(line, terms, listen)
        own = terms.bundle.own
        if terms.yields and _has_app(line.port(), own):
            own = {}
        if board.must_stay:
            _load(line, terms, own, listen)  # which refuses it
        loan = _Loan(board, terms, own, listen)
        try:
            loan.begin(line)
        except BaseException:
            loan.end(line)
            raise
    try:
        yield own
    finally:
        with PortSession(url) as line:
            loan.end(line)


class _LentBoard(msgspec.Struct, frozen=True):
    """A board before it is lent: what it keeps, and what its prompt said; None where there is none.

    `left_by` is the serial number of a borrower's unit that was left on it, `saved` the ZIP of that
    loan where it is still to be given back.
    """

    mac: str
    kept: DeviceSnapshot | None
    facts: DeviceFacts | None
    left_by: str = ""
    saved: Path | None = None

    @property
    def must_stay(self) -> bool:
        """Whether it is bound, or may be."""
        return bool(self.kept and self.kept.summary().must_stay)


class _Loan:
    """One loan, from before the first byte is written to the last one."""

    def __init__(
        self, board: _LentBoard, terms: LoanTerms, own: Mapping[str, bytes], listen: Listener
    ) -> None:
        self._board = board
        self._terms = terms
        self._own = own
        self._listen = listen
        fctry = board.kept.fctry if board.kept else None
        self._saved = board.saved
        self._things = (
            read_saved(board.saved)
            if board.saved
            else LentThings(fctry=fctry or b"\xff" * FCTRY_SIZE)
        )

    def begin(self, line: PortSession) -> None:
        """Put away what is its owner's, and load what is its borrower's."""
        self._put_away(line)
        _load(line, self._terms, self._own, self._listen)
        if self._terms.races and self._board.facts is None:  # there was no prompt to look at it
            repl = prompt_of(line.port())
            if self._things.journal is None:
                self._keep(journal=journal_to_keep(repl, self._listen, self._board.left_by))
            erase_journal_partition(repl)
            restart(line)

    def end(self, line: PortSession) -> None:
        """Give the board back, if anything was done to it; say where all is if that fails."""
        saved = self._saved
        if saved is None:
            return
        try:
            _give_back(prompt_of(line.port()), self._things, saved)
        except BaseException:
            if saved.exists():  # or else only its restart did not come off
                self._listen(
                    Remark(
                        f"What was put away is not back on the board: {saved}. The same command once "
                        "more, on this computer, gives it back first.",
                        warning=True,
                    )
                )
            raise

    def _put_away(self, line: PortSession) -> None:
        board, own = self._board, self._own
        files: Mapping[str, bytes] | None = {} if own else None
        if board.facts is None:  # without a prompt it has no files that could be asked for
            if board.saved is None:
                self._keep(files=files)
            return
        repl = prompt_of(line.port())
        journal = None
        if self._terms.races and board.facts.has("race"):
            journal = journal_to_keep(repl, self._listen, board.left_by)
        if own:
            files = read_owner_files(repl, own if board.left_by else {})
        self._keep(files=files, journal=journal)
        if words := self._things.words:
            self._listen(Remark(f"Put away meanwhile, the owner's {words}: {self._saved}"))
        if board.facts.has("fctry"):  # from now on it tells that it is lent
            tell_identity(line.port(), self._terms.neutral.on(self._terms.bundle.board).image())
        if journal is not None:
            erase_journal_partition(prompt_of(line.port()))
        if files:
            take_away(prompt_of(line.port()), files)

    def _keep(self, **things: object) -> None:
        """Have more of the owner's things saved on this computer."""
        self._things = msgspec.structs.replace(self._things, **things)
        before, self._saved = self._saved, self._things.save(self._board.mac)
        if before is not None:
            before.unlink(missing_ok=True)


def prompt_of(port: Port) -> Repl:
    """Take a lent board's prompt; where it gives up none, it is reset for it."""
    repl = Repl(port)
    try:
        repl.enter(PROMPT_SECONDS)
    except NoPrompt:
        # Whoever was killed may have held it in reset; its program may keep the console.
        if not port.can_reset:
            raise
        port.reset()
        repl.catch(PROMPT_SECONDS)
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


def _survey(line: PortSession, terms: LoanTerms, listen: Listener) -> _LentBoard:
    """Return what a board is, once an earlier loan of it is at its end."""
    try:
        repl = prompt_of(line.port())
        facts = read_facts(repl)
        kept = read_snapshot(repl, facts)
    except (DeviceSilent, DeviceRaised, OSError):
        line.free()
        loader = BootLoader(line.url, terms.bundle.board.baud.flash, listen)
        mac = loader.identify().mac
        kept = Survey(loader, mac, terms.bundle.table).snapshot
        serial = _left_by(kept)
        saved = saved_of(mac) if serial else []
        return _LentBoard(mac, kept, None, serial, saved[-1] if saved else None)
    left = saved_of(facts.mac)
    if not is_lent_unit(kept.stored()) and not (left and _is_half_back(kept, left[-1])):
        if left and not facts.has("fctry"):  # it was marked only once its files were away
            give_back(repl, read_saved(left[-1]).files or {})
        for path in left:
            listen(
                Remark(
                    f"An earlier loan of this board was not ended. What its owner had is in {path}: "
                    "delete it if nothing is missing.",
                    warning=True,
                )
            )
        return _LentBoard(facts.mac, kept, facts)
    if left:
        listen(
            Remark(
                "An earlier loan of this board was not ended: what its owner had is put back first, "
                f"from {left[-1]}",
                warning=True,
            )
        )
        _give_back(repl, read_saved(left[-1]), left[-1])
        return _survey(line, terms, listen)
    listen(
        Remark(
            "An earlier loan, from another computer, left its unit here: its record is cleared. "
            "What it had put away is there.",
            warning=True,
        )
    )
    blank_record(repl)
    return _LentBoard(facts.mac, read_snapshot(repl, facts), facts, _left_by(kept))


def _is_half_back(kept: DeviceSnapshot, saved: Path) -> bool:
    """Tell whether giving back was ended while it wrote who the owner is, the last of all."""
    stored = kept.stored()
    return bool(
        stored
        and (stored.missing or stored.unreadable)
        and kept.fctry is not None
        and kept.fctry != read_saved(saved).fctry
    )


def _give_back(repl: Repl, things: LentThings, saved: Path) -> None:
    """Have everything as it was, at last who the board is; then the ZIP goes. It stays at its prompt."""
    blank_record(repl)
    if things.journal is not None:
        give_journal_back(repl, things.journal)
    if things.files is not None:
        give_back(repl, things.files)
    # The mark of the loan stands in the first block: as long as it is there, all of this is done again.
    write_partition(repl, "fctry", things.fctry, reversed(range(len(things.fctry) // 4096)))
    saved.unlink(missing_ok=True)
    # What it does at its next start is its owner's decision.
    repl.leave()
