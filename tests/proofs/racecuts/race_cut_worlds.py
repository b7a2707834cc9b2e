"""The worlds of a race: what its program does, what its cloud, clock and flash do to it.

A world is a dict as `vm/race_vm/race_lifetime.py`, `race_cloud.py` and `damage.py` read it. Each is
tried with a key that writes only and with one that reads, too, but for those that say `access`.
Rules for doubles and envelopes are dealt out in turn, so that each kind of world meets them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import cycle, product
from typing import Any

from startline_host.formats.factory_partition import RacingSettings
from tests.proofs.powercuts.blank_units import CANARY, make_racing_unit

World = Mapping[str, Any]

KEY_TYPES = ("WRITE", "READ_WRITE")
DOUBLES = ("full", "number", "none")
FORMS = ("bare", "body")

_SERVER = ("127.0.0.1",)
#: Units by name: sectors of the journal, and how they race.
_UNITS = {
    "plain": (12, RacingSettings(servers=_SERVER)),
    "tiny": (4, RacingSettings(servers=_SERVER)),
    "tiny batches": (4, RacingSettings(servers=_SERVER, batch=9)),
    "batches": (12, RacingSettings(servers=_SERVER, batch=4)),
    "unmarked": (12, RacingSettings(servers=_SERVER, mark=False)),
    "dead time": (12, RacingSettings(servers=_SERVER, dead_time=1500, best=True)),
}

LIVE = [["open", "10 km"], ["pass", 5], ["rest"], ["pass", 2], ["close"], ["rest"]]
#: Stored without a pause, so that it goes out in a few batches.
BACKLOG = [["open", "10 km"], ["pass", 9], ["close"], ["rest"]]
#: The second is wanted, and closed, before the first has sent anything.
TWO = [
    ["open", "10 km"],
    ["pass", 5],
    ["close"],
    ["open", "5 km"],
    ["pass", 4],
    ["close"],
    ["rest"],
]
AT_ONCE = {"gap_ms": 0}

_ACROSS = [["open", "10 km"], ["pass", 6], ["run", 3000], ["pass", 2], ["close"], ["rest"]]
#: A ring of four sectors that has gone round, and whose next ones have to be erased.
ROUNDS: World = {
    "race": _ACROSS,
    "past": [["open", "before"], ["pass", 62], ["close"], ["rest"]],
    "long": True,
    "unit": "tiny",
}

#: What a cloud may do to passings that are sent.
_SENDS = (
    ["commit_drop"],
    ["drop", "commit_drop"],
    ["reset"],
    ["stall"],
    ["commit_stall"],
    ["commit_503"],
    ["commit_reset", "commit_reset"],
    ["late:20"],
    ["late:50"],
    ["429:3600"],
    ["503", "408", "425", "302"],
    ["part:3"],
    ["part_drop:3"],
    ["part_drop:3", "elsewhere"],
    ["uncounted"],
    ["cut"],
    ["slow:9"],
    ["elsewhere"],
    ["elsewhere_drop"],
    ["ok", "elsewhere", "ok", "elsewhere"],
    ["403"],
)
_OPENS = (["commit_drop"], ["drop"], ["stall"], ["commit_503"], ["late:20"], ["cut"], ["429:9"])
_CLOSES = (["commit_drop"], ["drop"], ["commit_503"], ["elsewhere"], ["429:9"])
_FLIPS = (
    "passing", "session", "frozen", "sent", "progress", "header", "boot", "time", "map", "end",
    "any",
)  # fmt: skip
_TICKS = (1 << 30) - 2500, 1071500
#: A passing that the cloud refuses: it is set aside.
POISON: World = {"poison": f"E28011606000{3:012X}", "unsent": [], "set_aside": 1}


def _plain() -> Iterator[World]:
    """All goes well but for power and link: every way of every cut."""
    for form, doubles in zip(cycle(FORMS), DOUBLES, strict=False):
        yield {"race": LIVE, "form": form, "doubles": doubles, "ways": 1}
    yield {"race": TWO, **AT_ONCE}
    yield {"race": BACKLOG, **AT_ONCE, "unit": "batches"}
    before = [["pass", 3], ["marker"], ["open", "10 km"], ["pass", 2], ["close"], ["pass", 2]]
    yield {"race": [*before, ["open", "5 km"], ["close"], ["rest"]]}
    yield {"race": [*LIVE[:2], ["reboot"], ["pass", 3], ["reboot"], ["close"], ["rest"]]}
    yield {"race": LIVE, "resets": ["power_on", "soft_reset", "wdt", "crash"]}
    repeats = [["open", "10 km"], ["pass", 4], ["again", 3], ["run", 4000], ["close"], ["rest"]]
    yield {"race": repeats, "unit": "dead time", "best": True}


def _clouds() -> Iterator[World]:
    """Answers that are lost, late, counted in part or not at all; sessions that are not there."""
    for number, words in enumerate(_SENDS):
        more = {"unsent": ["forbidden"] if "403" in words else ["closed_again"]}
        yield {
            "race": (BACKLOG, LIVE)[number % 2],
            **AT_ONCE,
            "fails": {"send": list(words)},
            **more,
        }
    for words in (["commit_drop"], ["part_drop:3"], ["late:20"]):
        for doubles in ("full", "none"):
            lost: World = {"fails": {"send": words}, "doubles": doubles, "unit": "batches"}
            yield {"race": BACKLOG, **AT_ONCE, **lost}
    for words in _OPENS:
        yield {"race": LIVE, "fails": {"open": words}}
    for words in _CLOSES:
        yield {"race": TWO, **AT_ONCE, "fails": {"close": words}}
    for kind, words in product(("sessions", "list"), (["500", "cut"], ["cut", "stall"])):
        failing = {"open": ["commit_drop"], "send": ["commit_drop"], kind: words}
        yield {"race": BACKLOG, **AT_ONCE, "fails": failing, "access": "READ_WRITE"}
    yield {"race": LIVE, "fails": {"open": ["commit_drop"]}, "unit": "unmarked"}
    lagging = {"open": ["commit_drop"], "send": ["commit_drop"]}
    yield {"race": BACKLOG, **AT_ONCE, "fails": lagging, "lag": 20}
    yield {"race": BACKLOG, **AT_ONCE, "largest": 3}
    yield {"race": BACKLOG, **AT_ONCE, **POISON}
    heal = [*BACKLOG[:2], ["rest"], ["heal"], ["resend"], *BACKLOG[2:]]
    yield {"race": heal, **AT_ONCE, **POISON}
    away = [*BACKLOG[:2], ["wait", 200_000], ["pass", 3], *BACKLOG[2:]]
    yield {"race": away, **AT_ONCE, "fails": {"send": ["503"] * 8}, "exact_us": 0}
    elsewhere = [["open", "10 km"], ["pass", 3], ["rest"], ["elsewhere"], ["pass", 3], ["close"]]
    yield {"race": [*elsewhere, ["rest"]]}
    yield {"race": [*elsewhere, ["open", "5 km"], ["pass", 2], ["close"], ["rest"]], **AT_ONCE}


def _clocks() -> Iterator[World]:
    """Time that comes late, never, or jumps; counters that wrap."""
    never = {"ntp": [None], "unsent": ["clock no_time", "no_time"], "exact_us": 0}
    yield {"race": BACKLOG, **AT_ONCE, **never}
    yield {"race": LIVE, "ntp": [None, None, None, None, 0]}
    yield {"race": [*BACKLOG[:2], ["reboot"], *BACKLOG[2:]], **AT_ONCE, "ntp": [None] * 4 + [0]}
    for jump in (0.4, -0.4, 40, -40):
        for words in (["commit_drop"], ["ok"]):
            jumps = {"ntp": [0, 0, 0, 0, jump], "fails": {"send": words}, "exact_us": 0}
            yield {"race": LIVE, **jumps, "doubles": "full"}
    for ticks in _TICKS:
        yield {"race": LIVE, "ticks": ticks, "gap_ms": 900}
    for network in ({"late": 3}, {"late": 20}, {"gone": [1, 4]}):
        yield {"race": LIVE, "network": network}


def _flash() -> Iterator[World]:
    """Bits that flip, cells that are weak, sectors that are worn, a ring that is full or goes round."""
    for kind in _FLIPS:
        # Where the wish for a session is lost, its passings wait for the next one.
        more = {"flip": kind, "unsent": ["no_session"]}
        yield {"race": BACKLOG, **AT_ONCE, **more, "unit": "batches"}
        yield {"race": TWO, **more}
    for weak in ("boot", "write"):
        yield {"race": LIVE, "weak": weak}
    past = [["open", "before"], ["pass", 19], ["close"], ["rest"]]
    yield {"race": _ACROSS, "past": past, "long": True}
    yield {"race": _ACROSS, "past": past, "long": True, "worn": 1}
    for flip in ({}, {"flip": "any"}, {"flip": "header"}):
        yield {**ROUNDS, **flip}
    # Passings that find no room, then the same ring reused; and one that is reused under some that
    # wait, since Wi-Fi has gone again.
    may: World = {"may_raise": ["JournalFull"], "long": True, "unit": "tiny batches", "ways": 12}
    full = [["open", "10 km"], ["pass", 90], ["run", 9000], ["pass", 40], ["close"], ["rest"]]
    yield {"race": full, **AT_ONCE, **may, "network": {"late": 3}, "from": 150}
    waits = [["open", "10 km"], ["pass", 50], ["run", 4000], ["pass", 20], ["run", 4000]]
    gone = {"network": {"gone": [2, 12]}, "from": 90}
    rest = [["pass", 40], ["run", 9000], ["close"], ["rest"]]
    yield {"race": [*waits, *rest], **AT_ONCE, **may, **gone}
    # What a sector begins with, where the one before is erased; and what is told only once.
    for damage in ({"flip": "session"}, {"flip": "progress"}, {"weak": "write"}):
        yield {**ROUNDS, **damage}
    told: World = {"race": BACKLOG, **AT_ONCE, "unit": "batches", "unsent": ["no_session"]}
    yield {**told, "flip": "unsure", "doubles": "none", "fails": {"send": ["commit_drop"]}}
    yield {**told, "flip": "aside", **POISON}
    yield {**told, "flip": "there", "fails": {"send": ["part_drop:3", "elsewhere"]}}


def specs() -> list[dict[str, Any]]:
    """Return every world that is tried, each once with each key that it is for."""
    found: list[dict[str, Any]] = []
    doubles, forms = cycle(DOUBLES), cycle(FORMS)
    for world in (*_plain(), *_clouds(), *_clocks(), *_flash()):
        kinds = (world["access"],) if "access" in world else KEY_TYPES
        dealt = {"doubles": next(doubles), "form": next(forms), "unit": "plain", "ways": 3}
        for access in kinds:
            found.append(spec_of({**dealt, **world, "access": access}, len(found)))
    return found


def spec_of(world: World, number: int = 0) -> dict[str, Any]:
    """Return the spec of a world, with its name."""
    base = {"unit": "plain", "access": "READ_WRITE", "doubles": "full", "form": "bare"}
    spec = {**base, **world}
    return {"name": f"race {number:03d} {_describe(spec)}", "key": CANARY, **spec}


def make_units() -> dict[str, bytes]:
    """Return the blank flash of every kind of unit by its name."""
    return {name: make_racing_unit(*how) for name, how in _UNITS.items()}


def _describe(spec: World) -> str:
    words = [spec["access"], spec["doubles"], spec["unit"]]
    words += [
        word if more is None else f"{word} {more}" for word, more in map(_pair, spec["race"])
    ]
    told = ("access", "doubles", "unit", "race", "form", "ways", "unsent", "may_raise")
    words += [f"{name}={value}" for name, value in spec.items() if name not in told]
    return " ".join(words)


def _pair(step: list[Any]) -> tuple[str, Any]:
    return step[0], step[1] if len(step) > 1 else None
