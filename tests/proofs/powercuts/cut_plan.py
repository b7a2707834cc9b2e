"""Which lifetimes are run: units, keys, clouds and what goes wrong with them, as orders for the VM.

A spec is one world, a dict as `vm/lifetime.py` and `vm/cloud_model.py` read it. Every spec is lived
through without a cut, with a cut at every single point, and, but for those that are slow and repeat
themselves, is one of those that double cuts are drawn from. Where all goes well but for the power,
a point is cut in every way there is; in the other worlds in every third way, in turn from point to
point: what a torn page looks like is the flash's matter, not that of the world around it. What else
is left out, and why, stands with the worlds of `worlds.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from typing import Any

import msgspec

from startline_host.clouds.cloud_registry import find_cloud
from startline_host.errors import BadInput
from tests.proofs.powercuts.blank_units import (
    APP_KEYS,
    CANARY,
    LONG_PAUSE,
    RUN_KEYS,
    SERIAL,
    TABLES,
    unit_name,
)
from tests.proofs.powercuts.worlds import new_worlds

KEY_TYPES = ("WRITE", "READ_WRITE")
SECOND_BINDS = ("new", "same", "conflict")
FORMS = ("bare", "body", "documented")

#: What the cloud does with the first request: see `vm/cloud_model.py`. It may be late by less than the
#: pause between two looks, 60 s: a cloud that is later than that needs a longer pause, `LATE`.
FIRST_ANSWERS = (
    "drop",
    "reset",
    "stall",
    "commit_drop",
    "commit_stall",
    "commit_503",
    "late:1",
    "late:59",
    "late_stall:30",
    "late_504:59",
    "slow:20",
    "slow:50",
    "429:2",
    "403",
    "503",
)

#: Other worlds: partitions that are lost or spoilt between two boots, another board with this
#: serial number in the cloud's list, looks that fail, a list of several pages, a long time between
#: two boots.
OTHER_WORLDS: tuple[Mapping[str, Any], ...] = (
    {"loss": "nvs"},
    {"loss": "bind"},
    {"loss": "nvs", "script": ["commit_drop"]},
    {"loss": "bind", "script": ["commit_drop"]},
    {"loss": "nvs", "script": ["drop"]},
    {"loss": "bind", "script": ["late:59"]},
    {"loss": "nvs", "spoil": "bind"},
    {"loss": "nvs", "spoil": "bind", "script": ["commit_drop"]},
    {"twin": True},
    {"twin": True, "script": ["commit_drop"]},
    {"twin": True, "script": ["drop"]},
    {"twin": True, "second": "conflict"},
    {"looks": ["500", "cut"], "script": ["commit_drop"]},
    {"looks": ["cut", "ok", "503"], "script": ["late:59"]},
    {"strangers": 70, "page": 30, "script": ["late:59"]},
    {"gap": 400, "script": ["drop"]},
)

#: With a longer pause between two looks the cloud may be later, here by up to five minutes.
LATE = ("late:61", "late_stall:120", "late_504:240", "late:300")

CLAIM = (
    "A commit after the connection ended is survived if it is late by less than set.look_pause: "
    f"tried to 59 s with the pause of 60 s, and to 300 s with one of {LONG_PAUSE} s."
)

# Such a unit never asks, and tries the same again and again: the first points tell it all.
_AT_ONCE = {"harmed": True, "first": 20}

#: Flash that fails: `nvs` filled up by an application, worn out, or erased by the port itself;
#: from the unit's first start on (`harmed`), or from the first power cut on. See `vm/flash_damage.py`.
HARMS: tuple[Mapping[str, Any], ...] = (
    {"fill": "nvs", **_AT_ONCE},
    {"fill": "nvs"},
    {"fill": "nvs", "script": ["commit_drop"]},
    {"wear": "nvs", **_AT_ONCE},
    {"wear": "nvs"},
    {"wear": "nvs", "script": ["late:59"]},
    {"wear": "bind", **_AT_ONCE},
    {"wear": "bind"},
    {"wear": "bind", "script": ["commit_drop"]},
    {"erase": "nvs"},
    {"erase": "nvs", "script": ["commit_drop"]},
    {"erase": "nvs", "script": ["late:59"]},
)

#: Boots that begin with something else than power: the chip's clock and RTC memory are kept.
RESETS: tuple[Mapping[str, Any], ...] = tuple(
    {"resets": list(causes), "script": [script], **more}
    for causes, script, more in (
        (("power_on", "soft_reset", "wdt"), "ok", {}),
        (("power_on", "soft_reset", "soft", "crash"), "commit_drop", {}),
        (("power_on", "hard", "soft_reset"), "late:59", {}),
        (("power_on", "soft_reset", "soft_reset"), "429:2", {}),
        (("power_on", "wdt", "crash", "soft"), "403", {"must": ""}),  # until the next power-on
    )
)

Spec = dict[str, Any]
Job = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How much is run: every n-th cut of a spec, so many double cuts, so many jobs a process.

    With `every` 1 it is each cut, or each point in every n-th way where a spec says `ways`. With
    `one_of_each_kind` the single cuts are of the first spec alone of those that have the same
    members and the same first answers of the cloud.
    """

    every: int
    doubles: int
    seed: int
    batch: int
    one_of_each_kind: bool = False


#: Members of every spec, or such as other members say already: no part of its name.
_TOLD = {"cloud", "plain", "unit", "keys", "key", "app_key", "serial"}

FULL_DOUBLES = 10_080
SAMPLE = Size(every=23, doubles=200, seed=1, batch=12)
_DOUBLES_A_JOB = 252
#: With another board of that number, or flash that fails, a unit may rest without being bound.
_MAY_REST = {"twin", "fill", "wear"}
#: Flash that fails goes on failing, and some lifetimes repeat themselves: such worlds are slow, and
#: a second cut adds nothing to them.
_SINGLES_ONLY = {"fill", "wear", "erase", "first"}


def specs(cloud: str) -> list[Spec]:
    """Return every world that is tried, each once."""
    return [
        {**spec, "name": f"{number:03d} {_describe(spec)}"}
        for number, spec in enumerate(
            (*_grid(cloud), *_troubles(cloud), *_others(cloud), *_drawn(cloud))
        )
    ]


def single_jobs(cloud: str, size: Size, only: str = "") -> list[Job]:
    """Return one job a spec with `only` in its name: no cut, then each single cut."""
    chosen = [spec for spec in specs(cloud) if only in spec["name"]]
    if size.one_of_each_kind:
        kinds: dict[object, Spec] = {}
        for spec in chosen:
            kinds.setdefault((frozenset(spec), str(spec.get("script"))), spec)
        chosen = list(kinds.values())
    return [
        {"kind": "singles", "group": spec["access"], "spec": spec, "every": size.every}
        for spec in chosen
    ]


def one_job_each(cloud: str, only: str, cuts: str) -> list[Job]:
    """Return one job a spec with `only` in its name: one lifetime, cut as a failure names it.

    `cuts` is "none", or POINT/WAY with commas in between, and "@" and a seed where it has one.
    Raises BadInput for anything else.
    """
    plan, _, seed = cuts.partition("@")
    try:
        points = (
            [] if plan == "none" else [list(map(int, cut.split("/"))) for cut in plan.split(",")]
        )
        more = {"seed": int(seed)} if seed else {}
    except ValueError:
        raise BadInput(f"{cuts!r} is not like 33/2,40/1@seed.") from None
    return [
        {"kind": "one", "group": spec["access"], "spec": {**spec, **more}, "plan": points}
        for spec in specs(cloud)
        if only in spec["name"]
    ]


def double_jobs(cloud: str, size: Size, only: str = "") -> list[Job]:
    """Return jobs of seeded double cuts, for each key type by itself, each over a few specs.

    With `only` they are of the specs that have it in their names, and as many as these get of all.
    """
    jobs: list[Job] = []
    for access in KEY_TYPES:
        every = [
            spec
            for spec in specs(cloud)
            if spec["access"] == access and not _SINGLES_ONLY & spec.keys()
        ]
        chosen = [spec for spec in every if only in spec["name"]]
        left = size.doubles // len(KEY_TYPES) * len(chosen) // len(every)
        parts = -(-left // _DOUBLES_A_JOB)
        for part in range(parts):
            job = {"kind": "doubles", "group": access, "specs": chosen[part::parts]}
            count = left // (parts - part)
            left -= count
            jobs.append({**job, "count": count, "seed": size.seed * 100_003 + len(jobs)})
    return jobs


def _grid(cloud: str) -> Iterator[Spec]:
    """Combine what a unit and its cloud can be, all going well but for the power.

    What a cloud makes of a second request is dealt out with the forms of its answer: only a second
    request would show it, and that is counted whatever becomes of it.
    """
    pairs = cycle(product(SECOND_BINDS, FORMS))
    for access, table, run in product(KEY_TYPES, TABLES, RUN_KEYS):
        second, form = next(pairs)
        yield _spec(cloud, access, table, run, second=second, form=form)


def _troubles(cloud: str) -> Iterator[Spec]:
    """Combine what a cloud may do with the first request."""
    seconds, forms, runs = cycle(SECOND_BINDS), cycle(FORMS), cycle(("absent", "other"))
    tables = cycle((*TABLES, *reversed(TABLES)))  # so that each key type meets both of them
    for script, access in product(FIRST_ANSWERS, KEY_TYPES):
        more = {"script": [script], "second": next(seconds), "form": next(forms), "ways": 3}
        yield _spec(cloud, access, next(tables), next(runs), **more)


def _others(cloud: str) -> Iterator[Spec]:
    late = [{"look_pause": LONG_PAUSE, "script": [script]} for script in LATE]
    for world, access in product((*OTHER_WORLDS, *late), KEY_TYPES):
        yield _spec(cloud, access, "startline", "absent", ways=3, **world)
    # Of these each key type gets every other one: the key decides only what comes afterwards.
    for world, access in zip((*HARMS, *RESETS), cycle(KEY_TYPES), strict=False):
        yield _spec(cloud, access, "startline", "absent", ways=3, **world)


def _drawn(cloud: str) -> Iterator[Spec]:
    turns = cycle(KEY_TYPES)
    for world in new_worlds(cloud):
        yield spec_of(cloud, world if "access" in world else {"access": next(turns), **world})


def spec_of(cloud: str, world: Mapping[str, Any]) -> Spec:
    """Return the spec of a world, which may say `access`, `table` and `run`; it has no name yet."""
    more = dict(world)
    access, table = more.pop("access", "WRITE"), more.pop("table", "startline")
    return _spec(cloud, access, table, more.pop("run", "absent"), **more)


def _described(cloud: str) -> dict[str, Any]:
    """Return the description of a plain cloud, which has no model of its own in `vm`.

    Raises BadInput for a cloud that has neither.
    """
    plain = find_cloud(cloud).played.plain
    if plain is not None:
        return {"plain": msgspec.structs.asdict(plain)}
    model = Path(__file__).parent / "vm" / f"{cloud}.py"
    if not model.is_file():
        raise BadInput(
            f"The proof cannot play the cloud {cloud!r}: {model} is missing.",
            "Write it with the functions of rufus.py there, or describe the cloud by a PlainCloud.",
        )
    return {}


def _spec(cloud: str, access: str, table: str, run: str, **more: Any) -> Spec:
    serial = more.get("serial", SERIAL)
    pause = more.get("set_pause", more.get("look_pause", 0))
    mark = not more.get("unmarked")
    return {
        "cloud": cloud,
        **_described(cloud),
        "access": access,
        "unit": unit_name(cloud, table, run, look_pause=pause, serial=serial, mark=mark),
        "table": table,
        "run": run,
        "keys": {CANARY: access},
        "key": CANARY,
        "app_key": APP_KEYS[run],
        "serial": serial,
        **({} if _MAY_REST & more.keys() else {"must": "bound"}),
        **more,
    }


def _describe(spec: Spec) -> str:
    hidden = _TOLD | {"means", "must", "since", "ways"}
    obvious = {"access", "table", "run", "second", "form"}
    words = [
        str(value) if name in obvious else f"{name}={value}"
        for name, value in spec.items()
        if name not in hidden
    ]
    return " ".join(words)
