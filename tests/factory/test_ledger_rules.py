"""Any order of calls on the ledger, from any slots, keeps its promises."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from startline_host.errors import WrongDevice
from startline_host.factory.entries import LOAD, LedgerUnit, StationSlot
from startline_host.factory.ledger import Ledger
from tests.factory.made import mac, make_batch, token

if TYPE_CHECKING:
    from collections.abc import Callable

CHIPS = st.integers(0, 5)
SLOTS = st.integers(0, 2)


class Factory(RuleBasedStateMachine):
    """Chips and slots at random on one small batch; the model is what each chip may have got."""

    units = Bundle("units")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger.open(str(Path(self.folder.name) / "ledger.db"))
        self.ledger.add_batch(make_batch(4))
        self.places = [StationSlot("bench", str(slot)) for slot in range(3)]
        #: Serial by MAC, for good: a request may have left the chip.
        self.settled: dict[str, str] = {}

    def teardown(self) -> None:
        """Let go of the database."""
        self.ledger.close()
        self.folder.cleanup()

    @rule(target=units, chip=CHIPS, slot=SLOTS)
    def allot(self, chip: int, slot: int) -> object:
        """Plug a chip into a slot."""
        unit = self.ledger.allot("spring", self.places[slot], mac(chip))
        if unit is None:
            return multiple()
        assert unit.serial == self.settled.get(unit.mac, unit.serial)
        return unit

    @rule(unit=units)
    def load(self, unit: LedgerUnit) -> None:
        """Load what a slot holds, or held once."""
        tried(lambda: self.ledger.step(unit, LOAD))

    @rule(unit=units)
    def send(self, unit: LedgerUnit) -> None:
        """Let a request leave the chip."""
        if tried(lambda: self.ledger.sent(unit)) and not unit.sent:
            self.settled[unit.mac] = unit.serial

    @rule(unit=units, blank=st.booleans())
    def fail(self, unit: LedgerUnit, blank: bool) -> None:
        """Give a chip up."""
        tried(lambda: self.ledger.fail(unit, "cable", blank=blank))

    @rule(unit=units)
    def finish(self, unit: LedgerUnit) -> None:
        """Bind a chip, and pass its unit."""
        deviceid = token(int(unit.mac[-2:], 16))
        if tried(lambda: self.ledger.pass_(self.ledger.bound(unit, deviceid))):
            self.settled[unit.mac] = unit.serial

    @invariant()
    def promises_hold(self) -> None:
        """Check that serials and chips are one to one, and a sender keeps its serial for good."""
        held = {unit.mac: unit.serial for unit in self.ledger.entries() if unit.mac}
        assert len(set(held.values())) == len(held)
        assert self.settled.items() <= held.items()
        assert all(unit.token for unit in self.ledger.entries() if unit.passed)


def tried(call: Callable[[], object]) -> bool:
    """Call; a slot that no longer has the unit must be refused as just that."""
    try:
        call()
    except WrongDevice:
        return False
    return True


Factory.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20,
)  # fmt: skip
TestFactory = pytest.mark.filterwarnings("error")(Factory.TestCase)
