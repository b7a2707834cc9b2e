"""A bench with a real board on a serial line: borrowed for the run, and left with a blank record."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import msgspec

from startline_host.bench.scenarios.base_flash import APP, BENCH_OWN, BaseFlash
from startline_host.bench.scenarios.model import FlashDamage, VirtualWorld
from startline_host.bench.scenarios.owner_swap import PutAway, check_there, give_back, put_away
from startline_host.bench.scenarios.provisioning import is_bench_unit, neutral_provision
from startline_host.bench.scenarios.reader import LinkMaker, Reader
from startline_host.bench.scenarios.transcript import Transcript
from startline_host.device.bootloader import BootLoader
from startline_host.device.partition_access import differing_blocks, read_facts, write_partition
from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.device.repl import Repl
from startline_host.errors import BadInput, DeviceSilent
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.flash_survey import Survey
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.loading import load
from startline_host.flows.notices import Listener, Remark, ignore_notices
from startline_host.flows.prompt_survey import read_snapshot
from startline_host.flows.restart import restart
from startline_host.formats.partitions import FCTRY_SIZE

_PATIENCE = 15.0

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


class BorrowedBoard(msgspec.Struct, frozen=True):
    """A board that was made ready: its port, and what a rig on it can do."""

    base: BaseFlash
    url: str
    can: frozenset[str]
    own: Mapping[str, bytes]

    def rig(
        self, transcript: Transcript, stop: threading.Event, link: LinkMaker | None
    ) -> BoardRig:
        """Return the rig of one case."""
        return BoardRig(self, transcript, stop, link)


@contextlib.contextmanager
def borrowed_board(
    url: str, base: BaseFlash, listen: Listener = ignore_notices
) -> Iterator[BorrowedBoard]:
    """Load a board with the agent for as long as the block runs; then give it back unbound.

    An application to be tested is put on it, and the owner's files are put away meanwhile; the
    bench's own application gives way to the owner's. Files and identity are as they were
    afterwards, and the record is blank. Raises WouldTouchBound, before anything is written, for a
    board that is bound or may be; BadInput for a line without reset wires.
    """
    with PortSession(url) as line:
        if not line.port().can_reset:
            raise BadInput(
                f"The bench switches readers on and off, and {url} has no wires for that.",
                "Use the board's USB port itself, or an rfc2217:// one.",
            )
        there = _survey(line, base, listen)
        own = base.bundle.own
        if own == BENCH_OWN and _has_app(line.port()):
            own = {}
        if there is not None and there.summary().must_stay and not is_bench_unit(there.stored()):
            kept = PutAway()  # it is refused below, untouched
        else:
            kept = _put_away(line.port(), listen) if own else PutAway()
        bundle = msgspec.structs.replace(base.bundle, own=own)
        # With an identity of the bench's own it can ask nobody, whenever it starts.
        request = LoadRequest(
            board=base.board,
            bundle=bundle,
            provision=neutral_provision(),
            # Its cases come with any link and cloud.
            every_role=True,
        )
        try:
            load(line, request, listen)
            if own:
                check_there(_prompt(line.port()), own)
            restart(line)
        except BaseException:
            if kept.files:
                give_back(_prompt(line.port()), kept)
            raise
    fctry = there.fctry if there and there.fctry else b"\xff" * FCTRY_SIZE
    can = frozenset({"app"}) if own == BENCH_OWN else frozenset()
    try:
        yield BorrowedBoard(base, url, can, own)
    finally:
        with PortSession(url) as line:
            _give_back(line.port(), fctry, kept if own else None)


class BoardRig:
    """The one reader of a case, on a borrowed board."""

    def __init__(
        self,
        board: BorrowedBoard,
        transcript: Transcript,
        stop: threading.Event,
        link: LinkMaker | None,
    ) -> None:
        self.can = board.can
        self.names = ("first",)
        self._board = board
        self._reader = Reader(board.url, transcript, link=link, stop=stop)

    def __enter__(self) -> Self:
        self._reader.__enter__()
        repl = _prompt(self._reader.line.port())
        check_there(repl, self._board.own)  # a test may have changed it
        _blank(repl)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.__exit__(kind, error, trace)

    def set_world(self, world: VirtualWorld) -> None:
        """Leave the world as it is: a board stands in the real one."""

    def reader(self, name: str = "first", *, copy_flash: bool = False) -> Reader:
        """Return the reader."""
        del name, copy_flash
        return self._reader

    def url(self, name: str = "first") -> str:
        """Return where its serial line is."""
        del name
        return self._board.url

    def uart_url(self, name: str = "first") -> str:
        """Return no URL: what is wired to a board's pins is real."""
        del name
        return ""

    def write(self, name: str, part: str, data: bytes) -> None:
        """Write a partition through the prompt; the reader is off then."""
        del name
        repl = _prompt(self._reader.line.port())
        old = read_snapshot(repl, read_facts(repl)).fctry or b""
        write_partition(repl, part, data, differing_blocks(old, data))
        self._reader.power_off()

    def damage(self, name: str, damage: FlashDamage, seed: int) -> None:
        """Refuse: nobody's board is damaged."""
        del name, damage, seed
        raise BadInput("A real board's flash is not damaged.")

    def snapshot(self, name: str) -> DeviceSnapshot:
        """Return what the reader keeps of its binding; it stays at its prompt."""
        del name
        return _kept(self._reader.line.port())

    def unsent(self, name: str) -> int | None:
        """Return None: a race wants a world of its own making, which a board has not."""
        del name
        return None

    def flash_holds(self, name: str, text: str) -> bool:
        """Tell whether a text stands in a partition that keys are kept in; it stays at its prompt."""
        snapshot = self.snapshot(name)
        return any(
            text.encode() in (part or b"")
            for part in (snapshot.nvs, snapshot.bind, snapshot.fctry)
        )


def _prompt(port: Port) -> Repl:
    repl = Repl(port)
    repl.enter(_PATIENCE)
    return repl


def _kept(port: Port) -> DeviceSnapshot:
    repl = _prompt(port)
    return read_snapshot(repl, read_facts(repl))


def _blank(repl: Repl) -> None:
    repl.run(_BLANK_RECORD, _PATIENCE)


def _has_app(port: Port) -> bool:
    """Tell whether the owner's own application is on the board."""
    try:
        repl = _prompt(port)
        return bool(repl.value(_OWN_APP)) and APP.decode() != repl.value("open('/app.py').read()")
    except (DeviceSilent, DeviceRaised, OSError):
        return False


def _survey(line: PortSession, base: BaseFlash, listen: Listener) -> DeviceSnapshot | None:
    """Return what the board keeps; the record of an interrupted bench's unit is cleared."""
    try:
        repl = _prompt(line.port())
        snapshot = read_snapshot(repl, read_facts(repl))
    except (DeviceSilent, DeviceRaised, OSError):
        line.free()
        loader = BootLoader(line.url, base.board.baud.flash, listen)
        return Survey(loader, loader.identify().mac, base.table).snapshot
    if snapshot.summary().must_stay and is_bench_unit(snapshot.stored()):
        listen(Remark("An earlier bench left its unit here: its record is cleared.", warning=True))
        _blank(repl)
    return snapshot


def _put_away(port: Port, listen: Listener) -> PutAway:
    """Put the owner's files away; a board that gives no prompt has none that could be asked for."""
    try:
        repl = _prompt(port)
        mac = read_facts(repl).mac
    except (DeviceSilent, DeviceRaised, OSError):
        return PutAway()
    return put_away(repl, mac, listen)


def _give_back(port: Port, fctry: bytes, kept: PutAway | None) -> None:
    repl = _prompt(port)
    _blank(repl)
    write_partition(repl, "fctry", fctry, range(len(fctry) // 4096))
    if kept is not None:
        give_back(repl, kept)
    # It stays at its prompt: what it does at its next start is its owner's decision.
    repl.leave()
