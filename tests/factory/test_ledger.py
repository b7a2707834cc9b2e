"""The ledger, in SQLite and in PostgreSQL: who has which serial number, and for how long."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from startline_host.errors import BadInput, CloudDisagrees, WrongDevice
from startline_host.factory.batch import UnitBatch
from startline_host.factory.entries import (
    BIND,
    LOAD,
    VERIFY,
    ImportResult,
    LedgerUnit,
    StationSlot,
)
from startline_host.factory.ledger import Ledger
from startline_host.factory.schema import DEFERRED, FAILED, FREE, WORK, units
from startline_host.formats.units import Unit
from startline_host.secrets import Secret
from tests.factory.made import mac, make_batch, token


def allot(ledger: Ledger, place: StationSlot, chip: int) -> LedgerUnit:
    """Allot a unit of the batch to a chip; there must be one."""
    unit = ledger.allot("spring", place, mac(chip))
    assert unit is not None
    return unit


def test_a_batch_is_added_once(ledger: Ledger, batch: UnitBatch) -> None:
    """The same batch again, as a second station brings it, adds nothing; more rows are added."""
    assert ledger.add_batch(batch) == ImportResult(10, 0)
    assert ledger.add_batch(batch) == ImportResult(0, 10)
    assert ledger.add_batch(make_batch(12)) == ImportResult(2, 10)
    assert ledger.batches() == ["spring"]
    assert ledger.counts()[FREE] == 12


def test_a_batch_that_contradicts_the_ledger_adds_nothing(
    ledger: Ledger, batch: UnitBatch
) -> None:
    """Serial numbers of another batch, other data and taken chips are all named, none is added."""
    ledger.add_batch(batch)
    allot(ledger, StationSlot("bench"), 1)
    other = UnitBatch(
        "summer", (Unit(serial="rr-000002", model="X1"), Unit(serial="S-1", model="X1"))
    )
    with pytest.raises(
        BadInput, match=r"rr-000002: it is in the ledger already, in batch 'spring'"
    ):
        ledger.add_batch(other)
    changed = (Unit(serial="RR-000003", model="Y"), Unit(serial="T-1", model="X1", mac=mac(1)))
    with pytest.raises(BadInput) as caught:
        ledger.add_batch(UnitBatch("spring", changed))
    assert "RR-000003: it is in the ledger already, with other data" in caught.value.message
    assert f"the chip {mac(1)} is RR-000001's" in caught.value.message
    assert ledger.batches() == ["spring"]
    assert sum(ledger.counts().values()) == 10


def test_serials_go_out_in_their_order(
    ledger: Ledger, batch: UnitBatch, place: StationSlot
) -> None:
    """Chips get the batch's serial numbers in its order, and None when there is none left."""
    ledger.add_batch(batch)
    serials = [allot(ledger, place, chip).serial for chip in range(10)]
    assert serials == [unit.serial for unit in batch.units]
    assert ledger.allot("spring", place, mac(10)) is None
    assert ledger.allot("winter", place, mac(11)) is None


def test_a_chip_seen_before_keeps_its_serial(ledger: Ledger, batch: UnitBatch) -> None:
    """Whatever became of it, at whatever station: a chip never gets a second serial number."""
    ledger.add_batch(batch)
    first = allot(ledger, StationSlot("bench", "1"), 1)
    again = allot(ledger, StationSlot("other", "7"), 1)
    assert again.serial == first.serial
    assert (again.station, again.slot, again.tries) == ("other", "7", 2)
    assert (
        ledger.allot("spring", StationSlot("bench"), mac(1).upper().replace(":", "-")) is not None
    )
    assert ledger.counts()[WORK] == 1


def test_a_unit_goes_through_its_steps(
    ledger: Ledger, batch: UnitBatch, place: StationSlot
) -> None:
    """Steps, token and pass are kept, and the history tells them in their order."""
    ledger.add_batch(batch)
    unit = allot(ledger, place, 1)
    unit = ledger.step(unit, LOAD, seconds=4.5)
    unit = ledger.sent(unit)
    unit = ledger.bound(unit, token(1), seconds=2.0)
    unit = ledger.step(unit, VERIFY)
    unit = ledger.pass_(unit)
    assert unit.passed
    assert unit.proven(BIND)
    assert ledger.find("rr-000001") == ledger.find(mac(1)) == unit
    told = [(line.kind, line.step, line.seconds) for line in ledger.history(unit)]
    assert told == [
        ("allot", "allot", None),
        ("step", "load", 4.5),
        ("sent", "", None),
        ("step", "bind", 2.0),
        ("step", "verify", None),
        ("pass", "", None),
    ]


def test_a_passed_unit_is_left_alone(ledger: Ledger, batch: UnitBatch, place: StationSlot) -> None:
    """A chip that has passed is recognised when it is plugged in again, and stays passed."""
    ledger.add_batch(batch)
    done = ledger.pass_(ledger.bound(allot(ledger, place, 1), token(1)))
    assert allot(ledger, StationSlot("bench", "2"), 1) == done
    assert [line.kind for line in ledger.history(done)][-1] == "seen"
    with pytest.raises(WrongDevice):
        ledger.step(done, LOAD)


def test_a_blank_chip_gives_its_serial_back(
    ledger: Ledger, batch: UnitBatch, place: StationSlot
) -> None:
    """A unit that failed before anything was on its chip frees its serial number for the next."""
    ledger.add_batch(batch)
    unit = allot(ledger, place, 1)
    assert ledger.fail(unit, "wrong flash", "2 MiB.", blank=True).state == FREE
    assert allot(ledger, place, 2).serial == unit.serial
    assert [line.kind for line in ledger.history(unit)] == ["allot", "fail", "return", "allot"]


def test_a_returned_serial_waits_for_its_chip(
    ledger: Ledger, batch: UnitBatch, place: StationSlot
) -> None:
    """A chip whose serial number is still free gets that one again, not the batch's next."""
    ledger.add_batch(batch)
    first, second = allot(ledger, place, 1), allot(ledger, place, 2)
    ledger.fail(first, "cable", blank=True)
    ledger.fail(second, "cable", blank=True)
    assert allot(ledger, place, 2).serial == second.serial


@pytest.mark.parametrize("blank", [True, False])
def test_after_a_request_a_serial_never_goes_back(
    ledger: Ledger, batch: UnitBatch, place: StationSlot, blank: bool
) -> None:
    """Once a request may have left the chip, failing keeps the serial number with it for good."""
    ledger.add_batch(batch)
    unit = ledger.sent(allot(ledger, place, 1))
    assert ledger.fail(unit, "outcome unknown", blank=blank).state == FAILED
    assert allot(ledger, place, 2).serial != unit.serial
    assert allot(ledger, place, 1).serial == unit.serial


def test_a_loaded_chip_keeps_its_serial(
    ledger: Ledger, batch: UnitBatch, place: StationSlot
) -> None:
    """A unit that failed with its identity on the chip stays that chip's: it could bind later."""
    ledger.add_batch(batch)
    unit = ledger.step(allot(ledger, place, 1), LOAD)
    assert ledger.fail(unit, "network").failed
    assert allot(ledger, place, 1).proven(LOAD)


def test_an_old_slot_cannot_write(ledger: Ledger, batch: UnitBatch) -> None:
    """After a board moved to another slot, the first one's belated steps are refused."""
    ledger.add_batch(batch)
    here, there = StationSlot("bench", "1"), StationSlot("bench", "2")
    unit = allot(ledger, here, 1)
    allot(ledger, there, 1)
    too_late: tuple[Callable[[], object], ...] = (
        lambda: ledger.step(unit, LOAD),
        lambda: ledger.bound(unit, token(1)),
        lambda: ledger.fail(unit, "cable", blank=True),
    )
    for late in too_late:
        with pytest.raises(WrongDevice, match="at bench, slot 2"):
            late()


def test_a_token_stands_once(ledger: Ledger, batch: UnitBatch, place: StationSlot) -> None:
    """A deviceid that another unit holds, or a second one for a unit, is caught."""
    ledger.add_batch(batch)
    first = ledger.bound(allot(ledger, place, 1), token(1))
    with pytest.raises(CloudDisagrees, match="another unit's"):
        ledger.bound(allot(ledger, place, 2), token(1))
    with pytest.raises(CloudDisagrees, match="another deviceid"):
        ledger.bound(first, token(2))
    assert ledger.bound(first, token(1)).token == token(1)


def test_nothing_passes_without_a_token(
    ledger: Ledger, batch: UnitBatch, place: StationSlot
) -> None:
    """A unit without a deviceid cannot be passed."""
    ledger.add_batch(batch)
    with pytest.raises(BadInput, match="no deviceid"):
        ledger.pass_(allot(ledger, place, 1))


def test_units_can_ship_unbound(ledger: Ledger, batch: UnitBatch, place: StationSlot) -> None:
    """A unit whose binding is deferred is known as such, and goes on when it comes back."""
    ledger.add_batch(batch)
    unit = ledger.defer(ledger.step(allot(ledger, place, 1), LOAD))
    assert ledger.entries(states=[DEFERRED]) == [unit]
    assert allot(ledger, place, 1).at_work


def test_unfinished_units_are_found_after_a_kill(
    ledger: Ledger, where: str, batch: UnitBatch
) -> None:
    """What a station had in hand when it was killed is listed with each unit's last step."""
    ledger.add_batch(batch)
    here = StationSlot("bench", "1")
    ledger.step(allot(ledger, here, 1), LOAD)
    allot(ledger, StationSlot("other", "1"), 2)
    with Ledger.open(where, create=False) as reopened:
        assert [(one.serial, one.step) for one in reopened.resume("bench")] == [
            ("RR-000001", "load")
        ]
        assert len(reopened.resume()) == 2


def test_a_serial_reserved_for_a_chip_goes_to_no_other(ledger: Ledger, place: StationSlot) -> None:
    """A list may bind a serial number to a MAC: that chip gets it, and no other does."""
    reserved = Unit(serial="A-1", model="X1", mac=mac(5))
    ledger.add_batch(UnitBatch("spring", (reserved, Unit(serial="A-2", model="X1"))))
    assert allot(ledger, place, 1).serial == "A-2"
    assert ledger.allot("spring", place, mac(2)) is None
    assert allot(ledger, place, 5).serial == "A-1"


def test_what_goes_onto_the_chip_is_the_same_every_time(
    ledger: Ledger, place: StationSlot, batch: UnitBatch
) -> None:
    """MAC and time of making are fixed with the serial, so that loading again writes the same."""
    ledger.add_batch(batch)
    identity = allot(ledger, place, 1).identity
    assert identity.mac == mac(1)
    # A day of grace: this computer's clock may be ahead of the one that a device asks.
    assert identity.made_at is not None
    assert 86_400 <= time.time() - identity.made_at < 90_000
    assert allot(ledger, place, 1).identity == identity


def test_keys_are_masked_in_every_text(where: str, batch: UnitBatch, place: StationSlot) -> None:
    """A key that slips into a reason or a sentence is masked before it is kept."""
    key = Secret("ror-ae4fc6c19681a20fad30")
    with Ledger.open(where, hide=[key]) as ledger:
        ledger.add_batch(batch)
        unit = allot(ledger, place, 1)
        ledger.fail(unit, f"said {key.reveal()}", f"{key.reveal()} was refused")
        ledger.note(place, "fail", mac=mac(9), words=key.reveal())
        kept = [*ledger.entries(), *ledger.records()]
    assert key.reveal() not in repr(
        [[getattr(one, n) for n in one.__struct_fields__] for one in kept]
    )


def test_what_a_nameless_chip_did_is_kept(
    ledger: Ledger, batch: UnitBatch, place: StationSlot
) -> None:
    """A board that failed before it got a serial number shows up in its later history."""
    ledger.add_batch(batch)
    ledger.note(place, "fail", mac=mac(1), reason="silent", words="No answer.")
    history = ledger.history(allot(ledger, place, 1))
    assert [(line.kind, line.reason) for line in history] == [("fail", "silent"), ("allot", "")]


def test_an_unknown_unit_is_named(ledger: Ledger) -> None:
    """Asking for a unit that is not there says so."""
    with pytest.raises(BadInput, match="no unit 'RR-9'"):
        ledger.find("RR-9")


def age(ledger: Ledger, serial: str, old: str) -> None:
    """Rewrite a unit as an older startline took and compared it."""
    with ledger._database.writing() as connection:
        row = connection.execute(select(units).where(units.c.serial == serial)).one()
        values = {"serial": old, "serial_folded": old.strip().casefold()}
        values["unit"] = row.unit.replace(serial, old)
        connection.execute(update(units).where(units.c.id == row.id).values(values))


def test_a_ledger_with_serial_numbers_that_are_refused_today_is_of_use(
    ledger: Ledger, batch: UnitBatch
) -> None:
    """What was made stays told and found, free ones go to no chip, and a right list replaces them."""
    names = [f"RR-{n}é" for n in range(4)]
    ledger.add_batch(UnitBatch("spring", tuple(Unit(serial=one, model="X1") for one in names)))
    made = allot(ledger, StationSlot("bench"), 1)
    assert made.serial == names[0]
    for name in (names[0], names[1]):
        age(ledger, name, unicodedata.normalize("NFD", name))
    age(ledger, names[2], "RR-\u200b2é")
    old = ledger.entries("spring")
    assert [bool(one.problem) for one in old] == [True, True, True, False]
    assert "U+200B (ZERO WIDTH SPACE)" in old[2].problem
    # Found as it is typed today and as it stands there, and by its chip.
    for text in (names[0], old[0].serial, mac(1)):
        assert ledger.find(text).number == made.number
    with pytest.raises(BadInput, match="composed form"):
        _ = ledger.find(mac(1)).identity
    # The two that no chip has are passed over.
    assert allot(ledger, StationSlot("bench"), 2).serial == names[3]
    assert ledger.allot("spring", StationSlot("bench"), mac(3)) is None
    right = UnitBatch("spring", tuple(Unit(serial=one, model="X1") for one in names[1:3]))
    assert ledger.add_batch(right) == ImportResult(2, 0)
    assert allot(ledger, StationSlot("bench"), 3).serial == names[1]
    taken = UnitBatch("spring", (Unit(serial=names[0], model="X1"),))
    with pytest.raises(
        BadInput, match="in the ledger already, as 'RR-0e\u0301', which people take"
    ):
        ledger.add_batch(taken)
