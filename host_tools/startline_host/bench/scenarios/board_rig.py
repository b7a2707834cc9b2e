"""A bench with a real board on a serial line: borrowed for the run, and left with a blank record."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import msgspec

from startline_host.bench.scenarios.base_flash import BENCH_OWN, BaseFlash
from startline_host.bench.scenarios.model import FlashDamage, VirtualWorld
from startline_host.bench.scenarios.reader import LinkMaker, Reader
from startline_host.bench.scenarios.transcript import Transcript
from startline_host.device.partition_access import read_facts
from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.errors import BadInput
from startline_host.flows.board_loan import (
    LoanTerms,
    blank_record,
    lent_board,
    neutral_provision,
    prompt_of,
    tell_identity,
)
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.notices import Listener, ignore_notices
from startline_host.flows.owner_swap import check_there
from startline_host.flows.prompt_survey import read_snapshot
from startline_host.mock_cloud import CertificateAuthority


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
    terms = LoanTerms(
        bundle=base.bundle,
        neutral=neutral_provision("BENCH", "Bench", CertificateAuthority().ca_der),
        yields=base.bundle.own == BENCH_OWN,
    )
    with lent_board(url, terms, listen) as own:
        can = frozenset({"app"}) if own == BENCH_OWN else frozenset()
        yield BorrowedBoard(base, url, can, own)


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
        repl = prompt_of(self._reader.line.port())
        check_there(repl, self._board.own)  # a test may have changed it
        blank_record(repl)
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

    def tell(self, name: str, image: bytes) -> None:
        """Tell the board who it is, through its prompt; it is off then."""
        del name
        tell_identity(self._reader.line.port(), image)
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


def _kept(port: Port) -> DeviceSnapshot:
    repl = prompt_of(port)
    return read_snapshot(repl, read_facts(repl))
