"""The cloud's list against the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from startline_host.errors import BadInput
from startline_host.factory.entries import LedgerUnit, StationSlot
from startline_host.factory.verify import KINDS, compare_with_cloud, record_verdict
from startline_host.formats.units import Unit
from tests.factory.made import mac, make_batch, token

if TYPE_CHECKING:
    from startline_host.factory.ledger import Ledger


class ListedReader(msgspec.Struct, frozen=True):
    """What a cloud lists."""

    deviceid: str
    serial_number: str
    cloud: str = "rufus"


def unit(number: int, state: str = "passed", held: str | None = None) -> LedgerUnit:
    """Make up a unit."""
    has = token(number) if held is None else held
    return LedgerUnit(
        number=number, batch="b", unit=Unit(serial=f"RR-{number}", model="X1"), state=state,
        mac=mac(number), token=has,
    )  # fmt: skip


def found(units: list[LedgerUnit], listed: list[ListedReader]) -> list[tuple[str, str]]:
    """Compare, and return each finding's kind and serial number."""
    return [(one.kind, one.serial) for one in compare_with_cloud(units, listed).findings]


def test_both_sides_alike() -> None:
    """Units and entries that match, case and space aside, agree and are counted."""
    verdict = compare_with_cloud([unit(1), unit(2), unit(3, "free", "")],
                      [ListedReader(token(1), "RR-1"), ListedReader(token(2), " rr-2 ")])  # fmt: skip
    assert verdict.agrees
    assert (verdict.listed, verdict.alike, verdict.words) == (2, 2, "2 as in the ledger")


@pytest.mark.parametrize(
    ("listed", "findings"),
    [
        ([], [("missing", "RR-1")]),
        ([ListedReader(token(9), "RR-1")], [("missing", "RR-1"), ("orphan", "RR-1")]),
        ([ListedReader(token(1), "RR-7")], [("swapped", "RR-1")]),
        ([ListedReader(token(1), "RR-1"), ListedReader(token(9), "rr-1")], [("double", "RR-1")]),
        (
            [ListedReader(token(1), "RR-1"), ListedReader(token(9), "OTHER")],
            [("stranger", "OTHER")],
        ),
    ],
)
def test_each_difference_has_its_name(
    listed: list[ListedReader], findings: list[tuple[str, str]]
) -> None:
    """Missing, orphaned, swapped and doubled entries and strangers are told apart."""
    assert found([unit(1)], listed) == findings
    agrees = compare_with_cloud([unit(1)], listed).agrees
    assert agrees == all(kind == "stranger" for kind, _ in findings)


@pytest.mark.parametrize("serial", ["rr 1", "RR1", "RR&#45;1", "", "(unreadable)"])
def test_a_serial_number_that_the_cloud_writes_otherwise(serial: str) -> None:
    """With the unit's own deviceid it is the unit's, in whatever case its digits are written."""
    for held in (token(1), token(1).lower(), f" {token(1)[:30]} {token(1)[30:]}"):
        verdict = compare_with_cloud(
            [unit(1), unit(2)], [ListedReader(held, serial), ListedReader(token(2), "RR-2")]
        )
        assert verdict.words == "2 as in the ledger"


def test_an_entry_without_a_serial_number_is_unclear() -> None:
    """It may be anybody's: it is named, and makes nobody disagree."""
    verdict = compare_with_cloud(
        [unit(1)],
        [ListedReader(token(1), "RR-1"), ListedReader(token(9), ""), ListedReader("", "X")],
    )
    assert [(one.kind, one.token) for one in verdict.findings] == [
        ("unclear", token(9)), ("stranger", ""),
    ]  # fmt: skip
    assert verdict.agrees
    assert verdict.findings[0].words.startswith("No serial number (")


def test_units_that_look_alike_are_not_mixed_up() -> None:
    """A unit's own serial number comes before one that only looks like it."""
    first, second = (
        msgspec.structs.replace(unit(number), unit=Unit(serial=serial, model="X1"))
        for number, serial in ((1, "A-11"), (2, "A1-1"))
    )
    listed = [ListedReader(token(2), "A1-1"), ListedReader(token(1), "A-11")]
    assert compare_with_cloud([first, second], listed).words == "2 as in the ledger"
    assert found([first, second], listed[:1]) == [("missing", "A-11")]
    assert found([first], [ListedReader(token(9), "a11")]) == [
        ("missing", "A-11"),
        ("orphan", "A-11"),
    ]


@pytest.mark.parametrize("state", ["work", "failed", "free"])
def test_an_entry_that_nobody_recorded_is_an_orphan(state: str) -> None:
    """An entry for a unit whose token the ledger never saw is an orphan."""
    assert found([unit(1, state, "")], [ListedReader(token(5), "RR-1")]) == [("orphan", "RR-1")]


def test_a_unit_that_left_unbound_may_have_bound_since() -> None:
    """One entry of a deferred unit is its own, two are a double."""
    one = ListedReader(token(5), "RR-1")
    assert found([unit(1, "deferred", "")], [one]) == [("since", "RR-1")]
    two = [one, ListedReader(token(6), "RR-1")]
    assert found([unit(1, "deferred", "")], two) == [("double", "RR-1")] * 2


def test_an_outcome_known_to_be_open_is_no_contradiction() -> None:
    """A unit that sent a request and got no answer may be in the cloud, and both sides say so."""
    sent = msgspec.structs.replace(unit(1, "failed", ""), sent=True)
    verdict = compare_with_cloud([sent], [ListedReader(token(5), "RR-1")])
    assert verdict.agrees
    assert verdict.words == "0 as in the ledger, 1 not settled yet"
    assert compare_with_cloud([sent], []).findings == ()


def test_every_kind_has_words() -> None:
    """Each finding can be said in a sentence, with its token shortened."""
    verdict = compare_with_cloud([unit(1)], [])
    assert verdict.findings[0].words == f"RR-1 (00000000…): {KINDS['missing']}"


def test_a_verdict_is_kept_and_deferred_units_are_adopted(ledger: Ledger) -> None:
    """The comparison and its findings become history, and units bound since become passed."""
    ledger.add_batch(make_batch(2))
    place = StationSlot("bench", "1")
    first, second = (ledger.allot("spring", place, mac(chip)) for chip in (1, 2))
    assert first is not None
    assert second is not None
    ledger.defer(first)
    listed = [ListedReader(token(1), first.serial), ListedReader(token(2), second.serial)]
    record_verdict(ledger, compare_with_cloud(ledger.entries(), listed), place)
    adopted = ledger.find(first.serial)
    assert (adopted.state, adopted.token) == ("passed", token(1))
    told = [(line.kind, line.reason) for line in ledger.records()][-3:]
    assert told == [("verify", "differ"), ("adopt", ""), ("finding", "orphan")]
    with pytest.raises(BadInput, match="did not leave unbound"):
        ledger.adopt(adopted, token(1), place)
