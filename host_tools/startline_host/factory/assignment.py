"""Decides which unit a board is, from the ledger and from what the board itself keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from startline_host.errors import CloudDisagrees, StartlineError, WouldTouchBound, WrongDevice
from startline_host.factory.entries import LedgerUnit, StationSlot, fold_serial, short_token

if TYPE_CHECKING:
    from startline_host.factory.ledger import Ledger
    from startline_host.flows.device_snapshot import DeviceSnapshot


class AlreadyBound(StartlineError):
    """Ends loading: the board is bound, or may be, and is the ledger's own."""


class BatchUsedUp(StartlineError):
    """Ends loading: the batch is used up."""


def choose_unit(
    ledger: Ledger, batch: str, place: StationSlot, snapshot: DeviceSnapshot
) -> LedgerUnit:
    """Return the unit that a board is, or becomes now.

    Raises WrongDevice for a board with another chip's serial number, WouldTouchBound for one that
    is bound and not this ledger's, BatchUsedUp where the batch is used up.
    """
    summary = snapshot.summary()
    serial = snapshot.stored().get("factory", "serial") or summary.serial
    holder = ledger.look_up(serial) if serial else None
    if holder is not None and holder.mac not in {"", snapshot.mac}:
        raise WrongDevice(
            f"The board carries the serial number {serial}, which is the chip {holder.mac}'s, "
            f"and its own chip is {snapshot.mac}.",
            "The flash was copied or a module was swapped: set the board aside and clear it.",
        )
    own = ledger.look_up(snapshot.mac)
    if summary.must_stay and (
        own is None or fold_serial(own.serial) != fold_serial(summary.serial)
    ):
        raise WouldTouchBound(
            f"The board is {summary.serial or 'a stranger'}, {summary.state}, and not of this "
            "ledger. It was left as it is.",
            "Put it aside; to use it anyway, clear it: startline unbind, then reset.",
        )
    unit = ledger.allot(batch, place, snapshot.mac)
    if unit is None:
        raise BatchUsedUp("The batch has no serial number left.")
    return unit


def check_snapshot(unit: LedgerUnit, snapshot: DeviceSnapshot) -> None:
    """Raise AlreadyBound for a board that is not to be written to, being this unit already.

    Raises CloudDisagrees where the ledger has a token that the board does not hold.
    """
    summary = snapshot.summary()
    if unit.token and (summary.state, summary.token) != ("bound", unit.token):
        raise CloudDisagrees(
            f"The ledger has a deviceid for {unit.serial} ({short_token(unit.token)}), and its board "
            "does not hold it. Was it reset?",
            "Settle it with the cloud's list: startline ledger verify.",
        )
    if summary.must_stay or unit.passed:
        raise AlreadyBound("The board is bound already.")
