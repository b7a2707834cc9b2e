"""Holds what a device says against the one list of it, `startline.states`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from startline import states

_OF_EVERY_EVENT = {"ev", "n", "ms", "crc", "cut"}


def is_listed(word: str, listed: Iterable[str]) -> bool:
    """Tell whether a word is among those listed, where "%" stands for any other word or words."""
    return any(
        re.fullmatch(".+".join(map(re.escape, known.split("%"))), word, re.DOTALL)
        for known in listed
    )


def check_listed(event: Mapping[str, Any]) -> None:
    """Raise AssertionError for an event that says anything which is not in the list."""
    name = event["ev"]
    known = {**states.EVENTS, **states.RACE_EVENTS}
    assert name in known, event
    assert event.keys() <= {*known[name], *_OF_EVERY_EVENT}, event
    if name == "failed":
        assert is_listed(event["reason"], states.STEPS[event["step"]]), event
    for event_name, field, listed in (
        ("warning", "what", states.WARNINGS),
        ("wait", "reason", states.WAIT_REASONS),
        ("rest", "reason", states.REST_REASONS),
        ("record", "state", states.STATES[1:]),
        ("answer", "outcome", states.STATES[1:]),
        ("look", "outcome", states.STATES[1:]),
        ("ready", "state", states.STATES),
        ("race_stopped", "reason", states.RACE_REASONS),
        ("race_session", "state", states.RACE_SESSION_STATES),
        ("race_warning", "what", states.RACE_WARNINGS),
        ("race_aside", "reason", states.RACE_ASIDE_REASONS),
    ):
        assert name != event_name or field not in event or is_listed(event[field], listed), event
