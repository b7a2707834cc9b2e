"""The cloud's list against the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from startline_host.errors import BadInput
from startline_host.factory.entries import Entry, Place
from startline_host.factory.verify import KINDS, compare, record_verdict
from startline_host.formats.units import Unit
from tests.factory.made import mac, make_batch, token

if TYPE_CHECKING:
    from startline_host.factory.ledger import Ledger


class Device(msgspec.Struct, frozen=True):
    """What a cloud lists."""

    deviceid: str
    serial_number: str


def unit(number: int, state: str = "passed", held: str | None = None) -> Entry:
    """Make up a unit."""
    has = token(number) if held is None else held
    return Entry(
        number=number, batch="b", unit=Unit(serial=f"RR-{number}", model="X1"), state=state,
        mac=mac(number), token=has,
    )  # fmt: skip


def found(units: list[Entry], listed: list[Device]) -> list[tuple[str, str]]:
    """Compare, and return each finding's kind and serial number."""
    return [(one.kind, one.serial) for one in compare(units, listed).findings]


def test_both_sides_alike() -> None:
    """Units and entries that match, case and space aside, agree and are counted."""
    verdict = compare([unit(1), unit(2), unit(3, "free", "")],
                      [Device(token(1), "RR-1"), Device(token(2), " rr-2 ")])  # fmt: skip
    assert verdict.agrees
    assert (verdict.listed, verdict.alike, verdict.words) == (2, 2, "2 alike")


@pytest.mark.parametrize(
    ("listed", "findings"),
    [
        ([], [("missing", "RR-1")]),
        ([Device(token(9), "RR-1")], [("missing", "RR-1"), ("orphan", "RR-1")]),
        ([Device(token(1), "RR-7")], [("swapped", "RR-1")]),
        ([Device(token(1), "RR-1"), Device(token(9), "rr-1")], [("double", "RR-1")]),
        ([Device(token(1), "RR-1"), Device(token(9), "OTHER")], [("stranger", "OTHER")]),
    ],
)
def test_each_difference_has_its_name(
    listed: list[Device], findings: list[tuple[str, str]]
) -> None:
    """Missing, orphaned, swapped and doubled entries and strangers are told apart."""
    assert found([unit(1)], listed) == findings
    agrees = compare([unit(1)], listed).agrees
    assert agrees == all(kind == "stranger" for kind, _ in findings)


@pytest.mark.parametrize("state", ["work", "failed", "free"])
def test_an_entry_that_nobody_recorded_is_an_orphan(state: str) -> None:
    """An entry for a unit whose token the ledger never saw is an orphan."""
    assert found([unit(1, state, "")], [Device(token(5), "RR-1")]) == [("orphan", "RR-1")]


def test_a_unit_that_left_unbound_may_have_bound_since() -> None:
    """One entry of a deferred unit is its own, two are a double."""
    one = Device(token(5), "RR-1")
    assert found([unit(1, "deferred", "")], [one]) == [("since", "RR-1")]
    two = [one, Device(token(6), "RR-1")]
    assert found([unit(1, "deferred", "")], two) == [("double", "RR-1")] * 2


def test_an_outcome_known_to_be_open_is_no_contradiction() -> None:
    """A unit that sent a request and got no answer may be in the cloud, and both sides say so."""
    sent = msgspec.structs.replace(unit(1, "failed", ""), sent=True)
    verdict = compare([sent], [Device(token(5), "RR-1")])
    assert verdict.agrees
    assert verdict.words == "0 alike, 1 open"
    assert compare([sent], []).findings == ()


def test_every_kind_has_words() -> None:
    """Each finding can be said in a sentence, with its token shortened."""
    verdict = compare([unit(1)], [])
    assert verdict.findings[0].words == f"RR-1 (00000000…): {KINDS['missing']}"


def test_a_verdict_is_kept_and_deferred_units_are_adopted(ledger: Ledger) -> None:
    """The comparison and its findings become history, and units bound since become passed."""
    ledger.add_batch(make_batch(2))
    place = Place("bench", "1")
    first, second = (ledger.allot("spring", place, mac(chip)) for chip in (1, 2))
    assert first is not None
    assert second is not None
    ledger.defer(first)
    listed = [Device(token(1), first.serial), Device(token(2), second.serial)]
    record_verdict(ledger, compare(ledger.entries(), listed), place)
    adopted = ledger.find(first.serial)
    assert (adopted.state, adopted.token) == ("passed", token(1))
    told = [(line.kind, line.reason) for line in ledger.records()][-3:]
    assert told == [("verify", "differ"), ("adopt", ""), ("finding", "orphan")]
    with pytest.raises(BadInput, match="did not leave unbound"):
        ledger.adopt(adopted, token(1), place)
