"""The one list of states, events, reasons and settings, held against both ends."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from startline import states
from startline.record import copies

from startline_host.clouds.cloud_registry import claim_settings
from startline_host.clouds.rufus import RufusClaim
from startline_host.clouds.vms import VmsClaim
from startline_host.device.console import Event
from startline_host.device.event_text import _WORDINGS, describe_event
from startline_host.flows.first_boot import _FAILURES
from startline_host.flows.observe import STATES as HOST_STATES
from startline_host.flows.operator.change_plan import FACTORY
from startline_host.flows.settings_sections import plain_of, secrets_of
from startline_host.formats.factory_partition import (
    DeviceSettings,
    NetSettings,
    OptionSettings,
    RacingSettings,
    RunSettings,
    TlsSettings,
    make_entries,
)
from startline_host.formats.units import Unit
from startline_host.secrets import Secret
from tests.firmware.harness import SOURCES
from tests.firmware.listed import check_listed, is_listed

#: The race, which has lists of its own, and what is done beside it.
RACE = (
    "startline_race",
    "startline_online",
    "startline_console",
    "startline_liveport",
)
#: All of the agent but those.
CORE_AND_SMALL = (
    "startline",
    "startline_improv",
    "startline_led",
    "startline_usb",
    "startline_vms",
)
EVENTS = {**states.EVENTS, **states.RACE_EVENTS}
_SETTING = re.compile(r"(?:factory|claim|run|net|tls|set|race)\.[a-z0-9_]+")


def trees(*packages: str) -> Iterator[ast.Module]:
    """Parse every source of the agent, or of these packages, but the list itself."""
    paths = [one for name in packages or CORE_AND_SMALL for one in (SOURCES / name).rglob("*.py")]
    for path in paths if packages else [*paths, *SOURCES.glob("*_commands.py")]:
        if path.name not in {"states.py", "manifest.py"}:
            yield ast.parse(path.read_text(encoding="utf-8"))


def calls(*names: str, packages: tuple[str, ...] = ()) -> Iterator[ast.Call]:
    """Find every call of a function or method of these names."""
    for tree in trees(*packages):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
                if name in names:
                    yield node


def words(node: ast.AST) -> set[str]:
    """Return the texts in a piece of code; what % puts in is "%"."""
    found = {
        re.sub("%[sd]", "%", one.value)
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
    return {word + "%" if word.endswith(" ") else word for word in found}


def all_words() -> set[str]:
    """Return every text in the agent's sources."""
    return set().union(*map(words, trees()))


def emitted() -> dict[str, set[str]]:
    """Return by event the fields that the agent gives it."""
    found: dict[str, set[str]] = {}
    for call in calls("emit"):
        name, fields = call.args
        assert isinstance(name, ast.Constant)
        assert isinstance(fields, ast.Dict)
        for key in fields.keys:
            assert isinstance(key, ast.Constant)
            found.setdefault(str(name.value), set()).add(str(key.value))
    return found


def test_every_event_is_listed_with_its_fields() -> None:
    """The agent emits the events that are listed, each with just the fields that are listed."""
    assert emitted() == {name: set(fields) for name, fields in states.EVENTS.items()}


def test_every_event_has_words_on_the_host() -> None:
    """The host has a sentence for each event, and none for an event that nobody emits."""
    assert _WORDINGS.keys() == EVENTS.keys()


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_said_with_what_it_holds_or_without(name: str) -> None:
    """An event without a single field is a sentence as well, as is one with odd values."""
    for value in (None, "a_word", 7, 1500.5, ["x"], {"y": 1}):
        fields: dict[str, Any] = dict.fromkeys(EVENTS[name], value)
        for some in (fields, {}):
            assert describe_event(Event(name, 0, 0, some)).strip()


def test_every_step_is_listed_and_known_to_the_host() -> None:
    """Each step that can fail has its reasons, and an exit code on the host."""
    assert states.STEPS.keys() == _FAILURES.keys()
    steps = {
        call.args[0].value
        for call in calls("StepFailed")
        if isinstance(call.args[0], ast.Constant)
    }
    doors = {"dns", "connect", "tls", "storage", "answer"}
    assert steps | doors | {"identity"} == states.STEPS.keys()


def test_every_reason_that_is_raised_is_listed() -> None:
    """A reason that stands in a `StepFailed` is one of its step's."""
    for call in calls("StepFailed"):
        step, reason = call.args[:2]
        if isinstance(step, ast.Constant):
            for word in words(reason):
                assert is_listed(word, states.STEPS[str(step.value)]), (step.value, word)


def test_every_reason_that_is_listed_can_come() -> None:
    """No reason and no warning stands in the list that the agent does not know."""
    known = all_words()
    listed = [reason for reasons in states.STEPS.values() for reason in reasons]
    listed += [
        *states.RECORD_REASONS, *states.WARNINGS, *states.WAIT_REASONS, *states.REST_REASONS,
    ]  # fmt: skip
    assert {word for word in listed if word not in known} == {"e%"}  # a name of errno's


def test_every_race_event_is_listed_with_its_fields() -> None:
    """The race role emits the events that are listed, with fields that are listed, and no others."""
    told: dict[str, set[str]] = {}
    for call in calls("emit", "_emit", packages=RACE):
        name, fields = call.args
        assert isinstance(name, ast.Constant)
        keys = {text for node in getattr(fields, "keys", []) for text in words(node)}
        told.setdefault(str(name.value), set()).update(keys)
    assert states.RACE_EVENTS.keys() == told.keys() - states.EVENTS.keys()
    for event, keys in told.items():
        assert keys <= set(EVENTS[event]), event


def test_every_reason_of_the_race_can_come_and_is_listed() -> None:
    """The words of the race are all in its sources, and have a sentence on the host."""
    known = set().union(*map(words, trees(*RACE)))
    known |= {word.replace("%d", "%") for word in known}
    listed = (
        *states.RACE_REASONS, *states.RACE_SESSION_STATES, *states.RACE_CLOCK_REASONS,
        *states.RACE_WARNINGS, *states.RACE_ASIDE_REASONS,
    )  # fmt: skip
    assert {word for word in listed if word not in known} == set()
    for event, field, reasons in (
        ("race_stopped", "reason", states.RACE_REASONS),
        ("race_session", "state", states.RACE_SESSION_STATES),
        ("race_clock", "reason", states.RACE_CLOCK_REASONS),
        ("race_warning", "what", states.RACE_WARNINGS),
        ("race_aside", "reason", states.RACE_ASIDE_REASONS),
    ):
        for reason in reasons:
            said = describe_event(Event(event, 0, 0, {field: reason.replace("%", "80")}))
            assert "_" not in said, said


def test_the_states_are_one_list() -> None:
    """The record, the host and the list name the same states."""
    assert HOST_STATES is states.STATES
    assert ("unprovisioned", *copies.STATES) == states.STATES


def test_what_a_device_says_is_held_against_the_list() -> None:
    """An event, a field or a reason that is not listed fails whichever test comes across it."""
    good = {"ev": "failed", "n": 1, "ms": 2, "step": "link", "reason": "wifi 77", "next_ms": 0}
    check_listed(good)
    for change in ({"ev": "odd"}, {"more": 1}, {"reason": "wifi"}, {"reason": "no_such"}):
        with pytest.raises(AssertionError):
            check_listed(good | change)


# Settings

#: Those that both ends list, and those that a cloud's file on the host adds.
SETTINGS = {**states.SETTINGS, **claim_settings()}


def every(namespace: str, section: type[msgspec.Struct]) -> dict[str, Any]:
    """Return a value of its listed kind for each field of a section."""
    values = {"number": 60, "switch": True, "text": ("b.example",)}
    return {
        name: values[states.SETTINGS[f"{namespace}.{name}"]] for name in section.__struct_fields__
    }


def written_settings() -> set[str]:
    """Return all settings that the host writes, for one cloud or the other."""
    unit = Unit(
        serial="S", model="M", type="t", alias="a", hw_rev="h", mac="24:6f:28:00:00:01",
        made_at=1_795_219_200, name="n",
    )  # fmt: skip
    found: set[str] = set()
    claims = (
        RufusClaim(
            cloud="rufus", base_url="https://c.example/v0", key=Secret("k"), key_header="x-api-key"
        ),
        VmsClaim(
            cloud="vms", base_url="https://c.example", login="l", name="n", type="t",
            auth=Secret("a"), skip_reserve=True, by="mac",
        ),
    )  # fmt: skip
    for claim in claims:
        whole = DeviceSettings(
            claim=claim,
            net=NetSettings(ssid="s", password=Secret("password"), ntp=("a.example",)),
            tls=TlsSettings(ca=(b"1", b"2")),
            run=RunSettings(key=Secret("r")),
            set=OptionSettings(**every("set", OptionSettings)),
            race=RacingSettings(**every("race", RacingSettings)),
        )
        found |= {f"{one.namespace}.{one.key}" for one in make_entries(unit, whole)}
    return found


def test_every_setting_is_written_by_the_host() -> None:
    """The host writes the settings that are listed, and no others."""
    assert written_settings() == SETTINGS.keys()


def test_every_setting_is_read_by_the_agent() -> None:
    """The agent reads the settings that are listed, but for those that are the application's."""
    sources = (*trees(), *trees(*RACE))
    read = {word for tree in sources for word in words(tree) if _SETTING.fullmatch(word)}
    read.add("tls.ca1")  # every `tls.` is read
    assert read == SETTINGS.keys() - set(states.FOR_THE_APP)


def test_a_settings_file_can_say_every_setting() -> None:
    """Each field of the settings can stand in a settings file; what the venue sets is one of them."""
    parts: dict[str, type[msgspec.Struct]] = {
        "net": NetSettings, "tls": TlsSettings, "run": RunSettings, "set": OptionSettings,
        "race": RacingSettings,
    }  # fmt: skip
    for name, struct in parts.items():
        assert {*plain_of(name), *secrets_of(name)} == set(struct.__struct_fields__), name
    claims = {"cloud", *RufusClaim.__struct_fields__, *VmsClaim.__struct_fields__}
    assert {*plain_of("claim"), *secrets_of("claim")} == claims
    assert claim_settings().keys() == {f"claim.{name}" for name in claims}
    at_venue = {f"{space}.{key}" for names in FACTORY.values() for space, key in names}
    assert at_venue <= states.SETTINGS.keys()
