"""A million readers after one power failure: how hard they press, and when all are bound."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from tests.benchmarks import herd_simulation as simulation
from tests.benchmarks.groups import KEPT
from tests.benchmarks.herd_plot import draw
from tests.benchmarks.herd_simulation import Course, Policy, simulate
from tests.benchmarks.row import UNKNOWN, Peer, Row

#: Readers, requests a second that the cloud takes, and seconds after which nobody waits any more.
READERS, CAPACITY, HORIZON = 1_000_000, 10_000, 3600
#: Ways of trying again: by the name of their rows, with what they are called.
WAYS: Mapping[str, tuple[Policy, str]] = MappingProxyType(
    {
        "agent": (simulation.agent, "the agent, turned away before the first byte"),
        "no_jitter": (simulation.no_jitter, "the same waits without jitter"),
        "fixed_5_s": (simulation.fixed_delay, "a fixed delay of 5 s"),
        "after_429": (simulation.after_429, "the agent, answered 429 with Retry-After: 30"),
        "exactly_as_told": (simulation.exactly_as_told, "Retry-After: 30 kept to the second"),
    }
)
#: Each of the agent's ways, and what it is held against.
_PAIRS = (("agent", "no_jitter"), ("agent", "fixed_5_s"), ("after_429", "exactly_as_told"))


def rows(_work: Path) -> Iterator[Row]:
    """Yield for each way the times and the press of the herd, then the agent beside others."""
    courses: dict[str, Course] = {}
    for name, (policy, words) in WAYS.items():
        course = simulate(policy, readers=READERS, capacity=CAPACITY, horizon=HORIZON)
        courses[name] = course
        yield from _rows_of(name, course, words)
    for mine, other in _PAIRS:
        one, two, words = courses[mine], courses[other], WAYS[other][1]
        yield _beside("all_bound", other, "s", one.seconds, two.seconds, words)
        yield _beside("tries_a_reader", other, "tries", one.tries, two.tries, words)
    picture = KEPT / "herd.svg"
    draw({WAYS[name][1]: course for name, course in courses.items()}, CAPACITY, picture)
    yield Row("picture", picture.stat().st_size, "bytes", note=str(picture))


def _rows_of(name: str, course: Course, words: str) -> Iterator[Row]:
    """Yield what one way of trying again comes to, beside a cloud that never idles."""
    ideal = Peer("never idle", course.readers / CAPACITY)
    yield Row(f"{name}.all_bound", _known(course.seconds), "s", ideal, words)
    limit = simulation.BOOT_LIMIT / 1000
    bound = 100 * course.share_after(limit)
    yield Row(f"{name}.bound_after_{limit:.0f}_s", bound, "%", note="the limit of one boot")
    peak = Peer("capacity", CAPACITY)
    yield Row(f"{name}.peak_after_1_s", course.peak, "connections/s", peak)
    yield Row(f"{name}.tries_a_reader", course.tries, "tries")


def _beside(what: str, other: str, unit: str, mine: float, theirs: float, words: str) -> Row:
    return Row(f"{what}_beside_{other}", _known(mine), unit, Peer(words, _known(theirs)))


def _known(seconds: float) -> float:
    return seconds if math.isfinite(seconds) else UNKNOWN
