"""A station as a process of its own: makes units of a batch until no serial number is left.

Started as `station.py URL NAME FIRST_CHIP SEED`. Every fifth chip or so fails, half of those with
nothing on it, and the failed ones are plugged in again at the end.
"""

from __future__ import annotations

import random
import sys
import time

from startline_host.factory.entries import LOAD, LedgerUnit, StationSlot
from startline_host.factory.ledger import Ledger
from startline_host.util import PatientDeadline
from tests.factory.made import mac, token

#: Seconds without a serial number to be had, and how often one is had: more means that the batch
#: comes to no end. How long it takes altogether is the computer's speed.
_PATIENCE = 30.0
_ALLOTMENTS = 1000


def work(ledger: Ledger, name: str, first: int, chance: random.Random) -> None:
    """Make units until the batch is used up and no other station can give a serial back."""
    chip = first
    for _ in range(_ALLOTMENTS):
        place = StationSlot(name, str(chip % 4))
        unit = next_unit(ledger, place, chip)
        if unit is None:
            return
        if make(ledger, unit, place, chip, chance):
            chip += 1
    raise SystemExit("the batch did not come to an end")


def next_unit(ledger: Ledger, place: StationSlot, chip: int) -> LedgerUnit | None:
    """Return the unit that a chip becomes, None once all are made."""
    give_up = PatientDeadline(_PATIENCE)
    while True:
        unit = ledger.allot("spring", place, mac(chip))
        if unit is not None or not ledger.counts()["work"]:
            return unit
        if give_up.expired:
            raise SystemExit("what other stations work at does not come to an end")
        time.sleep(0.01)


def make(
    ledger: Ledger, unit: LedgerUnit, place: StationSlot, chip: int, chance: random.Random
) -> bool:
    """Make one unit; tell whether its chip is done with."""
    if chance.random() < 0.1:
        ledger.fail(unit, "cable", blank=True)
        return True
    unit = ledger.step(unit, LOAD)
    if chance.random() < 0.1:
        ledger.fail(unit, "network")
        return False
    ledger.pass_(ledger.bound(ledger.sent(unit), token(chip)))
    return True


if __name__ == "__main__":
    url, name, first, seed = sys.argv[1:]
    with Ledger.open(url, create=False) as opened:
        work(opened, name, int(first), random.Random(int(seed)))
