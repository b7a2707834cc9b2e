"""Worlds drawn from bug reports, hostile devices and spoilt flash, each with what it has to reach.

A world is what is special about a spec (see `plan`). Members that are read on this side: `access`,
`table` and `run`, where not every key or table will do; `means`, the marks that its lifetimes have to
reach (`results.REACHED`), or it proves nothing; `must`, "alone" where its unit has to come to rest
bound without an operator. Those of a key are dealt out in turn where the key decides only what comes afterwards.

How they are thinned, and why that loses nothing: `ways` 3 takes every third way of cutting a point,
in turn from point to point, since what a torn page looks like is tried in full where all else goes
well, and once for each thing that only these worlds do to the flash. `since` begins at a point,
where what comes before it is the same as in another world. `first` takes so many points of a
lifetime that repeats itself.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import chain, cycle
from typing import Any

from startline_host.clouds.cloud_registry import find_cloud
from tests.proofs.powercuts.blank_units import BAD_PAUSE, LONG_PAUSE, SERIAL, SPELT

World = Mapping[str, Any]

_HIGHEST = 0xFFFFFFFF
_LOST_ANSWERS = ("commit_drop", "late:20", "commit_503")
_YEAR = 31_557_600
_OLDER_S = 90 * 86_400


def _flips() -> Iterator[World]:
    """Single bits that turn over, once power was cut or the unit had come to rest.

    On the agent's table the other copy has to rule; with `nvs` lost, or on the stock table, no
    older record may stand in for the one that is damaged.
    """
    means = {"means": ["flip"]}
    for script in ("ok", "commit_drop"):
        more = {"script": [script], "ways": 3, **means}
        for part in ("head", "data", "crc", "states", "space"):
            yield {"table": "stock", "flip": [["nvs", part]], **more}
        # The page is another one than that of the identity: without one a unit is unprovisioned.
        page = {"crowded": {"left": 3, "by": "old"}, "flip": [["nvs", "page"]], "first": 60}
        yield {"table": "stock", **page, **more}
        for flips in ([["nvs", "any"]], [["bind", "any"]], [["nvs", "any"], ["bind", "newest"]]):
            yield {"flip": flips, **more}
        for part in ("newest", "blank"):
            yield {"loss": "nvs", "flip": [["bind", part]], **more}
    for access in ("WRITE", "READ_WRITE"):
        past = {"aged": {"slot": 12}, "loss": "nvs", "flip": [["bind", "newest"]], **means}
        yield {**past, "access": access, "ways": 3}
        yield {**past, "access": access, "ways": 3, "script": ["commit_drop"]}


def _collections() -> Iterator[World]:
    """A page of `nvs` is collected for the first, second or third record, or for each.

    With most of an application's data replaced there is little to move, with most of it valid a
    page of three blobs, or, on the stock table, the one with the identity and the key. A record is
    as long as its token: each number of free entries is met by the same record with any cloud.
    """
    more = {"means": ["collection"], "ways": 3}
    replaced, valid = {"left": 3, "by": "old"}, {"left": 3, "by": "live"}
    yield {"crowded": replaced, **more, "ways": 1, "means": ["collection", "garbage"]}
    for left, script in ((10, "ok"), (10, "commit_drop"), (14, "commit_drop")):
        yield {"crowded": {**replaced, "left": left}, "script": [script], **more}
    yield {"crowded": valid, **more}
    for script in ("ok", "commit_drop"):
        yield {"table": "stock", "crowded": valid, "script": [script], **more}
    # Behind these points the sweep of what is erased repeats itself.
    yield {"table": "stock", "crowded": {**replaced, "left": 10}, "first": 60, **more}


def _switches() -> Iterator[World]:
    """`bind` goes to its other sector for the first, second or third record, into either of them."""
    more = {"means": ["switch"], "ways": 3}
    yield {"aged": {"slot": 7}, **more, "ways": 1, "means": ["switch", "garbage"]}
    for slot, script in ((15, "ok"), (14, "commit_drop"), (5, "drop"), (13, "late:20")):
        yield {"aged": {"slot": slot}, "script": [script], **more}
    for slot, script in ((15, "ok"), (6, "commit_drop")):
        yield {"aged": {"slot": slot}, "script": [script], "loss": "nvs", **more}
    both = {"aged": {"slot": 14}, "crowded": {"left": 3, "by": "old"}}
    yield {**both, **more, "means": ["switch", "collection"]}


def _wraps() -> Iterator[World]:
    """The generation goes from its highest number to 0 with the first, second or third record."""
    more = {"means": ["wrap"], "ways": 3}
    for behind, script in ((0, "ok"), (1, "commit_drop")):
        number = {"generation": _HIGHEST - behind}
        yield {"aged": {"slot": 3, **number}, "script": [script], **more}
        yield {"table": "stock", "aged": number, "script": [script], **more}
    for behind, slot, script in ((1, 14, "ok"), (2, 13, "drop")):
        aged = {"slot": slot, "generation": _HIGHEST - behind}
        yield {"aged": aged, "script": [script], **more, "means": ["wrap", "switch"]}
    wrapped = {"aged": {"slot": 3, "generation": _HIGHEST - 1}, **more}
    for loss, script in (("nvs", "commit_drop"), ("bind", "ok")):
        yield {**wrapped, "loss": loss, "script": [script]}


def _weak_cells() -> Iterator[World]:
    """Cells that a cut left weak read back right once, and flip later."""
    for weak, table in (("boot", "startline"), ("write", "startline"), ("boot", "stock")):
        for script in ("ok", "commit_drop"):
            yield {"weak": weak, "table": table, "script": [script], "ways": 3, "means": ["decay"]}


def _lists() -> Iterator[World]:
    """Lists whose entry of this unit cannot be compared, with its mark switched off or not shown.

    Up to the request these are like any other world.
    """
    number, composed, cased, escaped = SPELT
    plain = {"serial": SERIAL}
    spellings: tuple[World, ...] = (
        {"serial": number, "shows": {"serial_number": int(number)}},
        {**plain, "shows": {"serial_number": None}},
        {**plain, "hides": ["serial_number"]},
        {**plain, "hides": ["serial_number"], "shows": {"serialNumber": SERIAL}},
        {"serial": composed, "shows": {"serial_number": unicodedata.normalize("NFD", composed)}},
        {"serial": composed, "latin": True},
        {"serial": cased, "shows": {"serial_number": cased.lower()}},
        {"serial": escaped, "shows": {"serial_number": html.escape(escaped)}},
        {**plain, "shows": {"serial_number": SERIAL.replace("-", "")}},
        {**plain, "shows": {"serial_number": "".join(chr(ord(c) + 0xFEE0) for c in SERIAL)}},
    )
    more = {"access": "READ_WRITE", "since": "send", "ways": 3, "means": ["list"]}
    scripts = cycle(_LOST_ANSWERS)
    for spelling in spellings:
        yield {**spelling, **more, "script": [next(scripts)], "unmarked": True}
        shows = {**spelling.get("shows", {}), "firmware": None}
        yield {**spelling, **more, "script": [next(scripts)], "shows": shows}
    # A mark tells whose it is, however the number is written.
    yield {**spellings[0], **more, "script": ["commit_drop"], "must": "alone"}
    yield {**spellings[2], **more, "script": ["late:20"], "must": "alone"}


def _others_entries() -> Iterator[World]:
    """Entries of other boards: which of them leave a doubt, and which do not.

    One that was made long before this unit was (`blank_units`) is another's.
    """
    more = {"access": "READ_WRITE", "since": "send", "ways": 3, "script": ["drop"]}
    nothing = {"serial_number": None, "firmware": None}
    for shows, age, doubt in (
        (nothing, _OLDER_S, False),
        ({"serial_number": 7}, 0, False),
        ({"alias": "x" * 300, "device_status": {"serial_number": SERIAL}}, 0, False),
        (nothing, 0, True),
        ({**nothing, "creation_date": None}, _OLDER_S, True),
    ):
        must = {} if doubt else {"must": "alone"}
        yield {"odd": {"shows": shows, "age": age, "doubt": doubt}, **more, **must}
    for script, kin in (("drop", [7]), ("commit_drop", [0, 2, 5, 7])):
        yield {**more, "kin": kin, "script": [script], "must": "alone"}


def _clocks() -> Iterator[World]:
    """Clocks that jump between looks and between boots, and that no format can hold."""
    more = {"access": "READ_WRITE", "ways": 3, "means": ["jump"]}
    forward, back = 3600, -3600
    for offsets, script in (
        ([0, forward], "drop"),
        ([0, 0, forward], "late:20"),
        ([0, 0, 90], "late:20"),
        ([0, 0, back], "drop"),
        ([0, back, 0], "late:20"),
        ([forward, 0], "drop"),
        ([0, forward, 0, forward, 0], "late:59"),
        ([80 * _YEAR, 0], "commit_drop"),
        ([-40 * _YEAR, 0], "late:20"),
        ([0, 80 * _YEAR, -60 * _YEAR, 0], "drop"),
    ):
        yield {"ntp": offsets, "script": [script], **more}
    for date, script in (
        ("1970-01-01", "ok"),
        ("1999-12-31", "drop"),
        ("2106-03-01", "commit_drop"),
        ("2137-01-01", "ok"),
    ):
        yield {"wakes": [date], "script": [script], **more}
    # No time server: a clock that was never set, or that a reset has kept, is all that there is.
    kept = {"wakes": ["2030-01-01", "2027-01-01", "2031-01-01"], "ntp": [None]}
    yield {**kept, "script": ["late:20"], **more}
    resets = {"resets": ["power_on", "soft_reset", "wdt"], "wakes": ["2137-01-01"]}
    yield {**resets, "script": ["late:20"], **more}


def _networks() -> Iterator[World]:
    """Networks that come late, go and come back, or have their password mended meanwhile."""
    more = {"ways": 3, "means": ["network"], "first": 24}
    for network in ({"late": 2}, {"late": 9}, {"mended": 3}):
        yield {"network": network, **more}
    looks = {**more, "access": "READ_WRITE", "must": "alone"}
    yield {"network": {"late": 2}, **looks, "script": ["commit_drop"]}
    yield {"network": {"gone": [1, 4]}, **looks, "script": ["slow:2"]}


def _rules() -> Iterator[World]:
    """One rule each: copies at one number, pauses, orders that are cut, answers that come at once."""
    for script in ("ok", "commit_drop"):
        yield {"level": True, "script": [script], "ways": 3, "means": ["level"]}
    alone = {"access": "READ_WRITE", "must": "alone"}
    yield {"look_pause": LONG_PAUSE, "script": ["drop"], "ways": 3, **alone}
    # A pause of 1 s is not taken: 30 s is the least, and what a cloud is that much later is found.
    pause = {"set_pause": BAD_PAUSE, "look_pause": 30, "ways": 3, **alone}
    yield {**pause, "script": ["late:20"]}
    yield {**pause, "script": ["drop"], "gap": 35, "since": "send"}
    order = {"run": "same", "operator": "reset", "since": "order", "means": ["reset"]}
    yield {"table": "stock", **order}
    for slot in (15, 3):
        yield {"aged": {"slot": slot}, **order}
    for access in ("WRITE", "READ_WRITE"):
        # More of these than a unit asks in a few boots.
        yield {"script": ["429:1"] * 36, "first": 12, "ways": 3, "access": access, "must": ""}


def new_worlds(cloud: str) -> list[World]:
    """Return them all; a cloud without a list has none that is about one.

    Without a list a device cannot see either that what it finds is its own: that is settled by an
    operator.
    """
    flash = chain(_flips(), _collections(), _switches(), _wraps(), _weak_cells())
    around = chain(_clocks(), _networks(), _rules())
    if find_cloud(cloud).lists:
        return [*flash, *_lists(), *_others_entries(), *around]
    return [
        {**world, "must": "bound"} if world.get("must") == "alone" else world
        for world in chain(flash, around)
    ]
