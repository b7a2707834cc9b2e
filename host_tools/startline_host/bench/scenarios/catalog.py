"""Reads scenario files, checks that what they ask for can be done, and picks cases out of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from startline_host.bench.scenarios.model import (
    Act,
    LinkName,
    Scenario,
    ScenarioFile,
    VirtualWorld,
)
from startline_host.bench.scenarios.race_model import (
    EventPattern,
    check_order,
    check_race_words,
)
from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, cloud_names, find_cloud
from startline_host.errors import BadInput
from startline_host.file_access import MOST_TEXT, read_file
from startline_host.mock_cloud import CASES
from startline_host.mock_cloud.fault_spec import parse
from startline_host.mock_cloud.fault_switches import ALL_FAULTS
from startline_host.mock_cloud.fault_table import LIST, ROWS
from startline_host.mock_cloud.proxy_faults import PROXY_ROWS, REFUSE
from startline_host.schema_words import checked
from startline_host.text_file import parse_toml, toml_fault
from startline_host.util import full_stop

_LOOKING_KEYS = frozenset({"READ_WRITE"})


class Case(msgspec.Struct, frozen=True):
    """One run of a scenario: with one key type, one envelope, one cloud; `seed` makes its luck."""

    scenario: Scenario
    key: str
    envelope: str
    cloud: str
    number: int = 1
    seed: int = 0

    @property
    def variant(self) -> str:
        """The case among those of its scenario."""
        varies = find_cloud(self.cloud).played.varies
        return "/".join(str(getattr(self, name)) for name in varies) or self.cloud

    @property
    def name(self) -> str:
        """The case among all; a repetition has its number behind it."""
        again = f" #{self.number}" if self.number > 1 else ""
        return f"{self.scenario.group}/{self.scenario.name} [{self.variant}]{again}"


def load_scenarios(paths: Sequence[Path] = ()) -> list[Scenario]:
    """Read scenario files; without any, those that came with this program.

    Raises BadInput that names file, scenario and field for whatever cannot be.
    """
    chosen = list(paths) or sorted(Path(__file__).parent.glob("*.toml"))
    scenarios = []
    seen: dict[str, Path] = {}
    for path in chosen:
        for scenario in _read(path):
            if first := seen.get(scenario.name):
                places = f"in {path}" if first == path else f"in {first} and in {path}"
                raise BadInput(
                    f"There are two scenarios {scenario.name!r}, {places}.", "Rename one of them."
                )
            seen[scenario.name] = path
            scenarios.append(scenario)
    return scenarios


def make_cases(
    scenarios: Iterable[Scenario],
    *,
    cloud: str = DEFAULT_CLOUD,
    link: LinkName = "wifi",
    words: Sequence[str] = (),
    repeat: int = 1,
    seed: int = 0,
) -> list[Case]:
    """Return every case that has a meaning for this cloud and this link, in the files' order.

    Of `words` one must be found in a case's name, and none that begins with "!". The seed of a
    case comes from its name, so that it does not depend on what else was chosen.
    """
    words_of_cloud = {cloud, *find_cloud(cloud).played.scenarios}
    found = []
    for number in range(1, repeat + 1):
        for scenario in scenarios:
            if words_of_cloud & {*scenario.clouds} and link in links_of(scenario):
                found += _variants(scenario, cloud, number, seed)
    return [case for case in found if _wanted(case.name, words)]


def links_of(scenario: Scenario) -> tuple[LinkName, ...]:
    """Return the links over which a scenario has a meaning."""
    if scenario.links is not None:
        return scenario.links
    # A race asks a time server, which the cable does not reach.
    return ("wifi",) if scenario.races or changes_world(scenario) else ("wifi", "usb")


def changes_world(scenario: Scenario) -> bool:
    """Tell whether a scenario needs a world of its own making."""
    plain = VirtualWorld()
    worlds = [scenario.world, *(act.world or plain for act in scenario.act)]
    return any(world != plain for world in worlds)


def _variants(scenario: Scenario, cloud: str, number: int, seed: int) -> list[Case]:
    varies = find_cloud(cloud).played.varies
    keys = scenario.keys if "key" in varies else scenario.keys[:1]
    envelopes = scenario.envelopes if "envelope" in varies else scenario.envelopes[:1]
    return [
        Case(scenario, key, envelope, cloud, number, _seed(seed, number, scenario.name))
        for key, envelope in product(keys, envelopes)
    ]


def _seed(seed: int, number: int, name: str) -> int:
    return (seed * 1_000_003 + number * 7919 + sum(name.encode())) % (1 << 31)


def _wanted(name: str, words: Sequence[str]) -> bool:
    plain = [word.lower() for word in words if not word.startswith("!")]
    never = [word[1:].lower() for word in words if word.startswith("!")]
    lower = name.lower()
    return (not plain or any(word in lower for word in plain)) and not any(
        word in lower for word in never
    )


def _read(path: Path) -> list[Scenario]:
    try:
        raw = parse_toml(read_file(path, MOST_TEXT).decode())
    except OSError as error:
        raise BadInput(f"The scenario file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The scenario file {path} is not valid TOML: {toml_fault(error)}."
        ) from None
    defaults = raw.get("defaults")
    tables = raw.get("scenario", [])
    if isinstance(tables, list) and isinstance(defaults, dict):
        raw["scenario"] = [
            _with(defaults, one) if isinstance(one, dict) else one for one in tables
        ]
    for number, table in enumerate(raw.get("scenario", []) if isinstance(tables, list) else [], 1):
        name = table.get("name", f"number {number}") if isinstance(table, dict) else number
        with _placed(f"{path}: scenario {name!r}"):
            checked(table, Scenario)
    with _placed(str(path)):
        file: ScenarioFile = checked(raw, ScenarioFile)
    found = [msgspec.structs.replace(one, group=file.group) for one in file.scenario]
    for scenario in found:
        _check(scenario, path)
    return found


def _with(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return a scenario's table with the file's defaults; of tables within, field by field."""
    found = {**defaults, **given}
    for name, table in defaults.items():
        if isinstance(table, dict) and isinstance(given.get(name), dict):
            found[name] = {**table, **given[name]}
    return found


def _check(scenario: Scenario, path: Path) -> None:
    place = f"{path}: scenario {scenario.name!r}"
    if unknown := sorted({*scenario.clouds} - {"any", *cloud_names()}):
        raise BadInput(f"{place}: there is no cloud {unknown[0]!r}.",
                       f"Known are: any, {', '.join(cloud_names())}.")  # fmt: skip
    if not scenario.act:
        raise BadInput(f"{place} has no act.")
    for orders in (scenario.cloud.faults, *(act.faults or () for act in scenario.act)):
        for text in orders:
            _check_fault(text, scenario, place)
    for act in scenario.act:
        _check_act(act, place)
    with _placed(place):
        check_race_words(scenario.expect)
        check_race_words(scenario.expect_read_write)
    names = [scenario.cloud.certificate, *(act.certificate or "good" for act in scenario.act)]
    for name in names:
        if name not in CASES:
            raise BadInput(f"{place}: there is no certificate {name!r}.",
                           f"Known are: {', '.join(CASES)}.")  # fmt: skip


def _check_fault(text: str, scenario: Scenario, place: str) -> None:
    with _placed(place):
        order = parse(text, ALL_FAULTS)
        order.settled(ALL_FAULTS[order.name][1])
    if order.name in PROXY_ROWS:
        if order.method or order.path:
            raise BadInput(f"{place}: {text!r} acts on bytes and knows no method or path.")
        if order.name == REFUSE and order.times is not None:
            raise BadInput(f"{place}: refused connections cannot be counted ({text!r}).")
    elif ROWS[order.name].where == LIST and not _LOOKING_KEYS & set(scenario.keys):
        raise BadInput(
            f"{place}: the fault {text!r} cannot apply: no key of the scenario reads the list.",
            'Give it keys = ["READ_WRITE"].',
        )


def _check_act(act: Act, place: str) -> None:
    for text in act.cable:
        with _placed(f"{place}, cable"):
            order = parse(text, PROXY_ROWS)
            order.settled(PROXY_ROWS[order.name].value)
    if act.cable and act.do != "load":
        raise BadInput(f'{place}: cable faults need do = "load".')
    if (act.do == "command") != bool(act.run):
        raise BadInput(f'{place}: do = "command" and run belong together.')
    if act.copy_flash and act.reader == "first":
        raise BadInput(f"{place}: the first reader has no flash to copy.")
    with _placed(place):
        _check_until(act.until)
        for line in act.race:
            check_order(line)
        check_race_words(act.expect)
        check_race_words(act.expect_read_write)


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """Put the place before whatever is wrong there."""
    try:
        yield
    except BadInput as error:
        message = full_stop(error.message)
        raise BadInput(f"{place}: {message}", error.hint) from None


def _check_until(until: str) -> None:
    if not (until in {"posted", "listed"} or until.startswith(("says ", "asked "))):
        EventPattern(until)
