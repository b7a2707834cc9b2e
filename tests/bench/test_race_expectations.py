"""What came of a race, held against what must be: nothing lost, doubled, invented or misdated."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from startline.states import RACE_EVENTS

from startline_host.bench.scenarios.model import Expect
from startline_host.bench.scenarios.race_expectations import check_race
from startline_host.bench.scenarios.race_facts import CloudTime, RaceFacts
from startline_host.bench.scenarios.race_model import (
    RACE_ORDERS,
    CloudSession,
    EventPattern,
    as_numbers,
    check_order,
    numbers_in,
)
from startline_host.errors import BadInput

#: A race in which all went well.
GOOD = RaceFacts(
    stored=3,
    there=3,
    sessions=(CloudSession(alias="10 km", numbers="1-3"),),
    lacking="",
    doubled="",
    invented=(),
    backwards="",
    times=tuple(CloudTime(number, -0.2, 0.1) for number in (1, 2, 3)),
    waiting=0,
    events=(("race_failed", {"step": "answer", "reason": "status 429", "next_ms": 1500}),),
    refused=(),
)


def found(expect: Expect, *, is_last: bool = True, **changes: Any) -> list[str]:
    """Check a good race with some facts changed; return what is said of it."""
    facts = msgspec.structs.replace(GOOD, **changes)
    return [one.words() for one in check_race(expect, facts, is_last=is_last)]


def test_a_good_race_is_good() -> None:
    """All that an expectation may say of it holds."""
    expect = Expect(
        sessions=GOOD.sessions,
        lacking="",
        doubled="",
        waiting=0,
        events=("race_failed reason='status 429' next_ms>=1000 next_ms<=2000",),
        never=("race_failed next_ms>=2000", "race_stopped"),
    )
    assert found(expect) == []
    assert found(Expect()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lacking": "2"}, "passings the cloud lacks: expected none, found 2"),
        ({"doubled": "1-2"}, "passings twice there: expected none, found 1-2"),
        ({"invented": ("E2",)}, "passings: expected none that nobody has seen, found E2"),
        ({"backwards": "3"}, "times: expected in the order of storing, found 3 before others"),
        ({"times": (CloudTime(2, -3600.2, -3599.9),)}, "times: expected when they were stored"),
    ],
)
def test_what_no_race_may_end_with(changes: dict[str, Any], words: str) -> None:
    """Without a word in the scenario each of it is a finding, by number."""
    (said,) = found(Expect(), **changes)
    assert said.startswith(words)


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        (Expect(sessions=()), "sessions: expected none, found '10 km' closed with 1-3"),
        (Expect(lacking="4"), "passings the cloud lacks: expected 4, found none"),
        (Expect(waiting=1), "waiting in the journal: expected 1, found 0"),
        (Expect(dated={"1-2": -60}), "times: expected 1-2 off by -60 s, found 1-2 off by -0.2"),
        (Expect(events=("race_stopped",)), "events: expected race_stopped, found none such"),
        (Expect(never=("race_failed",)), "events: expected no race_failed, found 1"),
    ],
)
def test_what_a_scenario_expects_and_does_not_get(expect: Expect, words: str) -> None:
    """Each is named, with what it was."""
    (said,) = found(expect)
    assert said.startswith(words)


def test_only_the_end_is_held_against_what_is_not_said() -> None:
    """In mid-race passings may be missing; doubles and times are looked at where they are named."""
    changes: dict[str, Any] = {"lacking": "3", "times": (CloudTime(1, 99.0, 99.0),)}
    assert found(Expect(), is_last=False, **changes) == []
    assert len(found(Expect(lacking="", dated={}), is_last=False, **changes)) == 2


def test_numbers_read_back() -> None:
    """Ranges are written and read alike, and nonsense is refused."""
    for numbers in ([], [1], [1, 2, 3], [3, 5, 6, 9], [2, 1]):
        assert numbers_in(as_numbers(numbers)) == numbers
    for text in ("1-", "-3", "one", "1,,2", "1 to 3"):
        with pytest.raises(BadInput):
            numbers_in(text)


def test_every_order_is_known() -> None:
    """What the book lists as an order is one."""
    filled = {"NAME": "x", "COUNT": "3", "CHIP": "E2", "ANTENNA": "1", "RSSI": "-50",
              "UTC": "2026-11-21T10:00:00Z", "SECONDS": "-3600", "TEXT": "gun"}  # fmt: skip
    for order in RACE_ORDERS:
        check_order(" ".join(filled.get(word, word) for word in order.split()))


def test_every_event_can_be_waited_for() -> None:
    """A pattern takes each event of a race with each of its fields."""
    for name, fields in RACE_EVENTS.items():
        pattern = EventPattern(" ".join([name, *(f"{field}=1" for field in fields)]))
        assert pattern.fits(name, dict.fromkeys(fields, 1))
        assert not pattern.fits(name, {**dict.fromkeys(fields, 1), fields[0]: 2})
    assert not EventPattern("race waiting>=1").fits("race", {"waiting": "many"})
