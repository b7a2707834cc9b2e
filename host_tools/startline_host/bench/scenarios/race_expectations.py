"""Holds what came of a race against an expectation, and against what must be true of every race."""

from __future__ import annotations

from collections.abc import Iterator

from startline_host.bench.scenarios.expectations import Mismatch
from startline_host.bench.scenarios.model import Expect
from startline_host.bench.scenarios.race_facts import RaceFacts
from startline_host.bench.scenarios.race_model import (
    CloudSession,
    EventPattern,
    as_numbers,
    numbers_in,
)

#: By how much the cloud's time of a passing may be off, in seconds: the bench's own share of it is
#: how long a line takes to a reader on a busy machine. How exact times are, other tests measure.
_EXACT = 5.0


def check_race(expect: Expect, facts: RaceFacts, *, is_last: bool) -> list[Mismatch]:
    """Return where a race differs from the expectation; at the last act nothing may be missing."""
    return [*_differences(expect, facts, is_last=is_last), *_broken_promises(facts)]


def _differences(expect: Expect, facts: RaceFacts, *, is_last: bool) -> Iterator[Mismatch]:
    for name, says in (
        ("lacking", "passings the cloud lacks"),
        ("doubled", "passings twice there"),
    ):
        wanted, found = getattr(expect, name), getattr(facts, name)
        if wanted is None and is_last:
            wanted = ""
        if wanted is not None and wanted != found:
            yield Mismatch(says, wanted or "none", found or "none")
    if expect.sessions is not None and expect.sessions != facts.sessions:
        yield Mismatch("sessions", _all(expect.sessions), _all(facts.sessions))
    if expect.waiting is not None and expect.waiting != facts.waiting:
        yield Mismatch("waiting in the journal", str(expect.waiting), str(facts.waiting))
    yield from _other_events(expect, facts)
    if is_last or expect.dated is not None:
        yield from _wrong_times(expect.dated or {}, facts)


def _other_events(expect: Expect, facts: RaceFacts) -> Iterator[Mismatch]:
    for text in expect.events or ():
        if not any(EventPattern(text).fits(*event) for event in facts.events):
            yield Mismatch("events", text, "none such")
    for text in expect.never or ():
        if found := sum(EventPattern(text).fits(*event) for event in facts.events):
            yield Mismatch("events", f"no {text}", str(found))


def _wrong_times(dated: dict[str, float], facts: RaceFacts) -> Iterator[Mismatch]:
    off = {number: seconds for text, seconds in dated.items() for number in numbers_in(text)}
    wrong = [
        one
        for one in facts.times
        if not one.least - _EXACT <= off.get(one.number, 0.0) <= one.most + _EXACT
    ]
    if wrong:
        numbers = as_numbers(sorted({one.number for one in wrong}))
        least, most = min(one.least for one in wrong), max(one.most for one in wrong)
        spread = f"{round(least, 1) + 0.0} to {round(most, 1) + 0.0} s"
        wanted = ", ".join(f"{text} off by {by:g} s" for text, by in dated.items())
        yield Mismatch("times", wanted or "when they were stored", f"{numbers} off by {spread}")


def _broken_promises(facts: RaceFacts) -> Iterator[Mismatch]:
    if facts.invented:
        yield Mismatch("passings", "none that nobody has seen", ", ".join(facts.invented))
    if facts.backwards:
        yield Mismatch("times", "in the order of storing", f"{facts.backwards} before others")


def _all(sessions: tuple[CloudSession, ...]) -> str:
    told = [
        f"{one.alias!r} {'active' if one.active else 'closed'} with {one.numbers or 'none'}"
        for one in sessions
    ]
    return "; ".join(told) or "none"
