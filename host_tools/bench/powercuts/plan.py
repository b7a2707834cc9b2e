"""Which histories are run: units, keys, clouds and what goes wrong with them, as orders for the VM.

A spec is one world, a dict as `vm/history.py` and `vm/cloud.py` read it. Every spec is lived
through without a cut, with every single cut, and is one of those that double cuts are drawn from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, product
from typing import Any

from host_tools.bench.powercuts.units import (
    APP_KEYS,
    CANARY,
    RUN_KEYS,
    SERIAL,
    TABLES,
    unit_name,
)

KEY_TYPES = ("WRITE", "READ_WRITE")
SECOND_BINDS = ("new", "same", "conflict")
FORMS = ("bare", "body", "documented")

#: What the cloud does with the first request: see `vm/cloud.py`. It may be late by less than the
#: pause between two looks, 60 s: a cloud that is later than that asks for a longer pause.
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

#: Other worlds: a partition that is lost between two boots, another board with this serial number
#: in the cloud's list, looks that fail, a list of several pages, a cloud that takes very long.
OTHER_WORLDS: tuple[Mapping[str, Any], ...] = (
    {"loss": "nvs"},
    {"loss": "bind"},
    {"loss": "nvs", "script": ["commit_drop"]},
    {"loss": "bind", "script": ["commit_drop"]},
    {"loss": "nvs", "script": ["drop"]},
    {"loss": "bind", "script": ["late:59"]},
    {"twin": True},
    {"twin": True, "script": ["commit_drop"]},
    {"twin": True, "script": ["drop"]},
    {"twin": True, "second": "conflict"},
    {"looks": ["500", "cut"], "script": ["commit_drop"]},
    {"looks": ["cut", "ok", "503"], "script": ["late:59"]},
    {"strangers": 70, "page": 30, "script": ["late:59"]},
    {"gap": 400, "script": ["drop"]},
)

Spec = dict[str, Any]
Job = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How much is run: every n-th cut of each spec, so many double cuts, so many jobs a process."""

    every: int
    doubles: int
    seed: int
    batch: int


FULL_DOUBLES = 10_400
SAMPLE = Size(every=23, doubles=200, seed=1, batch=12)
_DOUBLES_A_JOB = 250


def specs(cloud: str) -> list[Spec]:
    """Return every world that is tried, each once."""
    return [
        {**spec, "name": f"{number:03d} {_describe(spec)}"}
        for number, spec in enumerate((*_grid(cloud), *_troubles(cloud), *_others(cloud)))
    ]


def single_jobs(cloud: str, size: Size) -> list[Job]:
    """Return one job a spec: no cut, then each single cut."""
    return [
        {"kind": "singles", "group": spec["access"], "spec": spec, "every": size.every}
        for spec in specs(cloud)
    ]


def double_jobs(cloud: str, size: Size) -> list[Job]:
    """Return jobs of seeded double cuts, for each key type by itself."""
    jobs: list[Job] = []
    for access in KEY_TYPES:
        chosen = [spec for spec in specs(cloud) if spec["access"] == access]
        left = size.doubles // len(KEY_TYPES)
        while left > 0:
            count = min(left, _DOUBLES_A_JOB)
            seed = size.seed * 100_003 + len(jobs)
            jobs.append(
                {"kind": "doubles", "group": access, "specs": chosen, "count": count, "seed": seed}
            )
            left -= count
    return jobs


def _grid(cloud: str) -> Iterator[Spec]:
    """Combine what a unit and its cloud can be, all going well but for the power."""
    forms = cycle(FORMS)
    for access, second, table, run in product(KEY_TYPES, SECOND_BINDS, TABLES, RUN_KEYS):
        yield _spec(cloud, access, table, run, second=second, form=next(forms))


def _troubles(cloud: str) -> Iterator[Spec]:
    """Combine what a cloud may do with the first request."""
    seconds, forms, runs = cycle(SECOND_BINDS), cycle(FORMS), cycle(("absent", "other"))
    tables = cycle((*TABLES, *reversed(TABLES)))  # so that each key type meets both of them
    for script, access in product(FIRST_ANSWERS, KEY_TYPES):
        more = {"script": [script], "second": next(seconds), "form": next(forms)}
        yield _spec(cloud, access, next(tables), next(runs), **more)


def _others(cloud: str) -> Iterator[Spec]:
    for world, access in product(OTHER_WORLDS, KEY_TYPES):
        yield _spec(cloud, access, "startline", "absent", **world)


def _spec(cloud: str, access: str, table: str, run: str, **more: Any) -> Spec:
    return {
        "cloud": cloud,
        "access": access,
        "unit": unit_name(cloud, table, run),
        "table": table,
        "run": run,
        "keys": {CANARY: access},
        "key": CANARY,
        # What VMS is asked with is no key that an application could use.
        "app_key": "" if (cloud, run) == ("vms", "same") else APP_KEYS[run],
        "serial": SERIAL,
        **more,
    }


def _describe(spec: Spec) -> str:
    hidden = {"cloud", "unit", "keys", "key", "app_key", "serial"}
    words = [
        str(value) if isinstance(value, str) else f"{name}={value}"
        for name, value in spec.items()
        if name not in hidden
    ]
    return " ".join(words)
